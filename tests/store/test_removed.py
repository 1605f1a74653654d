"""Where deleted rows stood: known to their owner alone, to every server, and for a day."""

from __future__ import annotations

import pytest

from honekit.store import removed
from honekit.store.database import open_database

pytestmark = pytest.mark.both_databases


def test_places_are_known_to_their_owner_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(removed.time, "time", lambda: now)
    for number in range(3):
        with open_database().write() as connection:
            removed.note(connection, "file", "a", f"row-{number}", float(number))
        now += removed.REMEMBERED_S * 0.7
    assert removed.place("file", "a", "row-0") is None
    assert removed.place("file", "a", "row-2") == removed.Place("row-2", 2.0)
    assert removed.place("file", "b", "row-2") is None
    assert removed.place("run", "a", "row-2") is None
