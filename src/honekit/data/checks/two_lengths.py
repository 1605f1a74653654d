"""Pairs of texts whose lengths stand the other way round than in nearly all other pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

_LEAST, _MOSTLY = 10, 0.9
_TIMES_AS_LONG = 1.5


def reversed_lengths(lengths: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The places of pairs whose first text is as long as the second of all others, and the other way round. None where the two
    lengths of all others overlap: there the lengths say nothing."""
    signs = [_longer(*pair) for pair in lengths]
    counts = Counter(signs)
    main = 1 if counts[1] >= counts[-1] else -1
    if counts[main] < _LEAST or counts[main] < _MOSTLY * len(signs):
        return
    usual = [pair for pair, sign in zip(lengths, signs, strict=True) if sign == main]
    firsts, seconds = sorted(one for one, _ in usual), sorted(other for _, other in usual)
    for at, ((first, second), sign) in enumerate(zip(lengths, signs, strict=True)):
        is_like_second = _is_within(first, seconds) and not _is_within(first, firsts)
        if sign == -main and is_like_second and _is_within(second, firsts) and not _is_within(second, seconds):
            yield at


def _longer(first: int, second: int) -> int:
    """1 where the first is clearly longer, -1 where the second is, else 0."""
    return (first >= _TIMES_AS_LONG * second) - (second >= _TIMES_AS_LONG * first)


def _is_within(length: int, lengths: Sequence[int]) -> bool:
    """Whether it is as long as the middle nine tenths of others are."""
    cut = len(lengths) // 20
    return lengths[cut] <= length <= lengths[-1 - cut]
