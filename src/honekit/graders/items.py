"""Do item and sample hold what a grader's templates name? Told before a job runs, where it can still be mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

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
    return [one for one in _variables(grader) if one.root == "item"]


def _names_an_answer(grader: Grader) -> Grader:
    for one in _variables(grader):
        if one.root == "sample" and one.steps and one.steps[0] not in ("output_text", "output_json"):
            raise PydanticCustomError(
                "invalid_value",
                "its template {name} finds nothing: of a sample there are output_text and output_json",
                {"name": f"{{{{{one.text[:60]}}}}}"},
            )
    return grader


AnswerGrader = Annotated[Grader, AfterValidator(_names_an_answer)]
"""A grader of a model's answer, which is all that its templates may name of the sample."""


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


def _variables(grader: Grader) -> list[Variable]:
    """The paths that the grader's templates name, each once."""
    pieces = (piece for part in all_graders(grader) for template in _templates(part) for piece in parse_template(template))
    return list({piece.text: piece for piece in pieces if isinstance(piece, Variable)}.values())


def _templates(grader: SingleGrader) -> Iterator[str]:
    match grader:
        case StringCheckGrader() | TextSimilarityGrader():
            yield from (grader.input, grader.reference)
        case ScoreModelGrader() | LabelModelGrader():
            for message in grader.input:
                yield from message.texts()
