"""One pass over a JSONL file of training records, whatever their kind: counts, findings, duplicates."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from honekit.data.lines import Finding, Line, Severity, raise_findings, read_lines

MAX_KEPT = 1000
"""Findings kept per severity; the rest is counted only, so that a wholly broken file stays in memory."""

TOTALS: dict[Severity, str] = {"error": "errors", "warning": "warnings", "advice": "advice"}
"""The name of each severity's total in the statistics."""

E = TypeVar("E")
Report = Callable[[Finding], None]
Read = Callable[[Line, Report, Counter[str]], bool]
"""Reads one line with text: reports its findings, counts what is in it, and says whether it holds a record."""


@dataclass
class CheckResult:
    """What is in a file of training records and what is wrong with it."""

    path: Path
    records: int = 0
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    advice: list[Finding] = field(default_factory=list)
    stats: dict[str, int] = field(default_factory=dict)
    """messages, trained_messages, characters, bytes, tool_records; errors, warnings and advice are the true totals."""
    format: str = "jsonl"
    """What the file was read as: `jsonl`, or a dialect and how the file holds it (`alpaca in json`)."""

    @property
    def is_good(self) -> bool:
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "ok": self.is_good}


def scan(path: Path, read: Read, *, least: int, kind: str, finish: Callable[[Report], None] | None = None) -> CheckResult:
    """Every line that is not blank through `read`; `kind` names one record in findings (`conversation`).
    `finish` reports what only the whole file shows.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    result = CheckResult(path)
    totals: Counter[str] = Counter()
    seen: dict[bytes, int] = {}

    def report(finding: Finding) -> None:
        kept = {"error": result.errors, "warning": result.warnings, "advice": result.advice}[finding.severity]
        totals[TOTALS[finding.severity]] += 1
        if len(kept) < MAX_KEPT:
            kept.append(finding)

    for line in read_lines(path):
        if line.is_blank:
            continue
        result.records += 1
        if line.text is None:
            if line.fault:
                report(line.fault)
            continue
        totals["bytes"] += len(line.text)
        if not read(line, report, totals):
            continue
        digest = hashlib.blake2b(line.text.encode(), digest_size=12).digest()
        if digest in seen:
            message = f"the same {kind} as on line {seen[digest]}"
            report(Finding("data.duplicate", "warning", line.number, "", message, "keep one of the two"))
        seen.setdefault(digest, line.number)
    if result.records < least:
        count = f"{result.records} examples, and at least {least} are needed"
        report(Finding("data.too_few", "error", 0, "", count, f"add examples, one {kind} per line"))
    if finish:
        finish(report)
    names = ("messages", "trained_messages", "characters", "bytes", "tool_records", *TOTALS.values())
    result.stats = {name: totals[name] for name in names}
    return result


def read_all(path: Path, reader: Callable[[Callable[[E], None]], Read], *, least: int, kind: str) -> list[E]:
    """The records of a file without errors (warnings pass); `reader` makes a `Read` that hands each one on.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    examples: list[E] = []
    result = scan(path, reader(examples.append), least=least, kind=kind)
    raise_findings(path, result.errors, result.stats["errors"])
    return examples
