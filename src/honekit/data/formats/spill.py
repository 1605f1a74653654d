"""A file of any format as JSONL in a temporary folder, so that the checkers of chat files can read it.

Each record stands on the line whose number it has in the source, with blank lines between, so that every finding and every
"the same as on line 3" names the source's rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honekit.data.formats import chosen_rejected
from honekit.data.formats.completion import pair_of
from honekit.data.formats.detect import Source, adder
from honekit.data.formats.row import Row
from honekit.data.lines import Finding
from honekit.data.records import MAX_KEPT
from honekit.store.atomic import writing

_FINAL = ("data.json_syntax", "data.not_utf8", "data.line_too_long")
TURNS = {
    "sharegpt": ("conversations", ".value"),
    "bedrock-claude": ("messages", ".content"),
    "bedrock-nova": ("messages", ".content"),
}
"""Formats in which each turn is one message, and the system text may stand before them: the turns, what one says."""
SHIFTED = " "
"""Behind a spilled record whose system text stands before its turns."""


@dataclass
class Spill:
    """A source as JSONL that the checkers read: the file itself where it is that already."""

    source: Source
    folder: Path
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """code -> how often it was found; of the findings at most `MAX_KEPT` are kept."""
    records: int = 0
    has_messages: bool = False
    """Whether the answers of chosen-rejected rows are lists of messages."""
    fields: dict[str, str] = field(default_factory=dict)
    """role -> the field of a row that its message is made of; empty where a row has turns."""

    def __post_init__(self) -> None:
        self.file = self.source.path
        if self.source.container != "jsonl" or self.source.format not in ("chat", "openai", "preference", "reinforcement"):
            self.file = self.folder / (self.source.path.resolve().name or "data")
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
                self.has_messages = self.has_messages or isinstance(row.value.get("chosen"), list)
                self.fields = self.fields or _fields(self.source, row.value)
                mark = SHIFTED if _is_shifted(self.source, row.value, record) else ""
                file.write("\n" * (row.number - line) + json.dumps(record, ensure_ascii=False) + mark)
                line = row.number

    def _records(self) -> Iterator[tuple[Row, dict[str, Any] | None]]:
        if self.source.dialect is not None:
            yield from self.source.records(self._report)
            return
        for row in self.source.rows():
            if row.fault:
                self._report(row.fault)
            yield row, self._as_preference(row) if self.source.format == chosen_rejected.NAME else row.value

    def _as_preference(self, row: Row) -> dict[str, Any] | None:
        return chosen_rejected.as_preference(row.value, adder(row.number, self._report)) if row.value is not None else None

    def _report(self, finding: Finding) -> None:
        self.counts[finding.code] += 1
        if len(self.findings) < MAX_KEPT:
            self.findings.append(finding)


def _is_shifted(source: Source, row: dict[str, Any], record: dict[str, Any]) -> bool:
    turns = row.get(TURNS[source.format][0]) if source.format in TURNS else None
    return isinstance(turns, list) and len(record["messages"]) > len(turns)


def _fields(source: Source, row: dict[str, Any]) -> dict[str, str]:
    """role -> the field of a row like this one that the role's message is made of."""
    if source.columns is not None:
        system = {"system": source.columns.system} if source.columns.system else {}
        return {"user": source.columns.input, "assistant": source.columns.answers[0], **system}
    names = {"alpaca": ("instruction", "output"), "prompt-completion": pair_of(row)}.get(source.format)
    return dict(zip(("user", "assistant", "system"), (*names, "system"), strict=True)) if names else {}
