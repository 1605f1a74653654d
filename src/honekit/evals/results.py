"""The results of `hone run`, read back: figures and graded items, as the gate needs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from honekit.errors import EvalError
from honekit.evals.gate import Evidence
from honekit.evals.guard import GUARDED, MIN_PASSED
from honekit.evals.verdict import CLASSICAL
from honekit.graders import NULL_LABEL, Graded, strict_label
from honekit.project import Project


def find_result(place: Path) -> Path:
    """`result.json` of a run's folder or file, or of the newest run of a project.

    Raises: EvalError[gate.no_result].
    """
    if not place.exists():
        raise EvalError(
            "gate.no_result", what="there is no such folder", where=str(place), mend="name a project's folder, or that of a run"
        )
    if place.is_file() and place.name != "hone.toml":
        return place
    folder = place.parent if place.is_file() else place
    if (folder / "result.json").is_file():
        return folder / "result.json"
    runs = sorted(folder.glob(".hone/runs/*/result.json"))
    if not runs:
        raise EvalError(
            "gate.no_result",
            what="there is no finished run here",
            where=str(folder),
            mend="run `hone run` first, or name its folder",
        )
    return runs[-1]


def read_evidence(project: Project, result: Path) -> tuple[dict[str, Any], Evidence]:
    """The result's document, and what rules are decided by. Raises: EvalError[gate.result_unreadable]."""
    document = _read(result)
    items = _read(result.with_name("items.json")) if result.with_name("items.json").exists() else []
    try:
        arms = document["arms"]
        graded = {arm: [_graded(project, item, arm) for item in items] for arm in arms if items and arm in items[0]["answers"]}
        return document, evidence_of(project, document, graded, document["chosen_arm"])
    except (KeyError, TypeError, AttributeError) as fault:
        raise _unreadable(result, f"it lacks {fault}") from fault


def evidence_of(project: Project, document: Mapping[str, Any], graded: Mapping[str, Sequence[Graded]], chosen: str) -> Evidence:
    """From the document's `arms` and `guard`; of what the guard did not find out it says why."""
    guard = document.get("guard")
    missing, intervals = {}, {}
    if guard is None:
        missing = dict.fromkeys(
            GUARDED, "the regression guard did not run; `hone run` runs it where a rule of hone.toml asks for it"
        )
    elif guard["forgetting"] is None:
        missing["forgetting"] = (
            f"cannot be told, the base passes {guard['passed_by_base']} of {guard['probes']} probes and {MIN_PASSED} are needed"
        )
    elif guard.get("interval"):
        intervals["forgetting"] = (float(guard["interval"][0]), float(guard["interval"][1]))
    return Evidence(project, numbers(document), graded, chosen, intervals, missing)


def numbers(document: Mapping[str, Any]) -> dict[str, float]:
    """Every single figure of the document by the name that rules have for it."""
    found: dict[str, float] = {}
    for arm, values in document["arms"].items():
        found |= {f"{arm}.{name}": float(value) for name, value in values.items() if _is_number(value)}
    found |= {name: float(value) for name, value in (document.get("guard") or {}).items() if _is_number(value)}
    return found


def _graded(project: Project, item: Mapping[str, Any], arm: str) -> Graded:
    values = _values(project, item["answers"][arm], arm)
    labels: dict[str, tuple[str, str | None]] = {}
    for field in project.task.fields:
        if field.type == "enum" and field.name in item["right"][arm]:
            expected = item["expected"].get(field.name)
            labels[field.name] = (NULL_LABEL if expected is None else expected, strict_label(field, values))
    return Graded(item["id"], tuple(item["slices"]), dict(item["scores"][arm]), dict(item["right"][arm]), labels)


def _values(project: Project, text: str, arm: str) -> dict[str, Any] | None:
    from honekit.data.prompts import parse_answer

    if arm == CLASSICAL:  # it writes values, whatever the format of the task
        read: dict[str, Any] = json.loads(text)
        return read
    return parse_answer(project, text).values


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise _unreadable(path, str(fault)) from fault


def _unreadable(path: Path, why: str) -> EvalError:
    return EvalError(
        "gate.result_unreadable", what=f"this is no result of `hone run`: {why}", where=str(path), mend="run `hone run` again"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
