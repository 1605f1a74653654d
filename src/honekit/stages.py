"""Wall time of each stage beside the floor that arithmetic sets for it.

A shared host computes at one speed now and at twice that an hour later. So the speed is read beside each stage that has a
floor, just before it and just after it, and the floor goes by the mean of the two readings: ratios of one run can then be
compared. Nothing is read while a stage runs, and a reading's own time belongs to no stage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

FRESH_S = 1.0
"""A reading that ended at most so long ago stands for one before the next stage."""


class Speed(Protocol):
    """What a device was measured to do (`honekit.models.precision.Measured`)."""

    @property
    def memory_gb_s(self) -> float: ...

    def gflops(self, precision: str, /) -> float: ...


@dataclass(frozen=True)
class LeastWork:
    """The least that a stage has to compute and to read."""

    precision: str
    operations: float
    """Of the matrix products of unique tokens."""
    weight_bytes: float = 0.0
    """Read from memory for answers given alone, each token of which needs all weights once."""


@dataclass(frozen=True)
class Reading:
    """One measurement beside a stage."""

    gflops: float
    """The matmul peak in the stage's precision."""
    memory_gb_s: float


@dataclass
class Stage:
    name: str
    seconds: float = 0.0
    floor_seconds: float = 0.0
    """Its least operations at the mean of the measured matmul peaks, and weight bytes at that of the memory bandwidths; 0 where
    nothing had to be computed or nothing is known of it."""
    note: str = ""
    readings: list[Reading] = field(default_factory=list)
    """Just before the stage and just after it; empty where it has no floor."""


@dataclass
class Stages:
    """The stages of a run in their order."""

    read: Callable[[], Speed]
    """Measures the device that the run computes on."""
    stages: list[Stage] = field(default_factory=list)
    reading_seconds: float = 0.0
    """Spent on the readings; part of the run, of no stage."""
    _newest: tuple[float, Speed] | None = None

    @contextmanager
    def time(self, name: str) -> Iterator[Stage]:
        stage = Stage(name)
        started = time.perf_counter()
        try:
            yield stage
        finally:
            stage.seconds = time.perf_counter() - started
            self.stages.append(stage)

    def speed_before(self) -> Speed:
        """The speed just before a stage: what was read after the last one, when that is fresh."""
        if self._newest and time.perf_counter() - self._newest[0] <= FRESH_S:
            return self._newest[1]
        return self._read()

    def set_floor(self, stage: Stage, before: Speed, work: LeastWork) -> None:
        """Call at the end of a stage: reads the speed again and sets the floor. No work, no floor."""
        if not work.operations and not work.weight_bytes:
            return
        stage.readings = [Reading(speed.gflops(work.precision), speed.memory_gb_s) for speed in (before, self._read())]
        count = len(stage.readings)
        stage.floor_seconds = (
            work.operations * count / sum(reading.gflops for reading in stage.readings)
            + work.weight_bytes * count / sum(reading.memory_gb_s for reading in stage.readings)
        ) / 1e9

    def floor_seconds(self) -> float:
        """Of the whole run: the sum of its stages' floors."""
        return sum(stage.floor_seconds for stage in self.stages)

    def seconds(self) -> dict[str, float]:
        """By name; stages of the same name, such as several trainings, together."""
        together: dict[str, float] = {}
        for stage in self.stages:
            together[stage.name] = together.get(stage.name, 0.0) + stage.seconds
        return together

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(stage) for stage in self.stages]

    def _read(self) -> Speed:
        started = time.perf_counter()
        speed = self.read()
        ended = time.perf_counter()
        self.reading_seconds += ended - started
        self._newest = (ended, speed)
        return speed
