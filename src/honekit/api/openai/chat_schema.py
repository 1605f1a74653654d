"""The bodies of POST /v1/chat/completions. What Hone does not do is named here too, with the values that ask for nothing.

Unknown keys and any other value of such a parameter are refused: an answer that ignored one would look right.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _neutral(*values: Any) -> BeforeValidator:
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


_Unsupported = Annotated[None, _neutral()]


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise PydanticCustomError("not_unicode", "The text contains half a surrogate pair") from fault
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""JSON can escape half a surrogate pair, which is no character and cannot be encoded."""


def _known_part(given: Any) -> Any:
    if isinstance(given, dict) and given.get("type") in ("image_url", "input_audio", "file", "refusal"):
        raise PydanticCustomError("unsupported_value", "only content parts of type 'text' are supported yet")
    return given


class TextPart(_Body):
    type: Literal["text"]
    text: Text


Part = Annotated[TextPart, BeforeValidator(_known_part)]
Content = Text | Annotated[list[Part], Field(min_length=1)]


class InstructionMessage(_Body):
    """`developer` is the newer name of `system`; models were trained with the latter, and so it is rendered."""

    role: Literal["system", "developer"]
    content: Content
    name: Text | None = None


class UserMessage(_Body):
    role: Literal["user"]
    content: Content
    name: Text | None = None


class AssistantMessage(_Body):
    """Earlier answers may be sent back as they came: their empty fields are accepted."""

    role: Literal["assistant"]
    content: Content
    name: Text | None = None
    refusal: _Unsupported = None
    audio: _Unsupported = None
    function_call: _Unsupported = None
    tool_calls: Annotated[list[Any] | None, Field(max_length=0), _neutral([])] = None
    annotations: Annotated[list[Any] | None, Field(max_length=0), _neutral([])] = None


def _known_role(given: Any) -> Any:
    if isinstance(given, dict) and given.get("role") in ("tool", "function"):
        raise PydanticCustomError("unsupported_value", "messages of tools are not supported yet")
    return given


Message = Annotated[
    Annotated[InstructionMessage | UserMessage | AssistantMessage, Field(discriminator="role")],
    BeforeValidator(_known_role),
]


class StreamOptions(_Body):
    include_usage: bool | None = None
    include_obfuscation: Annotated[Literal[False] | None, _neutral(False)] = None


class TextFormat(_Body):
    type: Literal["text"]


def _text_format(given: Any) -> Any:
    if isinstance(given, dict) and given.get("type") in ("json_object", "json_schema"):
        raise PydanticCustomError("unsupported_value", "only the type 'text' is supported yet")
    return given


Metadata = Annotated[dict[Annotated[Text, Field(max_length=64)], Annotated[Text, Field(max_length=512)]], Field(max_length=16)]
StopString = Annotated[Text, Field(min_length=1)]


class ChatCompletionRequest(_Body):
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
    logprobs: bool | None = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    metadata: Metadata | None = None
    """Comes back with the answer."""
    user: str | None = None
    """A label of the caller's own, as are the next two; none changes the answer."""
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: str | None = None

    response_format: Annotated[TextFormat | None, BeforeValidator(_text_format)] = None
    frequency_penalty: Annotated[Annotated[float, Field(ge=0, le=0)] | None, _neutral(0.0)] = 0.0
    presence_penalty: Annotated[Annotated[float, Field(ge=0, le=0)] | None, _neutral(0.0)] = 0.0
    logit_bias: Annotated[dict[str, Any] | None, Field(max_length=0), _neutral({})] = None
    tools: Annotated[list[Any] | None, Field(max_length=0), _neutral([])] = None
    tool_choice: Annotated[Literal["none", "auto"] | None, _neutral("none", "auto")] = None
    parallel_tool_calls: bool | None = None
    """Without tools there is nothing to call."""
    functions: Annotated[list[Any] | None, Field(max_length=0), _neutral([])] = None
    function_call: Annotated[Literal["none", "auto"] | None, _neutral("none", "auto")] = None
    modalities: Annotated[list[Literal["text"]] | None, _neutral(["text"])] = None
    store: Annotated[Literal[False] | None, _neutral(False)] = False
    service_tier: Annotated[Literal["auto", "default"] | None, _neutral("auto", "default")] = None
    verbosity: Annotated[Literal["medium"] | None, _neutral("medium")] = None
    reasoning_effort: Annotated[Literal["none"] | None, _neutral("none")] = None
    audio: _Unsupported = None
    moderation: _Unsupported = None
    prediction: _Unsupported = None
    prompt_cache_options: _Unsupported = None
    prompt_cache_retention: _Unsupported = None
    web_search_options: _Unsupported = None


class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class Logprobs(BaseModel):
    content: list[TokenLogprob]
    refusal: None = None


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    """`completion_tokens` counts every token that was generated, the one that ends the turn included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    """What answered: for an alias the version behind it."""
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    metadata: Metadata | None = None
