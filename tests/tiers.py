"""How often a test of reliability repeats itself: a little in `make test`, more in `make test-long`, for hours at night."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pytest

T = TypeVar("T")
Note = Callable[[str, object], None]
"""What `record_property` is."""
SHOWN_EACH_S = 10.0


def shown(trials: Iterable[T], total: int) -> Iterator[T]:
    """The trials, with a line on stderr from time to time: hundreds take long enough to be taken for a hang."""
    begun = said = time.monotonic()
    for number, trial in enumerate(trials):
        now = time.monotonic()
        if now - said > SHOWN_EACH_S:
            left = (now - begun) / number * (total - number)
            print(f"  trial {number + 1} of {total}, about {left:.0f} s left", file=sys.stderr, flush=True)
            said = now
        yield trial


def on(database: str, trials: int, note: Note) -> int:
    """How many of the trials are made on this database: what does not depend on it is tried often enough on SQLite. Noted with
    `record_property`, for what `make test-long` prints."""
    made = trials if database == "sqlite" else trials // 2
    note("trials", made)
    return made


def trials(small: int, gate: int, night: int) -> pytest.MarkDecorator:
    """Parametrizes `trials` with the three sizes; the larger two carry the markers `long` and `night`."""
    return _sized("trials", small, gate, night)


def seconds(small: int, gate: int, night: int) -> pytest.MarkDecorator:
    """The same for `seconds`, in tests that go on for as long as they are told."""
    return _sized("seconds", small, gate, night)


def _sized(name: str, small: int, gate: int, night: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        name, [small, pytest.param(gate, marks=pytest.mark.long), pytest.param(night, marks=pytest.mark.night)]
    )
