"""What measured arms cost: a request, a right answer, the training, and all of it over a stated number of requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from honekit.evals.measured_arms import ArmResult
from honekit.evals.scores import correct_rate
from honekit.project import Project


@dataclass(frozen=True)
class ArmCost:
    """In `cost.currency`. A machine is paid by the second that it works, one request at a time; a provider by the token."""

    per_1000_requests: float
    per_1000_correct: float | None
    """None when no answer was right."""
    training: float
    over_requests: float
    """Training, and the stated number of requests."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def cost_of_arm(project: Project, arm: ArmResult) -> ArmCost:
    """The rate of right answers is the test set's, or the validation items' where nothing else was answered."""
    options, per_second = project.decide.measure, project.cost.machine_per_hour / 3600
    if arm.at_provider:
        price = options.per_million_tokens
        price = project.cost.alternative_per_million_tokens if price is None else price
        request = (arm.tokens_per_request or 0.0) * price / 1e6
    else:
        request = (arm.seconds_per_request or 0.0) * per_second
    rate = correct_rate(project, arm.test or arm.validation)
    training = arm.training_seconds * per_second
    return ArmCost(1000 * request, 1000 * request / rate if rate else None, training, training + request * options.requests)


def break_even(costs: Mapping[str, ArmCost], trained: str, untrained: str) -> dict[str, Any]:
    """Requests from which the trained arm's lower price has paid for its training, or why it never does."""
    saved = (costs[untrained].per_1000_requests - costs[trained].per_1000_requests) / 1000
    if saved <= 0:
        return {"against": untrained, "requests": None, "reason": f"a request costs no less than with {untrained}"}
    return {"against": untrained, "requests": math.ceil(costs[trained].training / saved), "reason": None}
