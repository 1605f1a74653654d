"""The `method` of a fine-tuning job: what is learnt and how, with the hyperparameters of each kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from honekit.api.openai.chat_schema import Body
from honekit.graders.items import AnswerGrader

Auto = Literal["auto"]
MAX_EVAL_SAMPLES = 1000
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
RateMultiplier = Auto | Annotated[float, Field(ge=1e-9, le=1e9)]
"""The contract's lower bound is above zero; a factor beyond these would make a rate of nothing, or of infinity."""


class Hyperparameters(Body):
    """`auto` is decided when the job is made, and the numbers stand in the answer."""

    batch_size: BatchSize = "auto"
    learning_rate_multiplier: RateMultiplier = "auto"
    n_epochs: Epochs = "auto"


class DpoHyperparameters(Hyperparameters):
    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"


def given_of(hyperparameters: Hyperparameters | None) -> dict[str, Any]:
    """Those that are not `auto`."""
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


class Supervised(Body):
    hyperparameters: Hyperparameters | None = None


class Dpo(Body):
    hyperparameters: DpoHyperparameters | None = None


def _no_response_format(given: Any) -> Any:
    if given is not None:
        raise PydanticCustomError("unsupported_value", "answers are not held to a format during training; let the grader rate it")
    return given


class Reinforcement(Body):
    grader: AnswerGrader
    hyperparameters: ReinforcementHyperparameters | None = None
    response_format: Annotated[None, BeforeValidator(_no_response_format)] = None


def only_of_its_type(given: Any) -> Any:
    """Blocks of the other types are not read, so what stands in them is not checked either."""
    if not isinstance(given, dict):
        return given
    others = {"supervised", "dpo", "reinforcement"} - {given.get("type")}
    return {name: value for name, value in given.items() if name not in others}


class Method(Body):
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
        return given_of(block.hyperparameters if block else None)
