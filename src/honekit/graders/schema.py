"""Graders as requests and evaluation files write them; the names are OpenAI's.

Whatever can be told without an item is told here, as a validation error with its place: a malformed template, a formula
over names that are not there. What Hone does not do is refused, since a grade that ignored it would look right.
"""

from __future__ import annotations

import keyword
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from honekit.graders.formula import FUNCTIONS, MAX_FORMULA_CHARS, check_formula
from honekit.graders.sandbox import MAX_SOURCE_BYTES
from honekit.graders.templates import MAX_TEMPLATE_CHARS, parse_template

MAX_GRADERS = 20
MAX_MESSAGES = 50
MAX_LABELS = 100

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

Metric = Literal[
    "cosine", "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise PydanticCustomError("not_unicode", "The text contains half a surrogate pair") from fault
    return text


def _template(text: str) -> str:
    try:
        parse_template(text)
    except ValueError as fault:
        raise PydanticCustomError("template", "{reason}", {"reason": str(fault)}) from fault
    return text


def _source(text: str) -> str:
    if len(text.encode()) > MAX_SOURCE_BYTES:
        raise PydanticCustomError("source", "a source may have at most {limit} bytes", {"limit": MAX_SOURCE_BYTES})
    return text


def _only_no_effort(given: Any) -> Any:
    if given not in (None, "none"):
        raise PydanticCustomError("unsupported_value", 'only "none" is supported')
    return given


Text = Annotated[str, AfterValidator(_encodable)]
Name = Annotated[Text, Field(min_length=1, max_length=256)]
Template = Annotated[Text, Field(max_length=MAX_TEMPLATE_CHARS), AfterValidator(_template)]


class StringCheckGrader(Body):
    """1 if the strings compare as asked, else 0. `like`: the input contains the reference; `ilike`: whatever the case."""

    type: Literal["string_check"]
    name: Name
    input: Template
    reference: Template
    operation: Literal["eq", "ne", "like", "ilike"]


class TextSimilarityGrader(Body):
    """How alike input and reference are, in [0, 1]; see `honekit.graders.similarity` for the metrics."""

    type: Literal["text_similarity"]
    name: Name
    input: Template
    reference: Template
    evaluation_metric: Metric


class PythonGrader(Body):
    """What `grade(sample, item)` of the source returns; see `honekit.graders.sandbox`."""

    type: Literal["python"]
    name: Name
    source: Annotated[Text, AfterValidator(_source)]
    image_tag: Annotated[Text, Field(max_length=256)] | None = None
    """Kept, and chooses nothing: there is one environment, the standard library of the Python that runs Hone. A source that
    needs more than that fails, whatever the tag."""


def _text_part(given: Any) -> Any:
    if isinstance(given, dict) and given.get("type") in ("input_image", "input_audio"):
        raise PydanticCustomError("unsupported_value", "only content of type 'input_text' or 'output_text' is supported")
    return given


class TextPart(Body):
    type: Literal["input_text", "output_text"]
    text: Template


Part = Template | Annotated[TextPart, BeforeValidator(_text_part)]


class InputMessage(Body):
    """A message to the grading model."""

    role: Literal["user", "assistant", "system", "developer"]
    content: Part | Annotated[list[Part], Field(min_length=1, max_length=100)]
    type: Literal["message"] | None = None

    def texts(self) -> list[str]:
        """The templates of the content in their order."""
        parts = self.content if isinstance(self.content, list) else [self.content]
        return [part if isinstance(part, str) else part.text for part in parts]


Messages = Annotated[list[InputMessage], Field(min_length=1, max_length=MAX_MESSAGES)]


class SamplingParams(Body):
    """How the grading model answers. Without a temperature it takes the likeliest token: a grade should not vary."""

    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_completions_tokens: Annotated[int, Field(ge=1)] | None = None
    reasoning_effort: Annotated[Literal["none"] | None, BeforeValidator(_only_no_effort)] = None


def _range(given: list[float]) -> list[float]:
    if given[0] >= given[1]:
        raise PydanticCustomError("range", "the lower bound has to be below the upper one")
    return given


class ScoreModelGrader(Body):
    """The number that a model answers, within `range`."""

    type: Literal["score_model"]
    name: Name
    model: Text
    input: Messages
    range: Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_range)] | None = None
    sampling_params: SamplingParams | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        return (self.range[0], self.range[1]) if self.range else (0.0, 1.0)


class LabelModelGrader(Body):
    """1 if the label that a model answers is a passing one, else 0."""

    type: Literal["label_model"]
    name: Name
    model: Text
    input: Messages
    labels: Annotated[list[Annotated[Text, Field(min_length=1, max_length=256)]], Field(min_length=1, max_length=MAX_LABELS)]
    passing_labels: Annotated[list[Text], Field(max_length=MAX_LABELS)]

    @field_validator("passing_labels")
    @classmethod
    def _passing_are_labels(cls, given: list[str], info: ValidationInfo) -> list[str]:
        for label in given:
            if label not in info.data.get("labels", given):
                raise PydanticCustomError("labels", "'{label}' is none of the labels", {"label": label[:60]})
        return given


SingleGrader = Annotated[
    StringCheckGrader | TextSimilarityGrader | PythonGrader | ScoreModelGrader | LabelModelGrader, Field(discriminator="type")
]


def _variable_name(name: str) -> str:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in FUNCTIONS:
        raise PydanticCustomError(
            "name", "the name of a grader in a multi grader has letters, digits and _ only, and is no function or word of Python"
        )
    return name


def _shape(given: Any) -> str:
    """The schema has one grader here, the guides an object of them: only the first has a `type` that is a string."""
    one = isinstance(given, BaseModel) or (isinstance(given, dict) and isinstance(given.get("type"), str))
    return "one" if one else "named"


_Named = Annotated[
    dict[Annotated[str, AfterValidator(_variable_name)], SingleGrader], Field(min_length=1, max_length=MAX_GRADERS)
]


class MultiGrader(Body):
    """A formula over the rewards of other graders."""

    type: Literal["multi"]
    name: Name
    graders: Annotated[Annotated[_Named, Tag("named")] | Annotated[SingleGrader, Tag("one")], Discriminator(_shape)]
    calculate_output: Annotated[Text, Field(max_length=MAX_FORMULA_CHARS)]

    @property
    def named(self) -> dict[str, SingleGrader]:
        """The graders by the name that the formula has for them."""
        return self.graders if isinstance(self.graders, dict) else {self.graders.name: self.graders}

    @field_validator("calculate_output")
    @classmethod
    def _formula_fits(cls, formula: str, info: ValidationInfo) -> str:
        graders = info.data.get("graders")
        if graders is None:  # they have a fault of their own, which is reported
            return formula
        try:
            check_formula(formula, graders if isinstance(graders, dict) else {graders.name})
        except ValueError as fault:
            raise PydanticCustomError("formula", "{reason}", {"reason": str(fault)}) from fault
        return formula


Grader = Annotated[
    StringCheckGrader | TextSimilarityGrader | PythonGrader | ScoreModelGrader | LabelModelGrader | MultiGrader,
    Field(discriminator="type"),
]
"""Any grader. The published schema leaves label_model out at this level; here it may stand alone too."""


def embeds(grader: Grader) -> bool:
    """Whether a grader compares embeddings."""
    return any(isinstance(part, TextSimilarityGrader) and part.evaluation_metric == "cosine" for part in all_graders(grader))


def all_graders(grader: Grader) -> list[SingleGrader]:
    """The grader itself, or those within a multi grader."""
    return list(grader.named.values()) if isinstance(grader, MultiGrader) else [grader]


def placed_graders(grader: Grader, place: str) -> list[tuple[str, SingleGrader]]:
    """The same with where each stands in a request that has the grader at `place`."""
    if not isinstance(grader, MultiGrader):
        return [(place, grader)]
    if not isinstance(grader.graders, dict):
        return [(f"{place}.graders", grader.graders)]
    return [(f"{place}.graders.{name}", part) for name, part in grader.graders.items()]
