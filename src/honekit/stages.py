"""Wall time of each stage beside the floor that arithmetic sets for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Stage:
    name: str
    seconds: float = 0.0
    floor_seconds: float = 0.0
    """Matrix products of unique tokens at the measured peak; for answers given alone, weight bytes at the measured
    memory bandwidth."""
    note: str = ""


@dataclass
class Stages:
    """The stages of a run in their order."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def time(self, name: str) -> Iterator[Stage]:
        stage = Stage(name)
        started = time.perf_counter()
        try:
            yield stage
        finally:
            stage.seconds = time.perf_counter() - started
            self.stages.append(stage)

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(stage) for stage in self.stages]
