"""Where deleted rows stood: known to their owner alone, and only the newest."""

from __future__ import annotations

import pytest

from honekit.store import removed


def test_the_newest_places_are_known_to_their_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removed, "_places", type(removed._places)())
    monkeypatch.setattr(removed, "REMEMBERED", 2)
    for number in range(3):
        removed.note("file", "a", f"row-{number}", float(number))
    assert removed.place("file", "a", "row-0") is None
    assert removed.place("file", "a", "row-2") == removed.Place("row-2", 2.0)
    assert removed.place("file", "b", "row-2") is None
    assert removed.place("run", "a", "row-2") is None
