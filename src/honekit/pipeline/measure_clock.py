"""How long a measurement still takes: its estimate, corrected by how long the steps that ended took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from honekit.evals.report_format import duration

Kind = Literal["free", "short", "training"]
"""Answers counted to their cap, since an untuned model seldom stops by itself; answers as long as the right ones; a training.
Each errs in its own way, so each corrects its own kind alone."""


@dataclass(frozen=True)
class Step:
    """One part of a measurement with its estimate; `answers`, of which it is the time, is 0 for a training."""

    arm: str
    kind: Kind
    seconds: float
    answers: int = 0


class Clock:
    """The steps that are still to come, and by what factor those that ended took longer than estimated."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.open = list(steps)
        self._expected: dict[Kind, float] = {}
        self._took: dict[Kind, float] = {}

    def ended(self, arm: str, kind: Kind, took_s: float, done: float) -> str | None:
        """What to tell of a step that ended; `done` is the number of answers (or trainings) that were really made now, the
        others having been kept. None for a step that had no estimate."""
        step = next((one for one in self.open if (one.arm, one.kind) == (arm, kind)), None)
        if step is None:
            return None
        self.open.remove(step)
        expected = step.seconds * done / max(1, step.answers)
        if expected > 0:
            self._expected[kind] = self._expected.get(kind, 0.0) + expected
            self._took[kind] = self._took.get(kind, 0.0) + took_s
        what = f"{arm}, training" if kind == "training" else arm
        told = f"{what}: {duration(took_s)}, {duration(expected)} expected" if expected > 0 else f"{what}: kept from before"
        return told + (f"; about {duration(self.remaining_s())} left" if self.open else "")

    def remaining_s(self) -> float:
        """Seconds, as if nothing more was kept from before."""
        return sum(step.seconds * self.factor(step.kind) for step in self.open)

    def factor(self, kind: Kind) -> float:
        """Measured over estimated seconds of the steps of this kind so far; 1 before the first."""
        expected = self._expected.get(kind, 0.0)
        return self._took[kind] / expected if expected > 0 else 1.0
