"""The search for secrets and personal data in one range of a file after the other, as worker processes do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from honekit.data.chat import conversations_in
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.privacy.personal_data import Advised, PrivacyCheck
from honekit.data.lines import Line, read_lines
from honekit.data.records import Tally


@dataclass
class PrivatePart:
    """What one range gives. Lines count from its own first one."""

    lines: int = 0
    tally: Tally = field(default_factory=Tally)
    advised: Advised = field(default_factory=Advised)


def private_parts(path: Path, start: int = 0, end: int | None = None, names: str | None = None) -> Iterator[PrivatePart]:
    """The conversations that begin at the bytes `start` up to `end`, as one part; `names` is a recogniser of names.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    part, check = PrivatePart(), PrivacyCheck(CheckOptions(names=names))

    def counted() -> Iterator[Line]:
        for line in read_lines(path, start, end):
            part.lines = line.number
            yield line

    for example in conversations_in(counted()):
        for finding in check.see(example):
            part.tally.report(finding)
    part.advised = check.advised
    yield part
