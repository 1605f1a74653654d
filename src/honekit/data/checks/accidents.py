"""What few records have is an accident; what many have is the way in which the set is written."""

from __future__ import annotations

from collections.abc import Iterator

from honekit.data.checks.tally import Place, Tally

_LEAST = 20
_SHARE, _SMALL_SHARE = 0.1, 0.2
_FEW = 2


def is_meant(count: int, answers: int) -> bool:
    """Whether so many of the answers have something that it is their way."""
    return count > max(_FEW, (_SHARE if answers >= _LEAST else _SMALL_SHARE) * answers)


def accidents(tally: Tally, answers: int, *, each: bool = False) -> Iterator[tuple[str, Place]]:
    """What was found and where, in order of the file; nothing when so many answers have it that it is meant. `each`: every kind
    of it is counted for itself."""
    if not each and is_meant(tally.total, answers):
        return
    kinds = [what for what, count in tally.counts.items() if not is_meant(count, answers)] if each else tally.places
    found = [(str(what), place) for what in kinds for place in tally.places[what]]
    yield from sorted(found, key=lambda one: one[1])
