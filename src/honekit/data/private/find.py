"""Secrets and personal data in a text: one pass of RE2 says which detectors could find something, and only these run."""

from __future__ import annotations

from bisect import bisect
from functools import cache
from typing import Any

from honekit.data.private.personal import PERSONAL
from honekit.data.private.secrets import SECRETS
from honekit.data.private.span import Span

_DETECTORS = (*SECRETS, *PERSONAL)


def find_private(text: str) -> list[Span]:
    """All places in order, none within another; where two overlap, a secret comes before personal data."""
    hits = _cues().Match(text.encode("utf-8", "replace"))
    if not hits:
        return []
    return without_overlaps([span for hit in sorted(hits) for span in _DETECTORS[hit][1](text)])


def may_be_private(text: str) -> bool:
    """Whether `find_private` could find anything in the lines of a text."""
    return bool(_cues().Match(text.encode("utf-8", "replace")))


def masked(span: Span, text: str) -> str:
    """Enough to find it, too little to use it; the first letters of a key are its provider's."""
    value = text[span.start : span.end]
    return f"{value[: 4 if span.code == 'data.secrets.api_key' else 1]}… ({len(value)} characters)"


@cache
def _cues() -> Any:
    import re2  # type: ignore[import-untyped]

    cues = re2.Set.SearchSet()
    for pattern, _ in _DETECTORS:
        cues.Add(pattern)
    cues.Compile()
    return cues


def without_overlaps(spans: list[Span]) -> list[Span]:
    """In order of place; of two that overlap the one found first stays."""
    kept: list[Span] = []
    starts: list[int] = []
    for span in spans:
        place = bisect(starts, span.start)
        if (place and kept[place - 1].end > span.start) or (place < len(kept) and kept[place].start < span.end):
            continue
        kept.insert(place, span)
        starts.insert(place, span.start)
    return kept
