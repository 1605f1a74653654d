"""Graders as the criteria of an evaluation: each item passes or fails each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, TypeAdapter

from honekit.graders import calls, functions, matching, own, verdicts
from honekit.graders.faults import GradingFault
from honekit.graders.judges import TokenUsage
from honekit.graders.probes import Kind
from honekit.graders.run import Means, run_grader
from honekit.graders.schema import (
    LabelModelGrader,
    PythonGrader,
    ScoreModelGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from honekit.graders.similarity import embedding_cosine
from honekit.graders.templates import Sample, render
from honekit.graders.values import read_number


def _number(given: Any) -> Any:
    return float(given) if isinstance(given, int) and not isinstance(given, bool) else given


Threshold = Annotated[float, BeforeValidator(_number)]


class TextSimilarity(TextSimilarityGrader):
    pass_threshold: Threshold


class Python(PythonGrader):
    pass_threshold: Threshold | None = None
    """Without one 0.5."""


class ScoreModel(ScoreModelGrader):
    pass_threshold: Threshold | None = None
    """Without one the middle of its range."""


Criterion = Annotated[
    StringCheckGrader | TextSimilarity | Python | ScoreModel | LabelModelGrader | own.OwnGrader, Field(discriminator="type")
]
CRITERION: TypeAdapter[Any] = TypeAdapter(Criterion)

EmbedBy = Callable[[str, Sequence[str]], Sequence[Sequence[float]]]
"""Model and texts to vectors. Raises: judges.AskFailed."""


@dataclass
class Result:
    """What one criterion says of one sample. With a `fault` there is no grade: score 0, not passed.

    notes: what else is worth keeping, such as the classes, or which answer a judge preferred.
    """

    name: str
    type: str
    score: float
    passed: bool
    fault: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, TokenUsage] = field(default_factory=dict)


def parse_criteria(given: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Raises: pydantic.ValidationError."""
    return [CRITERION.validate_python(dict(one)) for one in given]


def own_types() -> list[str]:
    """The types of Hone's own graders."""
    return [get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(own.OwnGrader)]


def threshold(criterion: Any) -> float:
    """The score with which an item passes."""
    given = getattr(criterion, "pass_threshold", None)
    if given is not None:
        return float(given)
    if isinstance(criterion, ScoreModelGrader):
        return sum(criterion.bounds) / 2
    return 0.5 if isinstance(criterion, PythonGrader) else 1.0


def judges_of(criteria: Sequence[Any]) -> Iterator[tuple[str, Kind]]:
    """The models that the criteria ask for a judgement, and in which way, each once."""
    kinds: dict[type[Any], Kind] = {
        ScoreModelGrader: "score", LabelModelGrader: "label", own.PairwiseGrader: "pair", own.RubricGrader: "point",
    }  # fmt: skip
    found = [(one.model, kind) for one in criteria for of, kind in kinds.items() if isinstance(one, of)]
    yield from dict.fromkeys(found)


def models_of(criterion: Any) -> list[str]:
    """The models that a criterion needs, judges and embedders."""
    return [criterion.model] if hasattr(criterion, "model") else []


def grade_by(criterion: Any, item: Mapping[str, Any], sample: Sample, means: Means, embed: EmbedBy | None = None) -> Result:
    """Grade. What is wrong with item, sample or a judge's answer is a fault of the result, not an exception.

    Raises: GraderError for a Python grader or function that may not or cannot run here.
    """
    result = Result(criterion.name, criterion.type, 0.0, False)
    if not isinstance(criterion, own.OwnGrader):
        outcome = run_grader(criterion, item, sample, means)
        result.score, result.usage = outcome.reward, outcome.usage
        if outcome.errors.any():
            result.score = 0.0
            if not all(_is_of_the_answer(details) for details in outcome.details):
                result.fault = "; ".join(outcome.details) or "the grader failed"
    else:
        try:
            result.score = _own(criterion, item, sample, means, embed, result)
        except GradingFault as fault:
            result.fault = fault.details
    result.passed = result.fault is None and result.score >= threshold(criterion)
    return result


def _own(criterion: Any, item: Mapping[str, Any], sample: Sample, means: Means, embed: EmbedBy | None, result: Result) -> float:
    if isinstance(criterion, own.FunctionGrader):
        return functions.call(criterion.function, sample.namespace(), item, criterion.options)
    if isinstance(criterion, own.ToolCallGrader):
        made = sample.more.get("output_tools") or []
        return calls.tool_calls(criterion, made, render(criterion.reference, item, sample))
    if isinstance(criterion, own.PairwiseGrader | own.RubricGrader):
        return _judged(criterion, item, sample, means, result)
    said = _output(criterion, item, sample)
    text = said or ""
    match criterion:
        case own.JsonSchemaGrader():
            return matching.json_schema(criterion, text)
        case own.RegexGrader():
            return 0.0 if said is None else matching.regex(criterion, text)
        case own.PhraseGrader():
            return matching.phrase(text, render(criterion.accepted, item, sample))
    reference = render(criterion.reference, item, sample)
    match criterion:
        case own.FieldMatchGrader():
            return matching.field_match(criterion, text, reference)
        case own.SetF1Grader():
            return 0.0 if said is None else matching.set_f1(criterion, text, reference)
        case own.NumericGrader():
            return matching.numeric(criterion, text, reference)
        case own.ClassificationGrader():
            expected, predicted = matching.classify(criterion, text, reference)
            result.notes |= {"expected": expected, "predicted": predicted}
            if criterion.confidence is not None:
                result.notes["confidence"] = _confidence(criterion.confidence, item, sample)
            return float(expected == predicted)
        case _:
            return 0.0 if said is None else _semantic(criterion, text, reference, embed)


def _output(criterion: Any, item: Mapping[str, Any], sample: Sample) -> str | None:
    """The input's text; None where the answer is not JSON or lacks a key: a wrong answer, and not a fault of grading."""
    try:
        return render(criterion.input, item, sample)
    except GradingFault as fault:
        if _is_of_the_answer(fault.details):
            return None
        raise


def _is_of_the_answer(details: str) -> bool:
    """Whether a fault only says that the answer is not JSON, or lacks a key: then it is a wrong answer."""
    return details.startswith(("the sample is not JSON", "there is no sample.output_json"))


def _confidence(template: str, item: Mapping[str, Any], sample: Sample) -> float | None:
    try:
        given = read_number(render(template, item, sample), "whole")
    except GradingFault:
        return None
    return given if given is not None and 0 <= given <= 1 else None


def _judged(criterion: Any, item: Mapping[str, Any], sample: Sample, means: Means, result: Result) -> float:
    if means.ask is None:
        raise GradingFault("model_grader_server_error", "there is no judge to ask")
    way = verdicts.pairwise if isinstance(criterion, own.PairwiseGrader) else verdicts.rubric
    verdict = way(criterion, item, sample, means.ask)
    result.notes |= verdict.notes
    result.usage = {verdict.model: verdict.usage}
    return verdict.reward


def _semantic(criterion: own.SemanticSimilarityGrader, text: str, reference: str, embed: EmbedBy | None) -> float:
    from honekit.graders.judges import AskFailed

    if embed is None:
        raise GradingFault("model_grader_server_error", "there is no model to embed with")
    try:
        return embedding_cosine(text, reference, lambda texts: embed(criterion.model, texts))
    except AskFailed as fault:
        raise GradingFault("model_grader_server_error", str(fault)) from fault
