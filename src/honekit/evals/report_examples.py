"""Single answers for the report: where the tuned arm is right and the base is not, and where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.data.prompts import ANSWER_SEPARATORS
from honekit.evals.plots import kind_of
from honekit.evals.report_format import as_text, breakable, shorten
from honekit.project import Project

View = dict[str, Any]
Item = Mapping[str, Any]

PER_KIND = 12
SHOWN = 700
"""Characters of a text that are shown at once."""
KEPT = 20_000
"""Characters of a text that the report holds at all; `items.json` beside it holds everything."""


def example_groups(project: Project, document: Mapping[str, Any], items: Sequence[Item]) -> View:
    """Up to `PER_KIND` examples of each kind, spread evenly over the test file.

    Right is judged on the field behind the primary metric; where that metric has no field of its own, on the
    metric itself being 1.
    """
    chosen, rival = document["chosen_arm"], _rival(document)
    right = [(item, _is_right(project, item, chosen), rival is not None and _is_right(project, item, rival)) for item in items]
    field = _primary_field(project)
    groups = [
        (f"{chosen} is right, {rival} is wrong", "won", [item for item, a, b in right if a and not b]),
        (f"{chosen} is wrong, {rival} is right", "lost", [item for item, a, b in right if not a and b]),
        (f"{chosen} and {rival} are both wrong", "both-wrong", [item for item, a, b in right if not a and not b]),
    ]
    return {
        "judged_by": f"the field {field}" if field else project.task.primary_metric,
        "both_right": sum(a and b for _, a, b in right),
        "of": len(items),
        "rival": rival,
        "slices": sorted({name for item in items for name in item["slices"]}),
        "groups": [
            {
                "title": title,
                "kind": kind,
                "total": len(found),
                "examples": [_example(project, item) for item in _spread(found)],
            }
            for title, kind, found in groups
        ]
        if rival
        else [],
    }


def _rival(document: Mapping[str, Any]) -> str | None:
    """The untuned arm that does best on the primary metric: the hardest one to win against."""
    metric = document["primary_metric"]
    untuned = [arm for arm in document["arms"] if kind_of(arm) == "untuned"]
    return max(untuned, key=lambda arm: document["arms"][arm].get(metric) or 0.0, default=None)


def _primary_field(project: Project) -> str | None:
    fields = project.task.fields
    return next((f.name for f in fields if f.score != "none" and f.metric_name == project.task.primary_metric), None)


def _is_right(project: Project, item: Item, arm: str) -> bool:
    field, right = _primary_field(project), item["right"].get(arm, {})
    if field is not None:
        return bool(right.get(field, False))
    return bool(item["scores"].get(arm, {}).get(project.task.primary_metric, 0.0) >= 1)


def _spread(found: Sequence[Item]) -> list[Item]:
    if len(found) <= PER_KIND:
        return list(found)
    return [found[i * len(found) // PER_KIND] for i in range(PER_KIND)]


def _example(project: Project, item: Item) -> View:
    field = _primary_field(project)
    expected = item["expected"]
    return {
        "id": item["id"],
        "summary": shorten(item["input"], 120),
        "label": shorten(as_text(expected.get(field)), 40) if field else "",
        "slices": list(item["slices"]),
        "input": folded(item["input"]),
        "expected": folded(_expected(project, expected)),
        "answers": [
            {
                "arm": breakable(arm),
                "text": folded(text) if text.strip() else None,
                "marks": [
                    {"field": breakable(name), "right": right, "primary": name == field}
                    for name, right in item["right"].get(arm, {}).items()
                ],
            }
            for arm, text in item["answers"].items()
        ],
    }


def _expected(project: Project, values: Mapping[str, Any]) -> str:
    if project.task.format == "text":
        return as_text(values.get(project.task.fields[0].name))
    import json

    return json.dumps(values, ensure_ascii=False, separators=ANSWER_SEPARATORS)


def folded(text: str) -> View:
    """A text in two parts: what is shown, and what a click unfolds; `cut` counts the characters left out."""
    if len(text) <= SHOWN:
        return {"head": text, "rest": "", "cut": 0, "length": len(text)}
    return {"head": text[:SHOWN], "rest": text[SHOWN:KEPT], "cut": max(0, len(text) - KEPT), "length": len(text)}
