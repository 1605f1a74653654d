"""The bodies of /v1/fine_tuning/alpha/graders."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from honekit.graders.items import AnswerGrader
from honekit.graders.schema import Grader, Text


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class RunGraderRequest(_Body):
    """`item` and `model_sample` are what templates call `item` and `sample.output_text`."""

    grader: Grader
    model_sample: Text
    item: dict[str, Any] | None = None


class ValidateGraderRequest(_Body):
    grader: AnswerGrader


class ValidateGraderResponse(BaseModel):
    """The grader as it was given."""

    grader: Grader


class GraderErrors(BaseModel):
    """What went wrong: see `honekit.graders.faults.Errors`."""

    model_config = ConfigDict(protected_namespaces=())

    formula_parse_error: bool
    sample_parse_error: bool
    truncated_observation_error: bool
    unresponsive_reward_error: bool
    invalid_variable_error: bool
    other_error: bool
    python_grader_server_error: bool
    python_grader_server_error_type: str | None
    python_grader_runtime_error: bool
    python_grader_runtime_error_details: str | None
    model_grader_server_error: bool
    model_grader_refusal_error: bool
    model_grader_parse_error: bool
    model_grader_server_error_details: str | None


class RunMetadata(BaseModel):
    """`scores` are those of the parts of a multi grader; `token_usage` is the sum over all models that were asked."""

    name: str
    type: str
    errors: GraderErrors
    execution_time: float
    """Seconds."""
    scores: dict[str, float]
    token_usage: int | None
    sampled_model_name: str | None
    """What answered a model grader; null when none was asked, or several."""


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int = 0


class RunGraderResponse(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    reward: float
    metadata: RunMetadata
    sub_rewards: dict[str, float]
    model_grader_token_usage_per_model: dict[str, Usage]
