"""The bodies of /v1/fine_tuning. What Hone does not do is named, and refused rather than ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from honekit.api.auth import check_project
from honekit.api.openai.chat_schema import Body, Metadata, Text, of_type
from honekit.api.openai.method_schema import Hyperparameters, Method, given_of, only_of_its_type
from honekit.errors import ServeError
from honekit.fine_tuning import Wanted, integrations
from honekit.fine_tuning.integrations import MAX_TAG
from honekit.graders.schema import Grader


class WandbRun(Body):
    """The run in Weights & Biases that a job's metrics go to."""

    project: Annotated[Text, Field(min_length=1, max_length=128)]
    name: Annotated[Text, Field(min_length=1, max_length=128)] | None = None
    entity: Annotated[Text, Field(min_length=1, max_length=128)] | None = None
    tags: Annotated[list[Annotated[Text, Field(min_length=1, max_length=MAX_TAG)]], Field(max_length=20)] | None = None


class Integration(Body):
    type: Literal["wandb"]
    wandb: WandbRun


def _available(given: list[Integration] | None) -> list[Integration] | None:
    why = integrations.unavailable() if given else None
    if why:
        raise PydanticCustomError("unsupported_value", "the integration 'wandb' cannot be used: {why}", {"why": why})
    return given


class CreateJob(Body):
    """A fine-tuning job to be made."""

    model: Annotated[Text, Field(min_length=1, max_length=512)]
    training_file: Annotated[Text, Field(max_length=64)]
    validation_file: Annotated[Text, Field(max_length=64)] | None = None
    suffix: Annotated[Text, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: Metadata | None = None
    method: Annotated[Method | None, BeforeValidator(only_of_its_type)] = None
    hyperparameters: Hyperparameters | None = None
    """Deprecated place of the method's own; what stands in both must be the same."""
    integrations: Annotated[
        list[Annotated[Integration, of_type("integrations", "wandb")]] | None, Field(max_length=5), AfterValidator(_available)
    ] = None

    @field_validator("hyperparameters")
    @classmethod
    def _said_once(cls, given: Hyperparameters | None, info: ValidationInfo) -> Hyperparameters | None:
        method = info.data.get("method")
        own = method.given() if method else {}
        twice = next((name for name, value in given_of(given).items() if own.get(name, value) != value), None)
        if method and twice:
            told = {"name": twice, "place": f"method.{method.type}.hyperparameters"}
            raise PydanticCustomError("invalid_value", "'{name}' is another in '{place}'", told)
        return given

    def wanted(self) -> Wanted:
        """The hyperparameters, wherever they stand."""
        method = self.method or Method(type="supervised")
        given = {**given_of(self.hyperparameters), **method.given()}
        given.pop("reasoning_effort", None)
        return Wanted(method.type, **given)

    @property
    def grader(self) -> Grader | None:
        """What rates the answers of a reinforcement job."""
        return self.method.reinforcement.grader if self.method and self.method.reinforcement else None


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
    integrations: list[Integration] = []
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


def _project(given: str) -> str:
    try:
        check_project(given)
    except ServeError as fault:
        raise PydanticCustomError("invalid_value", "{what}: {mend}", {"what": fault.what, "mend": fault.mend}) from fault
    return given


class PermissionRequest(Body):
    project_ids: Annotated[list[Annotated[Text, AfterValidator(_project)]], Field(min_length=1, max_length=100)]


class PermissionObject(BaseModel):
    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    created_at: int
    project_id: str


class PermissionDeleted(BaseModel):
    id: str
    object: Literal["checkpoint.permission"] = "checkpoint.permission"
    deleted: bool = True
