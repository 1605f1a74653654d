"""Checks that look at conversations as objects, one pass over them for several checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from honekit.data.chat import ChatExample
from honekit.data.checks.check import Check
from honekit.data.lines import Finding
from honekit.data.records import Tally

Progress = Callable[[str, float, float], None]
"""What is going on, how much of it is done, and of how much (bytes or records)."""
Tell = Callable[[str], None]
_SAMPLE = 500
_TOLD_FROM_S = 2.0


@dataclass
class Passes:
    """Passes over conversations, timed; what the checks find goes into `tally`."""

    tally: Tally
    progress: Progress | None = None
    tell: Tell | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def see(self, conversations: Iterable[ChatExample], checks: Sequence[Check], most: int) -> None:
        """Every check over the first `most` conversations."""
        names = [type(check).__name__ for check in checks]
        spent = dict.fromkeys(names, 0.0)
        clock = time.perf_counter
        for number, example in enumerate(islice(conversations, most), 1):
            begun = clock()
            for check, name in zip(checks, names, strict=True):
                for finding in check.see(example):
                    self.tally.report(finding)
                ended = clock()
                spent[name] += ended - begun
                begun = ended
            if number == _SAMPLE and self.tell:
                for name, seconds in spent.items():
                    expected = seconds / number * most
                    if expected > _TOLD_FROM_S:
                        self.tell(f"{name} will take about {expected:.0f} s")
            if self.progress and number % 1000 == 0:
                self.progress("conversations", number, most)
        self.seconds |= spent

    def report(self, name: str, findings: Iterable[Finding]) -> None:
        begun = time.perf_counter()
        for finding in findings:
            self.tally.report(finding)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
