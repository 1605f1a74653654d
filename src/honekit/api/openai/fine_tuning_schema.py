"""The bodies of /v1/fine_tuning. What Hone does not do is named, and refused rather than ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from honekit.api.openai.chat_schema import Metadata, Text
from honekit.fine_tuning import Wanted


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
RateMultiplier = Auto | Annotated[float, Field(gt=0)]


class Hyperparameters(_Body):
    """`auto` is decided when the job is made, and the numbers stand in the answer."""

    batch_size: BatchSize = "auto"
    learning_rate_multiplier: RateMultiplier = "auto"
    n_epochs: Epochs = "auto"


class DpoHyperparameters(Hyperparameters):
    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


class Supervised(_Body):
    hyperparameters: Hyperparameters | None = None


class Dpo(_Body):
    hyperparameters: DpoHyperparameters | None = None


def _known_method(given: Any) -> Any:
    if given == "reinforcement":
        raise PydanticCustomError("unsupported_value", "only the methods 'supervised' and 'dpo' are supported yet")
    return given


def _only_of_its_type(given: Any) -> Any:
    """Blocks of the other types are not read, so what stands in them is not checked either."""
    if not isinstance(given, dict):
        return given
    others = {"supervised", "dpo", "reinforcement"} - {given.get("type")}
    return {name: value for name, value in given.items() if name not in others}


class Method(_Body):
    """What is learnt, and how: single answers, or which of two is preferred."""

    type: Annotated[Literal["supervised", "dpo"], BeforeValidator(_known_method)]
    supervised: Supervised | None = None
    dpo: Dpo | None = None


def _no_integrations(given: Any) -> Any:
    if given:
        raise PydanticCustomError("unsupported_value", "the integration 'wandb' is not supported yet")
    return given


class CreateJob(_Body):
    """A fine-tuning job to be made."""

    model: Annotated[Text, Field(min_length=1, max_length=512)]
    training_file: Annotated[Text, Field(max_length=64)]
    validation_file: Annotated[Text, Field(max_length=64)] | None = None
    suffix: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: Metadata | None = None
    method: Annotated[Method | None, BeforeValidator(_only_of_its_type)] = None
    hyperparameters: Hyperparameters | None = None
    """Deprecated place of `method.supervised.hyperparameters`, which win when both are given."""
    integrations: Annotated[list[dict[str, Any]] | None, Field(max_length=0), BeforeValidator(_no_integrations)] = None

    def wanted(self) -> Wanted:
        """The hyperparameters, wherever they stand."""
        method = self.method or Method(type="supervised")
        block = method.dpo if method.type == "dpo" else method.supervised
        given = (block and block.hyperparameters) or self.hyperparameters or Hyperparameters()
        return Wanted(method.type, **given.model_dump())


class JobFault(BaseModel):
    code: str
    message: str
    param: str | None


class JobObject(BaseModel):
    """A fine-tuning job. `status` has `paused` besides the contract's own."""

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int
    error: JobFault | None
    fine_tuned_model: str | None
    finished_at: int | None
    hyperparameters: dict[str, Any]
    model: str
    organization_id: str
    result_files: list[str]
    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
    trained_tokens: int | None
    training_file: str
    validation_file: str | None
    seed: int
    integrations: list[dict[str, Any]] = []
    estimated_finish: int | None
    method: dict[str, Any]
    metadata: Metadata | None


class JobPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[JobObject]
    has_more: bool


class EventObject(BaseModel):
    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any]


class EventPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[EventObject]
    has_more: bool


class CheckpointObject(BaseModel):
    """The model after an epoch; it answers by its own name."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuning_job_id: str
    fine_tuned_model_checkpoint: str
    step_number: int
    metrics: dict[str, float]


class PermissionRequest(_Body):
    project_ids: Annotated[list[Annotated[Text, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=100)]


class PermissionObject(BaseModel):
    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    created_at: int
    project_id: str


class PermissionDeleted(BaseModel):
    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    deleted: bool = True
