"""One pass over a JSONL file of training records, whatever their kind: counts, findings, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from honekit.data.blank_lines import BlankLines
from honekit.data.exact import ExactDuplicates, text_hash
from honekit.data.lines import Finding, Line, Severity, raise_findings, read_lines
from honekit.data.notes import UNKNOWN, usual_notes

MAX_KEPT = 1000
"""Findings kept per code; the rest is counted only, so that a wholly broken file stays in memory."""

TOTALS: dict[Severity, str] = {"error": "errors", "warning": "warnings", "advice": "advice"}
"""The name of each severity's total in the statistics."""

STATS = ("messages", "trained_messages", "characters", "bytes", "tool_records", *TOTALS.values())

DUPLICATE = "data.duplicate"

_AT_ONCE = 10_000

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
    counts: dict[str, int] = field(default_factory=dict)
    """How often each code was found; of each, at most `MAX_KEPT` findings are listed."""
    score: dict[str, Any] = field(default_factory=dict)
    """See `honekit.data.checks.score`."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by check, where it was measured."""
    format: str = "jsonl"
    """What the file was read as: `jsonl`, or a dialect and how the file holds it (`alpaca in json`)."""

    @property
    def is_good(self) -> bool:
        return not self.errors

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "ok": self.is_good}


@dataclass
class Tally:
    """What was found and counted so far. That of a later part of the same file can be joined to it."""

    lines: int = 0
    records: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def report(self, finding: Finding, times: int = 1) -> None:
        """Keep a finding; `times` counts more of its kind that nobody lists."""
        if self.counts[finding.code] < MAX_KEPT:
            self.findings.append(finding)
        self.counts[finding.code] += times
        self.totals[TOTALS[finding.severity]] += times

    def moved(self, lines_before: int) -> Tally:
        """The same with its lines numbered as those of the whole file."""
        return replace(self, findings=[replace(one, line=one.line + lines_before) if one.line else one for one in self.findings])

    def join(self, later: Tally) -> None:
        """Add what was found and counted in a later part of the same file."""
        kept = Counter(self.counts)
        for finding in later.findings:
            if kept[finding.code] < MAX_KEPT:
                self.findings.append(finding)
            kept[finding.code] += 1
        self.counts.update(later.counts)
        self.totals.update(later.totals)
        self.lines += later.lines
        self.records += later.records

    def report_repeated(self, duplicates: ExactDuplicates, kind: str) -> None:
        """Lines that repeat an earlier one; `kind` names what a line holds."""
        total, pairs = duplicates.found(MAX_KEPT)
        for number, (line, first) in enumerate(pairs):
            message = f"the same {kind} as on line {first}"
            more = total - len(pairs) if number == len(pairs) - 1 else 0
            self.report(Finding(DUPLICATE, "warning", line, "", message, "keep one of the two", True), 1 + more)

    def report_blank(self, blank: BlankLines) -> None:
        """Blank lines between the records."""
        for finding, times in blank.findings():
            self.report(finding, times)

    def report_too_few(self, least: int, kind: str) -> None:
        if self.records < least:
            count = f"{self.records} {'example' if self.records == 1 else 'examples'}, and at least {least} are needed"
            self.report(Finding("data.too_few", "error", 0, "", count, f"add examples, one {kind} per line"))

    def _gather_notes(self) -> None:
        """Keys that most records have are told once."""
        unlisted = self.counts[UNKNOWN] - sum(finding.code == UNKNOWN for finding in self.findings)
        gone, advice = usual_notes(self.findings, self.records, unlisted)
        if not gone:
            return
        left_out = set(map(id, gone))
        self.findings = [one for one in self.findings if id(one) not in left_out] + advice
        # What was not listed is most likely more of the same.
        told = len(gone) + unlisted
        self.counts[UNKNOWN] += len(advice) - told
        self.totals[TOTALS["warning"]] -= told
        self.totals[TOTALS["advice"]] += len(advice)

    def result(self, path: Path) -> CheckResult:
        """Findings by severity in order of line, and the statistics."""
        self._gather_notes()
        ordered = sorted(self.findings, key=lambda finding: (finding.line == 0, finding.line))
        kept = {severity: [one for one in ordered if one.severity == severity] for severity in TOTALS}
        stats = {name: self.totals[name] for name in STATS}
        return CheckResult(path, self.records, kept["error"], kept["warning"], kept["advice"], stats, dict(self.counts))


def scan(path: Path, read: Read, *, least: int, kind: str) -> CheckResult:
    """Every line that is not blank through `read`; `kind` names one record in findings (`conversation`).

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    tally, blank = Tally(), BlankLines()
    with ExactDuplicates() as duplicates:
        hashed: dict[int, int] = {}
        for line in read_lines(path):
            blank.see(line)
            if read_line(line, read, tally, tally.report):
                hashed[line.number] = text_hash(line.text or "")
            if len(hashed) >= _AT_ONCE:
                duplicates.add(list(hashed.values()), list(hashed))
                hashed = {}
        duplicates.add(list(hashed.values()), list(hashed))
        tally.report_repeated(duplicates, kind)
    tally.report_blank(blank)
    tally.report_too_few(least, kind)
    return tally.result(path)


def read_line(line: Line, read: Read, tally: Tally, report: Report) -> bool:
    """Count one line and report what is wrong with it; whether it holds a record."""
    if line.is_blank:
        return False
    tally.records += 1
    if line.text is None:
        if line.fault:
            report(line.fault)
        return False
    tally.totals["bytes"] += len(line.text) if line.text.isascii() else len(line.text.encode("utf-8", "surrogatepass"))
    return read(line, report, tally.totals)


def read_all(path: Path, reader: Callable[[Callable[[E], None]], Read], *, least: int, kind: str) -> list[E]:
    """The records of a file without errors (warnings pass); `reader` makes a `Read` that hands each one on.

    Raises: DataError with the code of the first error, listing up to twenty of them.
    """
    examples: list[E] = []
    result = scan(path, reader(examples.append), least=least, kind=kind)
    raise_findings(path, result.errors, result.stats["errors"])
    return examples


def readable_records(path: Path, reader: Callable[[Callable[[E], None]], Read]) -> Iterator[E]:
    """The records of a file one by one, without those that cannot be read; `reader` as in `read_all`.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    found: list[E] = []
    read = reader(found.append)
    for line in read_lines(path):
        if line.text is not None and not line.is_blank:
            read(line, _unreported, Counter())
            yield from found
            found.clear()


def _unreported(_finding: Finding) -> None:
    return None
