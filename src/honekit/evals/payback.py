"""When a training has paid for itself: what it and its labels cost, against what each request then saves or is worth more.

A request is worth more by the errors that are corrected (`cost.value_per_corrected_error`) and by the difference in price. Both
are known from a sample only: errors from the test items, prices from the requests whose seconds and tokens were measured. So the
payback is a range, that of the 95 % interval of both together. What the training cost is paid and exact, prices of an hour, of
tokens and of labels are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honekit.evals.amounts import Amount, Range, requests_until
from honekit.evals.report_format import money
from honekit.evals.scores import right_values
from honekit.evals.stats import difference_of, mean_statistic
from honekit.graders import Graded
from honekit.project import CostSection, Project


@dataclass(frozen=True)
class Payback:
    """Of one arm against another one. Amounts in `cost.currency`.

    corrected_per_1000: errors that the arm corrects in 1,000 requests, less those that it makes anew. requests: from which the
    upfront cost is paid back, None for never; earliest and latest are those of the interval, and latest None says that it may
    never be. Without an interval of anything that enters they are `requests`. days: the same at `cost.requests_per_day`.
    saved_interval: of the difference in price; None where too few requests were timed, so that it counts as exact.
    """

    arm: str
    against: str
    upfront: float
    saved_per_1000: float
    saved_interval: Range | None
    corrected_per_1000: float | None
    corrected_interval: Range | None
    gain_per_1000: float
    gain_interval: Range
    requests: int | None
    earliest: int | None
    latest: int | None
    days: tuple[float | None, float | None, float | None] | None
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def labelling_cost(project: Project, examples: int) -> float:
    """What people's labels of so many examples cost."""
    return examples * project.cost.label_per_example


def payback(
    project: Project,
    arm: str,
    against: str,
    upfront: float,
    saved: Amount,
    graded: Sequence[Graded] | None,
    rival: Sequence[Graded] | None,
) -> Payback:
    """saved: how much less 1,000 requests cost than with `against`. graded, rival: the same items, answered by both; None where
    the other's answers are not known, so that the price alone counts.

    Raises: EvalError[evals.not_paired].
    """
    cost = project.cost
    corrected = _corrected(project, graded, rival) if graded is not None and rival is not None else None
    value = cost.value_per_corrected_error
    gain = saved + corrected.times(value) if corrected and value else saved
    lo, hi = gain.interval or (gain.value, gain.value)
    requests, earliest, latest = (requests_until(upfront, one) for one in (gain.value, hi, lo))
    days = None
    if cost.requests_per_day:
        days = tuple(None if one is None else one / cost.requests_per_day for one in (requests, earliest, latest))
    return Payback(
        arm,
        against,
        upfront,
        saved.value,
        saved.interval,
        corrected.value if corrected else None,
        corrected.interval if corrected else None,
        gain.value,
        (lo, hi),
        requests,
        earliest,
        latest,
        days,  # type: ignore[arg-type]  # a tuple of three
        _sentence(cost, arm, against, upfront, (requests, earliest, latest), gain, by_price=not (corrected and value)),
    )


def _corrected(project: Project, graded: Sequence[Graded], rival: Sequence[Graded]) -> Amount:
    """Right answers more in 1,000."""
    import numpy as np

    from honekit.evals.stats import same_items

    options = project.evaluate
    a, b = (
        mean_statistic(np.array(right_values(project, items), dtype=np.float64)) for items in (graded, same_items(graded, rival))
    )
    found = difference_of(a, b, options.bootstrap_resamples, options.seed, most=1.0)
    return Amount(found.mean, (found.lo, found.hi)).times(1000)


def _sentence(
    cost: CostSection,
    arm: str,
    against: str,
    upfront: float,
    times: tuple[int | None, int | None, int | None],
    gain: Amount,
    *,
    by_price: bool,
) -> str:
    requests, earliest, latest = times
    paid = f"{money(upfront, cost.currency)} of training and labels"
    because = ", by cheaper requests alone" if by_price else ""
    if gain.interval is None:
        untimed = "too few requests were timed for a range"
        if requests is None:
            return f"{arm} never pays back {paid} against {against}: its requests cost no less ({untimed})."
        return f"{arm} pays back {paid} against {against} after {_after(cost, requests)}{because} ({untimed})."
    if earliest is None:
        why = "its requests cost no less, " if by_price else ""
        return f"{arm} never pays back {paid} against {against}: {why}not even at the best end of the 95 % interval."
    middle = f"after {_after(cost, requests)}" if requests is not None else "never"
    end = f"{_after(cost, latest)}" if latest is not None else "never"
    return f"{arm} pays back {paid} against {against} {middle}{because} (95 % interval: {_after(cost, earliest)} to {end})."


def _after(cost: CostSection, requests: int) -> str:
    if not cost.requests_per_day:
        return f"{requests:,} requests"
    return f"{requests:,} requests, {requests / cost.requests_per_day:,.1f} days"
