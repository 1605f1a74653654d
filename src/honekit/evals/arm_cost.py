"""What measured arms cost: a request, a right answer, the training, and all of it over a stated number of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from honekit.data.prices import list_price_of, no_list_price_of, per_million_usd
from honekit.evals.amounts import Amount, Range
from honekit.evals.measured_arms import ArmResult
from honekit.evals.payback import Payback, labelling_cost, payback
from honekit.evals.scores import correct_rate
from honekit.project import Project


@dataclass(frozen=True)
class ArmCost:
    """In `cost.currency`. A machine is paid by the second that it works, one request at a time; a provider by the token."""

    per_1000_requests: float
    per_1000_interval: Range | None
    """95 %, by the sample's seconds or tokens; None where too few requests were timed."""
    per_1000_correct: float | None
    """None when no answer was right."""
    training: float
    labelling: float
    """People's labels of the examples that the arm is trained on."""
    over_requests: float
    """Training, labels, and the stated number of requests."""
    price_from: str | None = None
    """Where a provider's price is from."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def cost_of_arm(project: Project, arm: ArmResult) -> ArmCost:
    """The rate of right answers is the test set's, or the validation items' where nothing else was answered."""
    options, per_second = project.decide.measure, project.cost.machine_per_hour / 3600
    price_from = None
    if arm.at_provider:
        price, price_from = _provider_price(project, arm)
        request = Amount(arm.tokens_per_request or 0.0, arm.tokens_interval).times(price / 1e6)
    else:
        request = Amount(arm.seconds_per_request or 0.0, arm.seconds_interval).times(per_second)
    rate = correct_rate(project, arm.test or arm.validation)
    training = arm.training_seconds * per_second
    labels = labelling_cost(project, arm.training_examples or 0)
    thousand = request.times(1000)
    all_of_it = training + labels + request.value * options.requests
    right = thousand.value / rate if rate else None
    return ArmCost(thousand.value, thousand.interval, right, training, labels, all_of_it, price_from)


def _provider_price(project: Project, arm: ArmResult) -> tuple[float, str]:
    """A million tokens' and where it is from: as it is given, else the model's list price in dollars, else the hosted
    alternative's."""
    options, other = project.decide.measure, project.cost.alternative_per_million_tokens
    if options.per_million_tokens is not None:
        return options.per_million_tokens, "per_million_tokens of [decide.measure]"
    if project.cost.currency != "USD":
        return other, "alternative_per_million_tokens of [cost], since list prices are in USD"
    model = str(options.model)
    listed = per_million_usd(model, arm.tokens_per_request or 0.0, arm.answer_tokens_per_request or 0.0)
    if listed is None:
        return other, f"alternative_per_million_tokens of [cost], since {no_list_price_of(model)}"
    return listed, list_price_of(model)


def payback_of_arm(
    project: Project, arms: Mapping[str, ArmResult], costs: Mapping[str, ArmCost], name: str, against: str
) -> Payback:
    """When the trained arm has paid for its training and labels against the other one, by their answers to the test items."""
    own, other = costs[name], costs[against]
    upfront = own.training + own.labelling - other.training - other.labelling
    own_price, its_price = (Amount(one.per_1000_requests, one.per_1000_interval) for one in (own, other))
    saved = its_price - own_price
    return payback(project, name, against, upfront, saved, arms[name].test, arms[against].test)
