"""The bodies of POST /v1/chat/completions. What Hone does not do is named here too, with the values that ask for nothing.

Unknown keys and any other value of such a parameter are refused: an answer that ignored one would look right.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class Body(BaseModel):
    """A part of a request: unknown keys and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def neutral(*values: Any) -> BeforeValidator:
    """Accepts only values that ask for nothing: null and `values`."""

    def check(given: Any) -> Any:
        if given is None or any(_same_json(given, value) for value in values):
            return given
        if not values:
            raise PydanticCustomError("unsupported_parameter", "this parameter is not supported yet")
        raise PydanticCustomError(
            "unsupported_value",
            "only {allowed} is supported yet",
            {"allowed": " or ".join(json.dumps(value) for value in values)},
        )

    return BeforeValidator(check)


def _same_json(given: Any, value: Any) -> bool:
    """Equality as JSON has it: 0 is 0.0, but true is not 1."""
    return bool(given == value) and (type(given) is type(value) or (type(given) is int and type(value) is float))


Unsupported = Annotated[None, neutral()]


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise PydanticCustomError("not_unicode", "The text contains half a surrogate pair") from fault
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""JSON can escape half a surrogate pair, which is no character and cannot be encoded."""


AnyJson = TypeVar("AnyJson", dict[str, Any], list[Any])

MAX_DEPTH = 100
"""Of JSON that a request carries; far above what grammars take, far below what the interpreter can go down."""


def plain_json(given: AnyJson) -> AnyJson:
    """The same, where it can be kept and sent: not nested deeper than `MAX_DEPTH`, no NaN, no half of a surrogate pair."""
    level: list[Any] = [given]
    for _ in range(MAX_DEPTH):
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one) if isinstance(inner, dict | list)
        ]
    if level:
        raise PydanticCustomError("invalid_value", "this is nested too deeply")
    try:
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as fault:
        raise PydanticCustomError("invalid_value", "this is not JSON: NaN, or half a surrogate pair") from fault
    return given


Schema = Annotated[dict[str, Any], AfterValidator(plain_json)]
"""May go back with an answer and into the database, so it must be JSON, and not deeper than these can take."""


def of_type(what: str, *types: str) -> BeforeValidator:
    """Names the types that are supported when an object is of another, whose own fields nobody knows here."""

    def check(given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("type"), str) and given["type"] not in types:
            names = " and ".join(f"'{name}'" for name in types)
            raise PydanticCustomError("unsupported_type", f"only {what} of type {names} are supported")
        return given

    return BeforeValidator(check)


class TextPart(Body):
    type: Literal["text"]
    text: Text


Part = Annotated[TextPart, of_type("content parts", "text")]
Content = Text | Annotated[list[Part], Field(min_length=1)]


class InstructionMessage(Body):
    """`developer` is the newer name of `system`; models were trained with the latter, and so it is rendered."""

    role: Literal["system", "developer"]
    content: Content
    name: Text | None = None


class UserMessage(Body):
    role: Literal["user"]
    content: Content
    name: Text | None = None


FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
ByHelpers = Annotated[Any, Field(exclude=True)]
"""What the official clients' `parse` and `stream` add to an answer and leave in it when it is sent back: nothing new."""


class CalledFunction(Body):
    name: FunctionName
    arguments: Text
    parsed_arguments: ByHelpers = None


class ToolCall(Body):
    """A call that the assistant made."""

    id: Text
    type: Literal["function"]
    function: CalledFunction
    index: ByHelpers = None


class AssistantMessage(Body):
    """Earlier answers may be sent back as they came: their empty fields are accepted."""

    role: Literal["assistant"]
    content: Content | None = None
    name: Text | None = None
    refusal: Unsupported = None
    audio: Unsupported = None
    tool_calls: list[Annotated[ToolCall, of_type("tool calls", "function")]] | None = None
    function_call: CalledFunction | None = None
    """Deprecated: a call of one of the `functions`."""
    annotations: Annotated[list[Any] | None, Field(max_length=0), neutral([])] = None
    parsed: ByHelpers = None

    @model_validator(mode="after")
    def _says_something(self) -> AssistantMessage:
        if self.content is None and not self.tool_calls and not self.function_call:
            raise PydanticCustomError("invalid_value", "an assistant message needs 'content' or 'tool_calls'")
        if self.tool_calls and self.function_call:
            raise PydanticCustomError("invalid_value", "a message has 'tool_calls' or the deprecated 'function_call', not both")
        return self


class ToolMessage(Body):
    """What a called function gave back."""

    role: Literal["tool"]
    content: Content
    tool_call_id: Text


class FunctionMessage(Body):
    """Deprecated: what one of the `functions` gave back."""

    role: Literal["function"]
    content: Text | None
    name: FunctionName


Message = Annotated[
    InstructionMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage, Field(discriminator="role")
]
_SAID = {"role", "content", "name", "tool_calls", "tool_call_id", "function_call"}


def as_plain(message: Message) -> dict[str, Any]:
    """What a message says, without what is absent."""
    return message.model_dump(include=_SAID, exclude_none=True)


class FunctionSpec(Body):
    """A function that may be called. `parameters` is the JSON schema of its arguments, an object; absent means none."""

    name: FunctionName
    description: Text | None = None
    parameters: Schema | None = None
    strict: bool | None = None


class LegacyFunction(Body):
    """One of the deprecated `functions`."""

    name: FunctionName
    description: Text | None = None
    parameters: Schema | None = None


class Tool(Body):
    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(Body):
    name: FunctionName


class NamedToolChoice(Body):
    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Body):
    """The tools of a request that may be called in this answer; `required`: one of them must be."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[Annotated[NamedToolChoice, of_type("tools", "function")]], Field(min_length=1, max_length=128)]


class AllowedToolsChoice(Body):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoice = Literal["none", "auto", "required"] | Annotated[NamedToolChoice | AllowedToolsChoice, Field(discriminator="type")]


class StreamOptions(Body):
    include_usage: bool | None = None
    include_obfuscation: Annotated[Literal[False] | None, neutral(False)] = None


class TextFormat(Body):
    type: Literal["text"]


class JsonObjectFormat(Body):
    type: Literal["json_object"]


class JsonSchema(Body):
    """`strict` refuses keywords that cannot be enforced; without it they are passed over."""

    name: FunctionName
    description: Text | None = None
    schema_: Annotated[Schema | None, Field(alias="schema")] = None
    strict: bool | None = None


class JsonSchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")]


def _without_nul(text: str) -> str:
    # PostgreSQL cannot search JSON in which there is one.
    if "\0" in text:
        raise PydanticCustomError("invalid_value", "metadata cannot hold the character NUL")
    return text


Label = Annotated[Text, AfterValidator(_without_nul)]
Metadata = Annotated[dict[Annotated[Label, Field(max_length=64)], Annotated[Label, Field(max_length=512)]], Field(max_length=16)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
TokenId = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8})$")]
LogitBias = Annotated[dict[TokenId, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=1024)]
StopString = Annotated[Text, Field(min_length=1)]


ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
CacheRetention = Literal["in_memory", "24h"]


class Prediction(Body):
    """A text that much of the answer is expected to repeat."""

    type: Literal["content"]
    content: Content


class ChatCompletionRequest(Body):
    """A conversation to be answered."""

    model: Text
    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Deprecated name of `max_completion_tokens`, which wins when both are given."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = 1.0
    n: Annotated[int, Field(ge=1, le=128)] | None = 1
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: StopString | Annotated[list[StopString], Field(min_length=1, max_length=4)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    frequency_penalty: Penalty | None = 0.0
    presence_penalty: Penalty | None = 0.0
    logit_bias: LogitBias | None = None
    logprobs: bool | None = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Annotated[Tool, of_type("tools", "function")]], Field(max_length=128)] | None = None
    tool_choice: Annotated[ToolChoice | None, of_type("tool choices", "function", "allowed_tools")] = None
    parallel_tool_calls: bool | None = True
    metadata: Metadata | None = None
    """Comes back with the answer."""
    store: bool | None = False
    """Keep the answer, with the messages, until it is deleted."""
    user: str | None = None
    """A label of the caller's own, as are the next two; none changes the answer."""
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    service_tier: ServiceTier | None = None
    """There is one tier, which the answer then names. The next two are hints for speed; none changes the answer."""
    prompt_cache_retention: CacheRetention | None = None
    prediction: Prediction | None = None

    functions: Annotated[list[LegacyFunction], Field(max_length=128)] | None = None
    """Deprecated, as is the next one; `honekit.api.openai.functions` makes tools of them."""
    function_call: Literal["none", "auto"] | NamedFunction | None = None

    modalities: Annotated[list[Literal["text"]] | None, neutral(["text"])] = None
    verbosity: Annotated[Literal["medium"] | None, neutral("medium")] = None
    reasoning_effort: Annotated[Literal["none"] | None, neutral("none")] = None
    audio: Unsupported = None
    moderation: Unsupported = None
    prompt_cache_options: Unsupported = None
    web_search_options: Unsupported = None


class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int]
    """Of a control token, which is no text, none."""


class TokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class Logprobs(BaseModel):
    content: list[TokenLogprob]
    refusal: None = None


class AnsweredFunction(BaseModel):
    name: str
    arguments: str
    """JSON, unless the answer was cut."""


class AnsweredCall(BaseModel):
    id: str
    type: Literal["function"] = "function"
    function: AnsweredFunction


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str | None
    """Null when there is nothing but calls."""
    refusal: None = None
    tool_calls: list[AnsweredCall] | None = None
    """Absent when nothing was called."""
    function_call: AnsweredFunction | None = None
    """Deprecated: a call of one of the `functions`; absent when there is none."""


class Choice(BaseModel):
    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length", "tool_calls", "function_call"]


class PromptDetails(BaseModel):
    """Of no price here: prefixes that were computed before are not counted apart."""

    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(BaseModel):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class Usage(BaseModel):
    """`completion_tokens` counts every token that was generated, the one that ends the turn included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()
    completion_tokens_details: CompletionDetails = CompletionDetails()


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    """What answered: for an alias the version behind it."""
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    service_tier: Literal["default"] | None = None
    """Absent unless the request named one."""
    metadata: Metadata | None = None
