"""Scripts that have no blanks between words."""

from __future__ import annotations

_FIRST, _LAST = "\u3040", "\u9fff"


def is_unspaced(text: str) -> bool:
    """Whether a text, which is not empty, begins in the script of Chinese or Japanese."""
    return _FIRST <= text[0] <= _LAST
