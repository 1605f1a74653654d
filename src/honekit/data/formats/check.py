"""`hone data check` on a file of any format: the format's own faults, then those of the chat records it stands for.

Files that are chat, preference or reinforcement JSONL go to their own checkers as they are. Others are written as JSONL into
a temporary folder, each record on the line whose number it has in the source, so that every finding names the source's row.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from honekit.data.checks.check import CheckOptions
from honekit.data.checks.run import check_file
from honekit.data.formats.completion import pair_of
from honekit.data.formats.detect import Given, Source, detect
from honekit.data.formats.row import Row
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding
from honekit.data.preference import check_preference_file
from honekit.data.records import MAX_KEPT, CheckResult
from honekit.data.reinforcement import check_reinforcement_file
from honekit.store.atomic import writing

_FINAL = ("data.json_syntax", "data.not_utf8", "data.line_too_long")
_TOO_LITTLE = ("data.too_few", "data.empty")
_MESSAGE = re.compile(r"messages\[(\d+)\](\.content)?$")
_TURNS = {
    "sharegpt": ("conversations", ".value"),
    "bedrock-claude": ("messages", ".content"),
    "bedrock-nova": ("messages", ".content"),
}
"""Formats in which each turn is one message, and the system text may stand before them: the turns, what one says."""
_SHIFTED = " "
"""Behind a spilled record whose system text stands before its turns."""
_MANY = 1 << 62


def check_any(
    path: Path,
    options: CheckOptions | None = None,
    given: Given | None = None,
    check: Callable[[Path, CheckOptions], CheckResult] = check_file,
) -> CheckResult:
    """Every finding of a file of any format that Hone reads. `check` looks at chat JSONL, and at what stands for it.

    Raises: DataError[data.file_missing | data.file_unreadable], and what `detect` raises for a file whose format is unclear.
    """
    options = options or CheckOptions()
    source = detect(path, given)
    with TemporaryDirectory(prefix="hone-check-") as folder:
        spill = Spill(source, Path(folder) / "checked")
        options = replace(
            options,
            validation=_beside(options.validation, given, Path(folder) / "validation"),
            test=_beside(options.test, given, Path(folder) / "test"),
        )
        if source.format == "preference":
            result = check_preference_file(spill.file)
        elif source.format == "reinforcement":
            result = check_reinforcement_file(spill.file)
        else:
            result = check(spill.file, options)
        return result if spill.file == path else _merge(result, spill)


def _beside(path: Path | None, given: Given | None, folder: Path) -> Path | None:
    """A further split in the form that the checks read. Its own faults are told when it is checked itself."""
    return None if path is None else Spill(detect(path, given), folder).file


@dataclass
class Spill:
    """A source as JSONL that the checkers read: the file itself where it is that already."""

    source: Source
    folder: Path
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """code -> how often it was found; of the findings at most `MAX_KEPT` are kept."""
    records: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = self.source.path
        if self.source.container != "jsonl" or self.source.format not in ("chat", "openai", "preference", "reinforcement"):
            self.file = self.folder / self.source.path.name
            with writing(self.file):
                self.folder.mkdir()
                self._write()

    @property
    def is_cut_short(self) -> bool:
        """Whether a fault kept the rest of the source, or all of it, from being read."""
        last = self.findings[-1].code if self.findings else ""
        return self.counts.total() == self.records > 0 or (self.source.container == "json" and last in _FINAL)

    def _write(self) -> None:
        line = 1
        with self.file.open("w", encoding="utf-8") as file:
            for row, record in self._records():
                self.records += 1
                if record is None or row.value is None:
                    continue
                self.fields = self.fields or _fields(self.source, row.value)
                shift = _SHIFTED if len(record.get("messages", ())) > _turns(self.source, row.value) else ""
                file.write("\n" * (row.number - line) + json.dumps(record, ensure_ascii=False) + shift)
                line = row.number

    def _records(self) -> Iterator[tuple[Row, dict[str, Any] | None]]:
        if self.source.dialect is not None:
            yield from self.source.records(self._report)
            return
        for row in self.source.rows():
            if row.fault:
                self._report(row.fault)
            yield row, row.value

    def _report(self, finding: Finding) -> None:
        self.counts[finding.code] += 1
        if len(self.findings) < MAX_KEPT:
            self.findings.append(finding)


def _merge(result: CheckResult, spill: Spill) -> CheckResult:
    """The result under the source's name, with the format's own faults in their places."""
    found = {"error": result.errors, "warning": result.warnings, "advice": result.advice}
    stats = dict(result.stats)
    if spill.records >= MIN_TRAINING_EXAMPLES or spill.is_cut_short:
        # Records that could not be read are there all the same: their own findings stand for them.
        found["error"] = [finding for finding in result.errors if finding.code not in _TOO_LITTLE]
        stats["errors"] -= len(result.errors) - len(found["error"])
    stats["errors"] += spill.counts.total()
    records = _records(spill, [finding for findings in found.values() for finding in findings])
    placed = {name: [_in_source(finding, spill, records) for finding in findings] for name, findings in found.items()}
    errors = sorted([*spill.findings, *placed["error"]], key=lambda finding: (finding.line == 0, finding.line))
    return replace(
        result,
        path=spill.source.path,
        format=f"{spill.source.format} in {spill.source.container}",
        records=spill.records,
        errors=errors[:MAX_KEPT],
        warnings=placed["warning"],
        advice=placed["advice"],
        stats=stats,
    )


def _records(spill: Spill, findings: Sequence[Finding]) -> dict[int, tuple[list[str], int]]:
    """line -> roles of its messages, and how many of them stand before the source's turns, for records with a finding."""
    lines = {finding.line for finding in findings if _MESSAGE.match(finding.field)}
    if not lines or not (spill.fields or spill.source.format in _TURNS):
        return {}
    with spill.file.open(encoding="utf-8") as file:
        found = {number: line.rstrip("\n") for number, line in enumerate(file, 1) if number in lines}
    return {
        number: ([message["role"] for message in json.loads(line)["messages"]], int(line.endswith(_SHIFTED)))
        for number, line in found.items()
    }


def _in_source(finding: Finding, spill: Spill, records: dict[int, tuple[list[str], int]]) -> Finding:
    """The finding with the source's words: its path, and the source's own field where one message stands for one."""
    found = replace(finding, message=finding.message.replace(str(spill.file), str(spill.source.path)))
    match = _MESSAGE.match(finding.field)
    roles, shift = records.get(finding.line, ([], 0))
    if match is None or int(match[1]) >= len(roles):
        return found
    index = int(match[1])
    if spill.source.format in _TURNS:
        turns, content = _TURNS[spill.source.format]
        field = "system" if index < shift else f"{turns}[{index - shift}]{content if match[2] else ''}"
        return replace(found, field=field)
    # Earlier turns stand in Alpaca's `history`, which no field of its own names.
    is_own = roles[index] == "system" or index >= len(roles) - 2
    return replace(found, field=spill.fields.get(roles[index], finding.field)) if is_own else found


def _turns(source: Source, row: dict[str, Any]) -> int:
    """How many turns the source's record has, where each becomes a message."""
    turns = row.get(_TURNS[source.format][0]) if source.format in _TURNS else None
    return len(turns) if isinstance(turns, list) else _MANY


def _fields(source: Source, row: dict[str, Any]) -> dict[str, str]:
    """role -> the field of a row like this one that the role's message is made of."""
    if source.columns is not None:
        system = {"system": source.columns.system} if source.columns.system else {}
        return {"user": source.columns.input, "assistant": source.columns.answers[0], **system}
    names = {"alpaca": ("instruction", "output"), "prompt-completion": pair_of(row)}.get(source.format)
    return dict(zip(("user", "assistant", "system"), (*names, "system"), strict=True)) if names else {}
