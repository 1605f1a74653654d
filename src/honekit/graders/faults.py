"""What can go wrong while grading, by the names that OpenAI's answer has for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Flag = Literal[
    "formula_parse_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "other_error",
    "python_grader_server_error",
    "python_grader_runtime_error",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_parse_error",
]


class GradingFault(Exception):
    """A grader could not grade this item and sample: `flag` says what kind of fault, the details are for people."""

    def __init__(self, flag: Flag, details: str) -> None:
        super().__init__(flag, details)
        self.flag, self.details = flag, details


@dataclass
class Errors:
    """The fourteen keys of `metadata.errors`.

    formula_parse_error: the formula of a multi grader gave no finite number.
    sample_parse_error: a template uses `sample.output_json`, and the sample is not JSON.
    truncated_observation_error: a text is longer than graders take; it was not graded at all rather than cut.
    unresponsive_reward_error: a Python grader ended, or was stopped, without a finite number.
    invalid_variable_error: a template names something that item or sample do not hold.
    python_grader_server_error: the isolated process itself failed. Its `_type` says how.
    python_grader_runtime_error: the grader's code failed or was stopped at a limit. `_details` hold the traceback.
    model_grader_server_error: the model could not be asked. `_details` say why.
    model_grader_parse_error: the model's answer holds no number, or none of the labels.
    model_grader_refusal_error: never set, since served models do not mark a refusal as one.
    """

    formula_parse_error: bool = False
    sample_parse_error: bool = False
    truncated_observation_error: bool = False
    unresponsive_reward_error: bool = False
    invalid_variable_error: bool = False
    other_error: bool = False
    python_grader_server_error: bool = False
    python_grader_server_error_type: str | None = None
    python_grader_runtime_error: bool = False
    python_grader_runtime_error_details: str | None = None
    model_grader_server_error: bool = False
    model_grader_refusal_error: bool = False
    model_grader_parse_error: bool = False
    model_grader_server_error_details: str | None = None

    def add(self, fault: GradingFault) -> None:
        """Set the fault's flag; of several details of one kind the first is kept."""
        setattr(self, fault.flag, True)
        for name in (f"{fault.flag}_details", f"{fault.flag}_type"):
            if getattr(self, name, "absent") is None:
                setattr(self, name, fault.details)

    def any(self) -> bool:
        """Whether anything went wrong."""
        return any(getattr(self, field.name) is True for field in fields(self))
