"""A place in a text, for what is found there."""

from __future__ import annotations

from dataclasses import dataclass

from honekit.data.lines import Severity


@dataclass(frozen=True)
class Span:
    """A place in a text: what stands at `start` to `end`, in a code's terms (`data.privacy.email`)."""

    start: int
    end: int
    code: str
    severity: Severity
    what: str
    """What it is, in words, for a message."""


def text_before(text: str, start: int, length: int = 40) -> str:
    """What stands before a place, up to some length."""
    return text[max(0, start - length) : start]
