"""Tasks of lm-evaluation-harness and Inspect, asked of any server of OpenAI's API, where these packages are installed.

The packages ask, score and keep their own logs. What comes back is one figure a metric, as they compute it, and each sample's
score, which Hone keeps as a run so that two models can be compared item by item.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from honekit.errors import EvalError
from honekit.evals.suites import Suite, parsed_criteria
from honekit.store.evals import Entry

Library = Literal["lm-eval", "inspect"]
PACKAGES: dict[Library, tuple[str, str]] = {"lm-eval": ("lm_eval", "lm-eval[api]"), "inspect": ("inspect_ai", "inspect-ai")}
"""Module, and what pip installs."""


@dataclass(frozen=True)
class Subject:
    """Who is asked: `url` ends in /v1."""

    model: str
    url: str
    key: str


@dataclass(frozen=True)
class Scored:
    """One sample. scores: by metric, those that are right (1) or wrong (0)."""

    id: str
    question: str
    answer: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Figure:
    """A metric of the whole task with the package's own standard error, where it gives one."""

    metric: str
    value: float
    standard_error: float | None


@dataclass(frozen=True)
class ExternalResult:
    task: str
    library: str
    """Name and version."""
    figures: list[Figure]
    samples: list[Scored] = field(default_factory=list)
    log: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the samples."""
        return {"task": self.task, "library": self.library, "figures": [asdict(one) for one in self.figures], "log": self.log}


def parse_task(text: str) -> tuple[Library, str]:
    """`lm-eval:ifeval` -> the library and its task. Raises: EvalError[evals.external_task]."""
    library, colon, task = text.partition(":")
    for known in PACKAGES:
        if library == known and colon and task:
            return known, task
    raise EvalError(
        "evals.external_task",
        what=f"{text[:80]!r} names no task of another library",
        mend="write lm-eval:TASK, such as lm-eval:ifeval, or inspect:FILE.py, inspect:PACKAGE/TASK",
    )


def require(library: Library) -> None:
    """Raises: EvalError[evals.not_installed] with what installs it."""
    module, package = PACKAGES[library]
    if importlib.util.find_spec(module) is None:
        raise EvalError("evals.not_installed", what=f"{library} is not installed here", mend=f"pip install '{package}'")


def run_external(
    library: Library, task: str, subject: Subject, logs: Path, *, limit: int | None = None, tasks_dir: Path | None = None
) -> list[ExternalResult]:
    """The task's results, one for each of its parts.

    Raises: EvalError[evals.not_installed | evals.external_failed].
    """
    require(library)
    from honekit.evals.external_inspect import run_inspect
    from honekit.evals.external_lm_eval import run_task

    try:
        if library == "lm-eval":
            return run_task(task, subject, limit=limit, tasks_dir=tasks_dir)
        return run_inspect(task, subject, logs, limit=limit)
    except ImportError as fault:  # the package is there, and one that it needs is not
        raise EvalError(
            "evals.not_installed", what=f"{library} cannot be imported: {fault}", mend=f"pip install '{PACKAGES[library][1]}'"
        ) from fault


def as_suite(library: Library, result: ExternalResult, model: str) -> Suite | None:
    """The samples with their scores as a suite whose answers are given; None where no metric is right or wrong by sample."""
    metrics = [name for name in _metrics(result.samples) if all(name in one.scores for one in result.samples)]
    if not metrics:
        return None
    rows = [
        Entry({"id": one.id, "input": one.question}, {"output_text": one.answer, **{m: str(int(one.scores[m])) for m in metrics}})
        for one in result.samples
    ]
    criteria = [
        {"type": "string_check", "name": name, "input": f"{{{{sample.{name}}}}}", "reference": "1", "operation": "eq"}
        for name in metrics
    ]
    return Suite(f"{library}:{result.task}", rows, None, {}, parsed_criteria(criteria), how=model)


def _metrics(samples: list[Scored]) -> list[str]:
    return list(dict.fromkeys(name for one in samples for name in one.scores))


def failed(library: Library, why: str) -> EvalError:
    """What went wrong in the other library."""
    return EvalError(
        "evals.external_failed",
        what=f"{library} could not run the task: {why[:500]}",
        mend="see that library's own documentation of the task; `--limit 2` tries it quickly",
    )


def right_or_wrong(scores: dict[str, Any]) -> dict[str, float]:
    """Those that are 0 or 1."""
    return {name: float(value) for name, value in scores.items() if isinstance(value, bool | int | float) and value in (0, 1)}
