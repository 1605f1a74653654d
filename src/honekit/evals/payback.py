"""When a training has paid for itself: what it and its labels cost, against what each request then saves or is worth more.

A request is worth more by the errors that are corrected (`cost.value_per_corrected_error`) and by the difference in price. How
many errors are corrected is known from so many items only, so the payback is a range: that of the 95 % interval of the paired
difference. Prices and latencies count as exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honekit.evals.scores import right_values
from honekit.evals.stats import difference_of, mean_statistic
from honekit.graders import Graded
from honekit.project import CostSection, Project

Range = tuple[float, float]
BEYOND = 1e12
"""More requests than anybody will see: never."""


@dataclass(frozen=True)
class Payback:
    """Of one arm against another one. Amounts in `cost.currency`.

    corrected_per_1000: errors that the arm corrects in 1,000 requests, less those that it makes anew. requests: from which the
    upfront cost is paid back, None for never; earliest and latest are those of the interval, and latest None says that it may
    never be. days: the same at `cost.requests_per_day`.
    """

    arm: str
    against: str
    upfront: float
    saved_per_1000: float
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
    saved_per_1000: float,
    graded: Sequence[Graded] | None,
    rival: Sequence[Graded] | None,
) -> Payback:
    """saved_per_1000: how much less 1,000 requests cost than with `against`. graded, rival: the same items, answered by both;
    None where the other's answers are not known, so that the price alone counts.

    Raises: EvalError[evals.not_paired].
    """
    cost = project.cost
    corrected = _corrected(project, graded, rival) if graded is not None and rival is not None else None
    value = 1000 * cost.value_per_corrected_error if corrected else 0.0
    middle, lo, hi = (saved_per_1000 + value * part for part in corrected or (0.0, 0.0, 0.0))
    requests, earliest, latest = (_requests(upfront, gain) for gain in (middle, hi, lo))
    days = None
    if cost.requests_per_day:
        days = tuple(None if one is None else one / cost.requests_per_day for one in (requests, earliest, latest))
    return Payback(
        arm,
        against,
        upfront,
        saved_per_1000,
        1000 * corrected[0] if corrected else None,
        (1000 * corrected[1], 1000 * corrected[2]) if corrected else None,
        middle,
        (lo, hi),
        requests,
        earliest,
        latest,
        days,  # type: ignore[arg-type]  # a tuple of three
        _sentence(cost, arm, against, upfront, (requests, earliest, latest), has_range=bool(value)),
    )


def _corrected(project: Project, graded: Sequence[Graded], rival: Sequence[Graded]) -> tuple[float, float, float]:
    """Share of right answers more: middle, low and high end."""
    import numpy as np

    from honekit.evals.stats import same_items

    options = project.evaluate
    a, b = (
        mean_statistic(np.array(right_values(project, items), dtype=np.float64)) for items in (graded, same_items(graded, rival))
    )
    found = difference_of(a, b, options.bootstrap_resamples, options.seed, most=1.0)
    return found.mean, found.lo, found.hi


def _requests(upfront: float, gain_per_1000: float) -> int | None:
    if upfront <= 0:
        return 0
    if gain_per_1000 * BEYOND <= 1000 * upfront:
        return None
    return math.ceil(1000 * upfront / gain_per_1000)


def _sentence(
    cost: CostSection,
    arm: str,
    against: str,
    upfront: float,
    times: tuple[int | None, int | None, int | None],
    *,
    has_range: bool,
) -> str:
    requests, earliest, latest = times
    paid = f"{upfront:,.2f} {cost.currency} of training and labels"
    if not has_range:
        if requests is None:
            return f"{arm} never pays back {paid} against {against}: its requests cost no less."
        return f"{arm} has paid back {paid} against {against} after {_after(cost, requests)}, by its cheaper requests alone."
    if earliest is None:
        return f"{arm} never pays back {paid} against {against}: not even at the best end of the interval."
    middle = f"after {_after(cost, requests)}" if requests is not None else "never"
    end = f"{_after(cost, latest)}" if latest is not None else "never"
    return f"{arm} pays back {paid} against {against} {middle} (95 % interval: {_after(cost, earliest)} to {end})."


def _after(cost: CostSection, requests: int) -> str:
    if not cost.requests_per_day:
        return f"{requests:,} requests"
    return f"{requests:,} requests, {requests / cost.requests_per_day:,.1f} days"
