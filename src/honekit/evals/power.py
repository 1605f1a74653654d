"""How many examples a comparison needs, and what the ones at hand can show.

All by the normal approximation of a mean paired difference whose standard deviation per item is known from a first sample.
Source: Chow, Shao & Wang, Sample Size Calculations in Clinical Research (2008), ch. 3.
"""

from __future__ import annotations

import math

POWER = 0.8
ALPHA = 0.05


def items_for_difference(difference: float, deviation: float, power: float = POWER, alpha: float = ALPHA) -> int | None:
    """Items at which a true `difference` is found (two-sided) with this power; None for no difference.

    `deviation` is the standard deviation of one item's difference.
    """
    if abs(difference) < 1e-12:
        return None
    return max(1, math.ceil((_reach(power, alpha / 2) * deviation / abs(difference)) ** 2))


def items_for_not_worse(
    difference: float, deviation: float, margin: float, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Items at which an arm with a true `difference` to the other is shown (one-sided) not to be worse by `margin`; None when
    it is worse by that much."""
    room = margin + difference
    if room < 1e-12:
        return None
    return max(1, math.ceil((_reach(power, alpha) * deviation / room) ** 2))


def detectable_difference(items: int, deviation: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest true difference that so many items find (two-sided) with this power: the minimum detectable effect."""
    return _reach(power, alpha / 2) * deviation / math.sqrt(items)


def power_of(items: int, difference: float, deviation: float, alpha: float = ALPHA) -> float:
    """The chance that so many items find a true `difference` (two-sided)."""
    from scipy.special import ndtr, ndtri

    if deviation <= 0:
        return 1.0 if difference else alpha
    shift, edge = abs(difference) * math.sqrt(items) / deviation, float(ndtri(1 - alpha / 2))
    return float(ndtr(shift - edge) + ndtr(-edge - shift))


def _reach(power: float, alpha: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha) + ndtri(power))
