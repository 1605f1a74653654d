"""Does an item hold what a grader's templates name? Told before a job runs, where it can still be mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from honekit.data.lines import Finding, nearest
from honekit.graders.faults import GradingFault
from honekit.graders.schema import (
    Grader,
    LabelModelGrader,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
    all_graders,
)
from honekit.graders.templates import Sample, Variable, parse_template, render


def item_variables(grader: Grader) -> list[Variable]:
    """The paths into the item that the grader's templates name, each once, in their order. Python graders have none."""
    found: dict[str, Variable] = {}
    for part in all_graders(grader):
        for template in _templates(part):
            for piece in parse_template(template):
                if isinstance(piece, Variable) and piece.root == "item":
                    found.setdefault(piece.text, piece)
    return list(found.values())


def item_faults(variables: list[Variable], item: Mapping[str, Any], line: int) -> Iterator[Finding]:
    """One error for each variable that this item does not hold."""
    for variable in variables:
        try:
            render("{{" + variable.text + "}}", item, Sample(""))
        except GradingFault as fault:
            first = variable.steps[0] if variable.steps else ""
            fix = nearest(first, map(str, item)) if item and first not in item else "add it, or mend the grader's template"
            what = f"the grader's template {{{{{variable.text}}}}} finds nothing here: {fault.details}"
            yield Finding("data.reinforcement.item", "error", line, str(first), what, fix)


def _templates(grader: SingleGrader) -> Iterator[str]:
    match grader:
        case StringCheckGrader() | TextSimilarityGrader():
            yield from (grader.input, grader.reference)
        case ScoreModelGrader() | LabelModelGrader():
            for message in grader.input:
                yield from message.texts()
