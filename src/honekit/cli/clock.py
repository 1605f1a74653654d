"""How lists show a time."""

from __future__ import annotations

import time


def clock(seconds: float | None) -> str:
    """The user's own time to the minute; a dash for what has not happened. `seconds` since 1970."""
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
