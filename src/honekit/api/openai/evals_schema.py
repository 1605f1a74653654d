"""The bodies of /v1/evals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from honekit.api.openai.chat_schema import Label, Metadata
from honekit.evals.sources_schema import Body, DataSource
from honekit.graders.criteria import Criterion
from honekit.graders.json_schema import check_schema
from honekit.graders.schema import Text

MAX_CRITERIA = 50
MAX_NAME = 512
Name = Annotated[Label, Field(max_length=MAX_NAME)]


def _item_schema(given: dict[str, Any]) -> dict[str, Any]:
    try:
        check_schema(given)
    except ValueError as fault:
        raise PydanticCustomError("json_schema", "{reason}", {"reason": str(fault)}) from fault
    return given


class CustomConfig(Body):
    type: Literal["custom"]
    item_schema: Annotated[dict[str, Any], AfterValidator(_item_schema)]
    include_sample_schema: bool = False


class LogsConfig(Body):
    type: Literal["logs", "stored_completions"]
    metadata: Metadata | None = None


SAMPLE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "output_text": {"type": "string"},
        "output_json": {},
        "output_tools": {"type": "array", "items": {"type": "object"}},
        "finish_reason": {"type": "string"},
    },
}
_MESSAGES = {"type": "array", "items": {"type": "object", "required": ["role", "content"]}}


class CreateEval(Body):
    """Testing criteria may be Hone's own graders too (docs/graders.md)."""

    name: Name | None = None
    metadata: Metadata | None = None
    data_source_config: Annotated[CustomConfig | LogsConfig, Field(discriminator="type")]
    testing_criteria: Annotated[list[Criterion], Field(min_length=1, max_length=MAX_CRITERIA)]

    def config(self) -> dict[str, Any]:
        """The data source config as it is answered: with the schema of the rows."""
        given = self.data_source_config
        if isinstance(given, CustomConfig):
            properties = {"item": given.item_schema}
            if given.include_sample_schema:
                properties["sample"] = SAMPLE_SCHEMA
            return {"type": "custom", "schema": {"type": "object", "properties": properties, "required": list(properties)}}
        item = {"type": "object", "properties": {"input": _MESSAGES, "metadata": {"type": "object"}}}
        schema = {"type": "object", "properties": {"item": item, "sample": SAMPLE_SCHEMA}, "required": ["item", "sample"]}
        return {"type": given.type, "metadata": given.metadata, "schema": schema}


class UpdateEval(Body):
    name: Name | None = None
    metadata: Metadata | None = None


class CreateRun(Body):
    name: Name | None = None
    metadata: Metadata | None = None
    data_source: DataSource


class EvalObject(BaseModel):
    id: str
    object: Literal["eval"] = "eval"
    name: str
    data_source_config: dict[str, Any]
    testing_criteria: list[dict[str, Any]]
    created_at: int
    metadata: dict[str, str] | None


class EvalDeleted(BaseModel):
    object: Literal["eval.deleted"] = "eval.deleted"
    deleted: bool = True
    eval_id: str


class ResultCounts(BaseModel):
    total: int = 0
    errored: int = 0
    failed: int = 0
    passed: int = 0


class ModelUsage(BaseModel):
    """Tokens by the model that answered; `cached_tokens` are those of answers that an earlier run had got."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    invocation_count: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int


class CriterionResult(BaseModel):
    testing_criteria: Text
    passed: int
    failed: int


class EvalFault(BaseModel):
    code: str
    message: str


class RunObject(BaseModel):
    id: str
    object: Literal["eval.run"] = "eval.run"
    eval_id: str
    status: Literal["queued", "in_progress", "completed", "canceled", "failed"]
    model: str
    """Empty where no model was asked."""
    name: str
    created_at: int
    report_url: str
    result_counts: ResultCounts
    per_model_usage: list[ModelUsage]
    per_testing_criteria_results: list[CriterionResult]
    data_source: dict[str, Any]
    metadata: dict[str, str] | None
    error: EvalFault | None


class RunDeleted(BaseModel):
    object: Literal["eval.run.deleted"] = "eval.run.deleted"
    deleted: bool = True
    run_id: str


class OutputItem(BaseModel):
    id: str
    object: Literal["eval.run.output_item"] = "eval.run.output_item"
    run_id: str
    eval_id: str
    created_at: int
    status: Literal["pass", "fail", "error"]
    datasource_item_id: int
    datasource_item: dict[str, Any]
    results: list[dict[str, Any]]
    sample: dict[str, Any]
