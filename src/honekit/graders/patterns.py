"""Regular expressions that come with requests: RE2, whose time is linear in the text whatever the pattern."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MAX_PROGRAM = 10_000
"""Instructions of a compiled pattern. RE2's time is linear in the text, times this: repeated repetitions write a pattern of
thirty characters out to tens of thousands, and a text of 5,000 characters then takes most of a second."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Any:
    """A pattern with `search`. Raises: ValueError that says why it is none."""
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as fault:
        raise ValueError(f"{pattern[:80]!r} is no pattern of RE2: {_reason(fault)}") from fault
    if compiled.programsize > MAX_PROGRAM:
        raise ValueError(
            f"{pattern[:80]!r} is too large: its repetitions make {compiled.programsize} steps of at most {MAX_PROGRAM}"
        )
    return compiled


def is_found(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a pattern is found in a text; half a surrogate pair, which RE2 cannot read, is a character that fits no letter.

    Raises: ValueError as `compile_pattern`.
    """
    readable = text.encode("utf-8", "replace").decode("utf-8")
    return compile_pattern(pattern, ignore_case=ignore_case).search(readable) is not None


def _reason(fault: Exception) -> str:
    """RE2 gives its reason as bytes."""
    reason = fault.args[0] if fault.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
