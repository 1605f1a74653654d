"""What an evaluation's data sources and sampling look like, in the API and in suites. The names are OpenAI's."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from honekit.graders.schema import InputMessage, Text
from honekit.graders.templates import Variable, parse_template

MAX_ROWS = 100_000
DEFAULT_SEED = 42
MIN_OUTPUT_TOKENS = 16
"""Of /v1/responses, where they are called max_output_tokens."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _number(given: Any) -> Any:
    return float(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _only_no_effort(given: Any) -> Any:
    if given not in (None, "none"):
        raise PydanticCustomError("unsupported_value", 'only "none" is supported')
    return given


def _unsupported(given: Any) -> Any:
    if given is not None:
        raise PydanticCustomError("unsupported_parameter", "this parameter is not supported")
    return given


NoEffort = Annotated[Literal["none"] | None, BeforeValidator(_only_no_effort)]
Number = Annotated[float, BeforeValidator(_number)]


def _storable(given: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as fault:
        raise PydanticCustomError("not_unicode", "it holds half a surrogate pair, which is no character") from fault
    except (ValueError, RecursionError) as fault:
        raise PydanticCustomError(
            "not_json", "it holds what JSON cannot: NaN, Infinity, or a nesting that is too deep"
        ) from fault
    return given


Row = Annotated[dict[str, Any], AfterValidator(_storable)]


class ContentRow(Body):
    item: Row
    sample: Row | None = None


class FileContent(Body):
    type: Literal["file_content"]
    content: Annotated[list[ContentRow], Field(min_length=1, max_length=MAX_ROWS)]


class FileId(Body):
    type: Literal["file_id"]
    id: Text


class StoredCompletions(Body):
    """Chat completions that were stored, narrowed down."""

    type: Literal["stored_completions"]
    metadata: dict[str, str] | None = None
    model: Text | None = None
    created_after: Annotated[int, Field(ge=0)] | None = None
    created_before: Annotated[int, Field(ge=0)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] | None = None


class StoredResponses(Body):
    """Responses that were stored, narrowed down; of the contract's filters those that Hone keeps something for."""

    type: Literal["responses"]
    metadata: dict[str, Any] | None = None
    model: Text | None = None
    instructions_search: Text | None = None
    created_after: Annotated[int, Field(ge=0)] | None = None
    created_before: Annotated[int, Field(ge=0)] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    tools: list[Text] | None = None
    users: Annotated[list[Text] | None, BeforeValidator(_unsupported)] = None
    reasoning_effort: NoEffort = None


def about_the_item(given: list[InputMessage]) -> list[InputMessage]:
    """Raises: PydanticCustomError for messages that name the answer, which there is none of when they are sent."""
    for text in (text for message in given for text in message.texts()):
        for part in parse_template(text):
            if isinstance(part, Variable) and part.root == "sample":
                reason = f"'{{{{{part.text[:60]}}}}}' is the answer, which the question cannot hold: only the item can be named"
                raise PydanticCustomError("template", "{reason}", {"reason": reason})
    return given


class Template(Body):
    type: Literal["template"]
    template: Annotated[list[InputMessage], Field(min_length=1, max_length=100), AfterValidator(about_the_item)]


class ItemReference(Body):
    type: Literal["item_reference"]
    item_reference: Annotated[Text, Field(pattern=r"^item(\.[\w-]+|\[[0-9]{1,7}\])+$", max_length=500)]


InputMessages = Annotated[Template | ItemReference, Field(discriminator="type")]


class CompletionsSampling(Body):
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    response_format: dict[str, Any] | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    reasoning_effort: NoEffort = None


class TextFormat(Body):
    format: dict[str, Any] | None = None


class ResponsesSampling(Body):
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=MIN_OUTPUT_TOKENS)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    """Of no effect: /v1/responses takes none."""
    tools: Annotated[list[dict[str, Any]], Field(max_length=128)] | None = None
    text: TextFormat | None = None
    reasoning_effort: NoEffort = None


def _by_type(given: Any) -> Any:
    return given.get("type") if isinstance(given, dict) else getattr(given, "type", None)


JsonlSource = Annotated[FileContent | FileId, Field(discriminator="type")]


class Jsonl(Body):
    """The answers are given with the items: nothing is sampled."""

    type: Literal["jsonl"]
    source: JsonlSource


class Completions(Body):
    type: Literal["completions"]
    source: Annotated[FileContent | FileId | StoredCompletions, Field(discriminator="type")]
    input_messages: InputMessages | None = None
    model: Text | None = None
    sampling_params: CompletionsSampling | None = None


class Responses(Body):
    type: Literal["responses"]
    source: Annotated[FileContent | FileId | StoredResponses, Field(discriminator="type")]
    input_messages: InputMessages | None = None
    model: Text | None = None
    sampling_params: ResponsesSampling | None = None


DataSource = Annotated[
    Annotated[Jsonl, Tag("jsonl")] | Annotated[Completions, Tag("completions")] | Annotated[Responses, Tag("responses")],
    Discriminator(_by_type),
]


def samples(source: Any) -> bool:
    """Whether a model is asked; else the answers come with the items."""
    return not isinstance(source, Jsonl) and source.model is not None
