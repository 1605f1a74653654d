"""The bodies of /v1/responses. What Hone does not do is named here too, with the values that ask for nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from honekit.api.openai.chat_schema import (
    Body,
    ByHelpers,
    CacheRetention,
    FunctionName,
    JsonObjectFormat,
    Metadata,
    Schema,
    ServiceTier,
    Text,
    TextFormat,
    TokenLogprob,
    Unsupported,
    neutral,
    of_type,
    plain_json,
)


class InputText(Body):
    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: Unsupported = None


class OutputText(Body):
    """A part of an earlier answer, sent back as it came."""

    type: Literal["output_text"]
    text: Text
    annotations: Annotated[list[Any] | None, Field(max_length=0), neutral([])] = None
    logprobs: Annotated[list[Any], AfterValidator(plain_json)] | None = None
    """Of no use for going on."""
    parsed: ByHelpers = None


InputParts = Annotated[list[Annotated[InputText, of_type("content parts", "input_text")]], Field(min_length=1)]
AnswerPart = Annotated[
    Annotated[InputText | OutputText, Field(discriminator="type")], of_type("content parts", "output_text", "input_text")
]
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class _Item(Body):
    """Ids and status of items that are sent back are taken, and replaced by new ones."""

    id: Text | None = None
    status: ItemStatus | None = None


class InputMessage(_Item):
    type: Literal["message"] | None = None
    role: Literal["user", "system", "developer"]
    content: Text | InputParts
    phase: Unsupported = None


class AssistantInput(_Item):
    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: Text | list[AnswerPart]
    phase: Unsupported = None


class CallInput(_Item):
    """A call that the assistant made."""

    type: Literal["function_call"]
    call_id: Annotated[Text, Field(min_length=1, max_length=64)]
    name: FunctionName
    arguments: Text
    caller: Unsupported = None
    namespace: Unsupported = None
    async_: Unsupported = None
    """What a call of the official Python client has when it is sent back whole, as has the next one."""
    created_by: Unsupported = None
    parsed_arguments: ByHelpers = None


class CallOutput(_Item):
    """What a called function gave back."""

    type: Literal["function_call_output"]
    call_id: Annotated[Text, Field(min_length=1, max_length=64)]
    output: Text | InputParts
    name: Unsupported = None
    caller: Unsupported = None
    created_by: Unsupported = None
    namespace: Unsupported = None


def _kind(item: Any) -> str:
    """Which item it is, for the message of a fault: a message may come without its type."""
    fields = vars(item) if isinstance(item, BaseModel) else item if isinstance(item, dict) else {}
    if fields.get("type") in ("function_call", "function_call_output"):
        return str(fields["type"])
    return "answer" if fields.get("role") == "assistant" else "message"


InputItem = Annotated[
    Annotated[
        Annotated[InputMessage, Tag("message")]
        | Annotated[AssistantInput, Tag("answer")]
        | Annotated[CallInput, Tag("function_call")]
        | Annotated[CallOutput, Tag("function_call_output")],
        Discriminator(_kind),
    ],
    of_type("items", "message", "function_call", "function_call_output"),
]


class JsonSchemaFormat(Body):
    """`strict` refuses keywords that cannot be enforced; without it they are passed over."""

    type: Literal["json_schema"]
    name: FunctionName
    description: Text | None = None
    schema_: Annotated[Schema, Field(alias="schema")]
    strict: bool | None = None


class TextOptions(Body):
    format: Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")] | None = None
    verbosity: Annotated[Literal["medium"] | None, neutral("medium")] = None


class FunctionTool(Body):
    """A function that may be called. `parameters` is the JSON schema of its arguments, an object; absent means none."""

    type: Literal["function"]
    name: FunctionName
    description: Text | None = None
    parameters: Schema | None = None
    strict: bool | None = None
    output_schema: Unsupported = None
    defer_loading: Annotated[Literal[False] | None, neutral(False)] = None
    allowed_callers: Annotated[list[str] | None, neutral(["direct"])] = None


class NamedFunction(Body):
    type: Literal["function"]
    name: FunctionName


class AllowedFunctions(Body):
    """The functions of a request that may be called in this response; `required`: one of them must be."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[Annotated[NamedFunction, of_type("tools", "function")]], Field(min_length=1, max_length=128)]


ToolChoice = Literal["none", "auto", "required"] | Annotated[NamedFunction | AllowedFunctions, Field(discriminator="type")]


LOGPROBS = "message.output_text.logprobs"


def _included(given: Any) -> Any:
    if isinstance(given, str) and given != LOGPROBS:
        raise PydanticCustomError("unsupported_value", f"only '{LOGPROBS}' can be included")
    return given


class StreamOptions(Body):
    include_obfuscation: Annotated[Literal[False] | None, neutral(False)] = None


class Reasoning(Body):
    """The models here have no reasoning apart from their answer, and so no ways to do it."""

    effort: Annotated[Literal["none"] | None, neutral("none")] = None
    summary: Unsupported = None
    generate_summary: Unsupported = None
    mode: Unsupported = None
    context: Unsupported = None


class ResponseRequest(Body):
    """Something to be answered."""

    model: Text
    input: Text | Annotated[list[InputItem], Field(min_length=1)]
    instructions: Text | None = None
    """Come first, as a system message; those of an earlier response are not carried over."""
    previous_response_id: Annotated[Text, Field(max_length=64)] | None = None
    """A stored response that this one goes on from."""
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = 1.0
    text: TextOptions | None = None
    tools: Annotated[list[Annotated[FunctionTool, of_type("tools", "function")]], Field(max_length=128)] | None = None
    tool_choice: Annotated[ToolChoice | None, of_type("tool choices", "function", "allowed_tools")] = None
    parallel_tool_calls: bool | None = True
    metadata: Metadata | None = None
    """Comes back with the answer."""
    store: bool | None = False
    """Keep the answer, with its input, until it is deleted. Hone's rule: only when this is true."""
    include: list[Annotated[Literal["message.output_text.logprobs"], BeforeValidator(_included)]] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """Only with the log-probabilities in `include`."""
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: Text | None = None
    """A label of the caller's own, as are the next two; none changes the answer."""
    safety_identifier: Annotated[Text, Field(max_length=64)] | None = None
    prompt_cache_key: Text | None = None
    prompt_cache_retention: CacheRetention | None = None
    service_tier: ServiceTier | Literal["ultrafast"] | None = None
    """There is one tier, which the answer names, whatever is asked for."""
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    """Of tools that a server runs itself, of which there are none here."""

    truncation: Literal["auto", "disabled"] | None = None
    background: bool | None = None
    """Make it while nobody waits; it is kept then, whether `store` says so or says nothing."""
    reasoning: Reasoning | None = None
    context_management: Unsupported = None
    conversation: Unsupported = None
    moderation: Unsupported = None
    prompt: Unsupported = None
    prompt_cache_options: Unsupported = None


class AnswerText(BaseModel):
    type: Literal["output_text"] = "output_text"
    text: str = ""
    annotations: list[Any] = []
    logprobs: list[TokenLogprob] = []
    """Only where they are asked for."""


class OutputMessage(BaseModel):
    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: ItemStatus = "in_progress"
    content: list[AnswerText] = []


class OutputCall(BaseModel):
    id: str
    type: Literal["function_call"] = "function_call"
    status: ItemStatus = "in_progress"
    call_id: str
    name: str
    arguments: str = ""
    """JSON, unless the answer was cut."""


OutputItem = OutputMessage | OutputCall


class KeptMessage(BaseModel):
    id: str
    type: Literal["message"] = "message"
    role: Literal["user", "system", "developer", "assistant"]
    status: ItemStatus = "completed"
    content: list[dict[str, Any]]


class KeptCallOutput(BaseModel):
    id: str
    type: Literal["function_call_output"] = "function_call_output"
    status: ItemStatus = "completed"
    call_id: str
    output: str | list[dict[str, Any]]


KeptItem = KeptMessage | OutputCall | KeptCallOutput
"""An item of a response's input, as it is kept and listed."""


class TokenDetails(BaseModel):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokenDetails(BaseModel):
    reasoning_tokens: int = 0


class ResponseUsage(BaseModel):
    """`output_tokens` counts every token that was generated, the one that ends the turn included."""

    input_tokens: int
    input_tokens_details: TokenDetails = TokenDetails()
    output_tokens: int
    output_tokens_details: OutputTokenDetails = OutputTokenDetails()
    total_tokens: int


class ResponseFault(BaseModel):
    code: Literal["server_error", "invalid_prompt"]
    message: str


class IncompleteDetails(BaseModel):
    reason: Literal["max_output_tokens"] = "max_output_tokens"


class ResponseObject(BaseModel):
    """An answer, with what it was asked for."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"] = "in_progress"
    background: bool = False
    error: ResponseFault | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None = None
    metadata: Metadata | None
    model: str
    """What answered: for an alias the version behind it."""
    output: list[OutputItem] = []
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: dict[str, None] = {"effort": None, "summary": None}
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    store: bool
    """Whether it is kept."""
    temperature: float
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["auto", "disabled"] = "disabled"
    usage: ResponseUsage | None = None
    """Absent until the answer has ended."""
    user: str | None = None
    """Absent when none was given."""

    def as_json(self) -> dict[str, Any]:
        """As it is sent: the contract knows no null for what is absent."""
        absent = {name for name in ("usage", "user") if getattr(self, name) is None}
        return self.model_dump(exclude=absent)


class ResponseDeleted(BaseModel):
    id: str
    object: Literal["response"] = "response"
    deleted: bool = True
