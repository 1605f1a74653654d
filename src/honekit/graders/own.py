"""Hone's own graders, written as OpenAI's are and used where they are: in evaluations, by the API and from files.

Each answers a number in [0, 1]; docs/graders.md has an example of each.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from honekit.graders.json_schema import check_schema
from honekit.graders.patterns import compile_pattern
from honekit.graders.schema import MAX_LABELS, Body, Name, SamplingParams, Template, Text

OUTPUT = "{{sample.output_text}}"
MAX_PATTERN_CHARS = 2000
MAX_RUBRIC = 20


def _schema(given: dict[str, Any]) -> dict[str, Any]:
    try:
        check_schema(given)
    except ValueError as fault:
        raise PydanticCustomError("json_schema", "{reason}", {"reason": str(fault)}) from fault
    return given


def _pattern(given: str) -> str:
    try:
        compile_pattern(given)
    except ValueError as fault:
        raise PydanticCustomError("pattern", "{reason}", {"reason": str(fault)}) from fault
    return given


def _number(given: Any) -> Any:
    return float(given) if isinstance(given, int) and not isinstance(given, bool) else given


Tolerance = Annotated[float, BeforeValidator(_number), Field(ge=0)]
Threshold = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]


class _Own(Body):
    pass_threshold: Threshold = 1.0
    """An item passes with this score or a higher one."""


class JsonSchemaGrader(_Own):
    """1 if the input is JSON that fits the schema."""

    type: Literal["json_schema"]
    name: Name
    input: Template = OUTPUT
    schema_: Annotated[dict[str, Any], AfterValidator(_schema), Field(alias="schema")]


class FieldMatchGrader(_Own):
    """The share of the reference's fields that the input, a JSON object too, has with the same value."""

    type: Literal["field_match"]
    name: Name
    input: Template = OUTPUT
    reference: Template
    fields: Annotated[list[Text], Field(min_length=1, max_length=200)] | None = None
    """Which fields count; None: all of the reference."""
    ignore_case: bool = False
    absolute: Tolerance = 0.0
    """How far numbers may be apart."""


class ClassificationGrader(_Own):
    """1 if the input names the reference's class. The run gets accuracy, precision, recall, F1, confusion and calibration."""

    type: Literal["classification"]
    name: Name
    input: Template = OUTPUT
    reference: Template
    labels: Annotated[list[Annotated[Text, Field(min_length=1, max_length=256)]], Field(min_length=2, max_length=MAX_LABELS)]
    lenient: bool = False
    """Also take a class that the input names as whole words among others, if it is the only one."""
    confidence: Template | None = None
    """A number from 0 to 1: how sure the model says it is."""


class SetF1Grader(_Own):
    """F1 of two sets: JSON lists, or texts that `separator` splits."""

    type: Literal["set_f1"]
    name: Name
    input: Template = OUTPUT
    reference: Template
    separator: Annotated[Text, Field(min_length=1, max_length=8)] = ","
    ignore_case: bool = True


class PhraseGrader(_Own):
    """1 if the input is one of the accepted phrases; case, punctuation and blanks do not count."""

    type: Literal["phrase"]
    name: Name
    input: Template = OUTPUT
    accepted: Template
    """A JSON list of phrases, or one phrase."""


class RegexGrader(_Own):
    """1 if the pattern (RE2, linear time) is found in the input, or with `absent` if it is not."""

    type: Literal["regex"]
    name: Name
    input: Template = OUTPUT
    pattern: Annotated[Text, Field(min_length=1, max_length=MAX_PATTERN_CHARS), AfterValidator(_pattern)]
    ignore_case: bool = False
    absent: bool = False


class NumericGrader(_Own):
    """1 if the input's number is within the larger of the two tolerances of the reference's."""

    type: Literal["numeric"]
    name: Name
    input: Template = OUTPUT
    reference: Template
    absolute: Tolerance = 0.0
    relative: Tolerance = 0.0
    """As a share of the reference's size."""
    find: Literal["whole", "first", "last"] = "whole"
    """whole: the input is the number; else which one of the numbers in it counts."""


class SemanticSimilarityGrader(_Own):
    """Cosine of the embeddings of input and reference by a served model; below 0 counts as 0."""

    type: Literal["semantic_similarity"]
    name: Name
    model: Text
    input: Template = OUTPUT
    reference: Template
    pass_threshold: Threshold
    """None by itself: how alike is alike depends on the model."""


class ToolCallGrader(_Own):
    """How far the sample's calls are those of the reference: F1 of the calls, each used once."""

    type: Literal["tool_call"]
    name: Name
    reference: Template
    """A JSON list of calls: {"name": ..., "arguments": {...}}."""
    arguments: Literal["exact", "subset", "ignore"] = "exact"
    """subset: the reference's arguments have to be there, further ones may."""
    ordered: bool = False
    """Calls count only in the reference's order (the longest common subsequence)."""


class PairwiseGrader(_Own):
    """Whether a judge prefers the sample to the reference: 1, 0, or 0.5 for a tie. Asked twice, with the places swapped."""

    type: Literal["pairwise"]
    name: Name
    model: Text
    question: Template
    """What both answer."""
    input: Template = OUTPUT
    reference: Template
    criteria: Text = "Which answer is better: more correct and more helpful?"
    human: Template | None = None
    """A human's verdict, where there is one: `sample`, `reference` or `tie`. The run reports how often the judge agrees."""
    pass_threshold: Threshold = 0.5
    sampling_params: SamplingParams | None = None


class RubricPoint(Body):
    name: Name
    description: Annotated[Text, Field(min_length=1, max_length=2000)]
    weight: Annotated[float, BeforeValidator(_number), Field(gt=0, le=1000)] = 1.0


class RubricGrader(_Own):
    """The weighted share of the rubric's points that a judge says the input meets; each point is asked by itself."""

    type: Literal["rubric"]
    name: Name
    model: Text
    question: Template
    input: Template = OUTPUT
    rubric: Annotated[list[RubricPoint], Field(min_length=1, max_length=MAX_RUBRIC)]
    sampling_params: SamplingParams | None = None


class FunctionGrader(_Own):
    """A Python function of an installed package, by its entry point in the group `honekit.graders`."""

    type: Literal["function"]
    name: Name
    function: Name
    options: dict[str, Any] = Field(default_factory=dict)
    pass_threshold: Threshold = 0.5


OwnGrader = (
    JsonSchemaGrader
    | FieldMatchGrader
    | ClassificationGrader
    | SetF1Grader
    | PhraseGrader
    | RegexGrader
    | NumericGrader
    | SemanticSimilarityGrader
    | ToolCallGrader
    | PairwiseGrader
    | RubricGrader
    | FunctionGrader
)
