"""`hone data stats`: what is in a file, in one pass. Memory is 16 bytes a record (for duplicates) and a few hundred kilobytes."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data.histogram import Histogram
from honekit.data.labels import label_text
from honekit.data.lines import Finding
from honekit.data.rows import Row, content_text, each_row, is_learnt
from honekit.errors import DataError, HoneError

if TYPE_CHECKING:
    from honekit.chat.template import ChatTemplate

MAX_VALUES = 200
"""Different values of a field that are counted; a field with more is free."""
MAX_FIELDS = 200
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


@dataclass
class Values:
    """Occurrences by value, until there are too many different ones."""

    counts: Counter[str] = field(default_factory=Counter)
    is_free: bool = False

    def add(self, value: Any) -> None:
        label = None if self.is_free else label_text(value)
        if label is not None and (label in self.counts or len(self.counts) < MAX_VALUES):
            self.counts[label] += 1
        else:
            self.is_free = True
            self.counts.clear()

    def as_dict(self) -> dict[str, int] | None:
        """None when the values are free."""
        return None if self.is_free else dict(self.counts.most_common())


@dataclass
class FieldStats:
    """One key of the JSON answers."""

    types: Counter[str] = field(default_factory=Counter)
    values: Values = field(default_factory=Values)

    def add(self, value: Any) -> None:
        self.types[_TYPES[type(value)]] += 1
        for item in value if isinstance(value, list) else [value]:
            self.values.add(item)

    def as_dict(self) -> dict[str, Any]:
        return {"count": self.types.total(), "types": dict(self.types), "values": self.values.as_dict()}


@dataclass
class FileStats:
    path: Path
    records: int = 0
    unreadable: int = 0
    """Lines that hold no record; `hone data check` says why."""
    not_tokenised: int = 0
    """Records that the chat template refuses."""
    roles: Counter[str] = field(default_factory=Counter)
    learnt_messages: int = 0
    with_tools: int = 0
    json_answers: int = 0
    lengths: dict[str, Histogram] = field(default_factory=dict)
    """turns; question, answer and record in characters; with a base tokens and learnt_tokens."""
    answers: Values = field(default_factory=Values)
    """The answers that are no JSON, where they repeat."""
    fields: dict[str, FieldStats] = field(default_factory=dict)
    duplicates: int = 0
    """Records that stand in the file before, byte for byte."""
    same_questions: int = 0
    """Records whose question was asked before."""

    def as_dict(self) -> dict[str, Any]:
        plain = ("records", "unreadable", "not_tokenised", "learnt_messages", "with_tools", "json_answers")
        return {
            "path": str(self.path),
            **{name: getattr(self, name) for name in plain},
            "roles": dict(self.roles),
            "lengths": {name: histogram.as_dict() for name, histogram in self.lengths.items()},
            "answers": self.answers.as_dict(),
            "fields": {name: found.as_dict() for name, found in self.fields.items()},
            "duplicates": self.duplicates,
            "same_questions": self.same_questions,
        }


def file_stats(
    path: Path, template: ChatTemplate | None = None, report: Callable[[int], None] = lambda characters: None
) -> FileStats:
    """Count what is in a file; with a base's template also tokens. `report` is told how many characters are read.

    Raises: DataError[data.file_missing | data.file_unreadable | data.empty].
    """
    stats = FileStats(path)
    stats.lengths = {name: Histogram() for name in ("turns", "question", "answer", "record")}
    if template:
        stats.lengths |= {"tokens": Histogram(), "learnt_tokens": Histogram()}
    faults = _CountedFaults()
    seen, asked = array("Q"), array("Q")
    characters = 0
    for row in each_row(path, faults):
        _count(stats, row, template)
        seen.append(_hash(row.text))
        asked.append(_hash(row.question))
        characters += len(row.text)
        if stats.records % 1000 == 0:
            report(characters)
    stats.unreadable = faults.total
    if not stats.records:
        what = f"none of the {faults.total} lines holds a record" if faults.total else "the file has no records"
        raise DataError("data.empty", what=what, where=str(path), mend=f"`hone data check {path}` says what is wrong")
    stats.duplicates, stats.same_questions = _repeated(seen), _repeated(asked)
    return stats


class _CountedFaults(list[Finding]):
    """Keeps nothing, so that a wholly broken file stays in memory."""

    total = 0

    def append(self, _: Finding) -> None:
        self.total += 1


def _count(stats: FileStats, row: Row, template: ChatTemplate | None) -> None:
    stats.records += 1
    stats.roles.update(str(turn["role"]) for turn in row.messages)
    stats.learnt_messages += sum(map(is_learnt, row.messages))
    stats.with_tools += bool(row.record.get("tools"))
    lengths = {"turns": len(row.messages), "question": len(row.question)}
    lengths["record"] = sum(len(content_text(turn)) for turn in row.messages)
    if row.answer is not None:
        lengths["answer"] = len(row.answer)
        _count_answer(stats, row)
    if template:
        try:
            ids = template.training_ids(row.messages, row.record.get("tools"))
            lengths |= {"tokens": len(ids.token_ids), "learnt_tokens": sum(weight > 0 for weight in ids.weights)}
        except HoneError:
            stats.not_tokenised += 1
    for name, length in lengths.items():
        stats.lengths[name].add(length)


def _count_answer(stats: FileStats, row: Row) -> None:
    if row.answer_object is None:
        stats.answers.add(row.answer)
        return
    stats.json_answers += 1
    for key, value in row.answer_object.items():
        if key in stats.fields or len(stats.fields) < MAX_FIELDS:
            stats.fields.setdefault(key, FieldStats()).add(value)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _repeated(hashes: array[int]) -> int:
    """How many are equal to another one before them. Sorts in place; two of 10^7 texts collide with a chance of 3e-6."""
    import numpy as np

    values = np.frombuffer(hashes, dtype=np.uint64)
    values.sort()
    return int((values[1:] == values[:-1]).sum())
