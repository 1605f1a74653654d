"""Checks that look at conversations as objects, one pass over them for several checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from honekit.data.chat import ChatExample, readable_conversations
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.checks.privacy.personal_data import Advised, PrivacyCheck
from honekit.data.checks.ranges import parts_of, process_count
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
        names = [check.name for check in checks]
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
            if number == _SAMPLE:
                for check, name in zip(checks, names, strict=True):
                    self._tell(name, spent[name] / number * min(getattr(check, "most", most), most))
            if self.progress and number % 1000 == 0:
                self.progress("conversations", number, most)
        self.seconds |= spent

    def see_private(self, path: Path, options: CheckOptions, processes: int | None) -> None:
        """`PrivacyCheck` over a whole file on several cores. It is tried on a few records first, to tell how long that takes."""
        name, clock = PrivacyCheck.name, time.perf_counter
        begun = clock()
        sample = PrivacyCheck(options)
        conversations = list(islice(readable_conversations(path), _SAMPLE))
        loaded = clock()
        for example in conversations:
            list(sample.see(example))
        share = self.tally.records / max(len(conversations), 1) / process_count(path, processes)
        self._tell(name, (clock() - loaded) * share)
        advised = Advised()
        lines = 0
        for part in parts_of(path, "private", processes, lambda: options.names or ""):
            self.tally.join(part.tally.moved(lines))
            advised.join(part.advised, lines)
            lines += part.lines
            if self.progress:
                self.progress("secrets and personal data", lines, self.tally.lines)
        for finding in advised.findings():
            self.tally.report(finding)
        self.seconds[name] = clock() - begun

    def _tell(self, name: str, seconds: float) -> None:
        if self.tell and seconds > _TOLD_FROM_S:
            self.tell(f"the check for {name} will take about {seconds:.0f} s")

    def report(self, name: str, findings: Iterable[Finding]) -> None:
        begun = time.perf_counter()
        for finding in findings:
            self.tally.report(finding)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
