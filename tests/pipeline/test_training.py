from __future__ import annotations

import pytest

from honekit.jobs import Event
from honekit.pipeline import training
from honekit.train.cuts import CUT


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def stage(self, title: str, details: list[str]) -> None: ...

    def progress(self, title: str, done: int, total: int, note: str = "") -> None: ...

    def message(self, level: str, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize(("data", "told"), [(None, ["text"]), ({CUT: 4}, [])])
def test_a_jobs_own_count_of_cut_lines_is_not_repeated(data: dict[str, int] | None, told: list[str]) -> None:
    heard = Heard()
    event = Event("evt-1", "job-1", 1, 0.0, "warn", "message", "text", data)
    training._tell(event, heard)
    assert heard.texts == told
