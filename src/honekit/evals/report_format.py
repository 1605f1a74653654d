"""Numbers and names as a reader of the report sees them; every text that may be missing is shown as a dash."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

DASH = "–"
MINUS = "−"


def number(value: Any, decimals: int = 3) -> str:
    """A score or loss with a fixed number of decimals."""
    return DASH if not _finite(value) else f"{value:.{decimals}f}".replace("-", MINUS)


def signed(value: Any, decimals: int = 3) -> str:
    return DASH if not _finite(value) else f"{value:+.{decimals}f}".replace("-", MINUS)


def percent(value: Any, decimals: int = 1) -> str:
    """A share of 1 in percent."""
    return DASH if not _finite(value) else f"{100 * value:.{decimals}f} %"


def interval(bounds: Any, *, sign: bool = False) -> str:
    """`0.763 to 0.861` of two bounds, or a dash."""
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(_finite(bound) for bound in bounds):
        return DASH
    form = signed if sign else number
    return f"{form(bounds[0])} to {form(bounds[1])}"


def probability(value: Any) -> str:
    if not _finite(value):
        return DASH
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def count(value: Any) -> str:
    """A whole number with commas between thousands."""
    return DASH if not _finite(value) else f"{round(value):,}"


def duration(seconds: Any) -> str:
    """Seconds below two minutes, then minutes, then hours."""
    if not _finite(seconds):
        return DASH
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def milliseconds(value: Any) -> str:
    """A latency in ms, with a decimal only where it matters."""
    if not _finite(value):
        return DASH
    return f"{value:.1f} ms" if value < 10 else f"{count(value)} ms"


def money(value: Any, currency: str, decimals: int | None = None) -> str:
    """An amount; by default with as many decimals as `money_decimals` asks for."""
    if not _finite(value):
        return DASH
    return f"{value:,.{money_decimals([value]) if decimals is None else decimals}f} {currency}"


def money_decimals(amounts: Iterable[Any]) -> int:
    """Two, or as many as the smallest amount needs for two significant digits: fractions of a cent count here."""
    smallest = min((abs(amount) for amount in amounts if _finite(amount) and amount), default=1.0)
    return min(9, max(2, 1 - math.floor(math.log10(smallest))))


def shorten(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1].rstrip() + "…"


def breakable(name: Any) -> Markup:
    """A name that may break after an underscore, so that narrow columns hold it."""
    return Markup(str(escape(str(name))).replace("_", "_<wbr>"))


def as_text(value: Any) -> str:
    """A value of an answer or a setting on one line: strings bare, nothing as a dash, everything else as JSON."""
    if value is None:
        return DASH
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
