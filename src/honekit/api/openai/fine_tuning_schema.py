"""The bodies of /v1/fine_tuning. What Hone does not do is named, and refused rather than ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from honekit.api.auth import check_project
from honekit.api.openai.chat_schema import Metadata, Text, of_type
from honekit.errors import ServeError
from honekit.fine_tuning import Wanted, integrations
from honekit.fine_tuning.integrations import MAX_TAG
from honekit.graders.items import AnswerGrader
from honekit.graders.schema import Grader


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


Auto = Literal["auto"]
MAX_EVAL_SAMPLES = 1000
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
RateMultiplier = Auto | Annotated[float, Field(ge=1e-9, le=1e9)]
"""The contract's lower bound is above zero; a factor beyond these would make a rate of nothing, or of infinity."""


class Hyperparameters(_Body):
    """`auto` is decided when the job is made, and the numbers stand in the answer."""

    batch_size: BatchSize = "auto"
    learning_rate_multiplier: RateMultiplier = "auto"
    n_epochs: Epochs = "auto"


class DpoHyperparameters(Hyperparameters):
    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


def _given(hyperparameters: Hyperparameters | None) -> dict[str, Any]:
    given = hyperparameters.model_dump(exclude_unset=True) if hyperparameters else {}
    return {name: value for name, value in given.items() if value != "auto"}


def _only_default(given: Any) -> Any:
    if given in ("low", "medium", "high"):
        raise PydanticCustomError("unsupported_value", "only 'default' is supported: the models here have no levels of reasoning")
    return given


class ReinforcementHyperparameters(Hyperparameters):
    compute_multiplier: Auto | Annotated[float, Field(gt=0.00001, le=10)] = "auto"
    eval_interval: Auto | Annotated[int, Field(ge=1)] = "auto"
    eval_samples: Auto | Annotated[int, Field(ge=1, le=MAX_EVAL_SAMPLES)] = "auto"
    reasoning_effort: Annotated[Literal["default"], BeforeValidator(_only_default)] = "default"


class Supervised(_Body):
    hyperparameters: Hyperparameters | None = None


class Dpo(_Body):
    hyperparameters: DpoHyperparameters | None = None


def _no_response_format(given: Any) -> Any:
    if given is not None:
        raise PydanticCustomError("unsupported_value", "answers are not held to a format during training; let the grader rate it")
    return given


class Reinforcement(_Body):
    grader: AnswerGrader
    hyperparameters: ReinforcementHyperparameters | None = None
    response_format: Annotated[None, BeforeValidator(_no_response_format)] = None


def _only_of_its_type(given: Any) -> Any:
    """Blocks of the other types are not read, so what stands in them is not checked either."""
    if not isinstance(given, dict):
        return given
    others = {"supervised", "dpo", "reinforcement"} - {given.get("type")}
    return {name: value for name, value in given.items() if name not in others}


class Method(_Body):
    """What is learnt, and how: single answers, which of two is preferred, or what a grader rates higher."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: Dpo | None = None
    reinforcement: Reinforcement | None = Field(None, validate_default=True)

    @field_validator("reinforcement")
    @classmethod
    def _has_a_grader(cls, given: Reinforcement | None, info: ValidationInfo) -> Reinforcement | None:
        if given is None and info.data.get("type") == "reinforcement":
            raise PydanticCustomError("missing", "a grader is needed")
        return given

    def given(self) -> dict[str, Any]:
        """The hyperparameters in the block of the type that are not `auto`."""
        block: Supervised | Dpo | Reinforcement | None = getattr(self, self.type)
        return _given(block.hyperparameters if block else None)


class WandbRun(_Body):
    """The run in Weights & Biases that a job's metrics go to."""

    project: Annotated[Text, Field(min_length=1, max_length=128)]
    name: Annotated[Text, Field(min_length=1, max_length=128)] | None = None
    entity: Annotated[Text, Field(min_length=1, max_length=128)] | None = None
    tags: Annotated[list[Annotated[Text, Field(min_length=1, max_length=MAX_TAG)]], Field(max_length=20)] | None = None


class Integration(_Body):
    type: Literal["wandb"]
    wandb: WandbRun


def _available(given: list[Integration] | None) -> list[Integration] | None:
    why = integrations.unavailable() if given else None
    if why:
        raise PydanticCustomError("unsupported_value", "the integration 'wandb' cannot be used: {why}", {"why": why})
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
    """Deprecated place of the method's own; what stands in both must be the same."""
    integrations: Annotated[
        list[Annotated[Integration, of_type("integrations", "wandb")]] | None, Field(max_length=5), AfterValidator(_available)
    ] = None

    @field_validator("hyperparameters")
    @classmethod
    def _said_once(cls, given: Hyperparameters | None, info: ValidationInfo) -> Hyperparameters | None:
        method = info.data.get("method")
        own = method.given() if method else {}
        twice = next((name for name, value in _given(given).items() if own.get(name, value) != value), None)
        if method and twice:
            told = {"name": twice, "place": f"method.{method.type}.hyperparameters"}
            raise PydanticCustomError("invalid_value", "'{name}' is another in '{place}'", told)
        return given

    def wanted(self) -> Wanted:
        """The hyperparameters, wherever they stand."""
        method = self.method or Method(type="supervised")
        given = {**_given(self.hyperparameters), **method.given()}
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


class PermissionRequest(_Body):
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
