"""Groups that stand on both sides of a split: another record of the same customer, conversation or ticket.

A group is a text that several inputs are about (a passage, an order, a letter), a note beside the messages whose key says so
(`group`, `customer_id`, `metadata.conversation`), or, where nearly every input names a thing of its own (`INC-40213`), that name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from honekit.data.chat import ChatExample
from honekit.data.lines import Finding, Severity, shown

_KEY = re.compile(
    r"(?:\w+[_-])?(?:group|customer|user|patient|person|author|speaker|client|account|household|conversation|dialog(?:ue)?|session"
    r"|thread|ticket|case|document|doc|device|machine|order|cluster|episode)(?:[_-]?(?:id|no|nr|number|key|name|hash))?"
    r"|(?:source|parent|article|page|paper|chat)[_-]?id",
    re.I,
)
_ORIGIN = re.compile(r"(?:\w+[_-])?(?:source|url|file(?:_?name)?|path|title|origin|serial|vin)", re.I)
"""Where a text comes from: a group when there are many of them, else a kind (`source: web`)."""
_NAME = re.compile(r"(?<![\w./:@%-])(?:[A-Za-z]{2,8}[-_]?|#)\d{4,12}(?![\w/@-])")
_PASSAGE, _SHORT_PASSAGE = 150, 60
"""Characters of a line that is no accident, and may be what the question is about; of one made of several sentences."""
_SENTENCES = re.compile(r"[.!?] [A-Z][^.!?]*[.!?]$")
_OF_TEMPLATE = 0.1
"""A line that more of the training records have is a part of their template."""
_MAX_SHOWN = 20
_MAX_NAMES = 200_000
_MOST = 0.5
_OWN = 0.8
"""So many of the names stand in one record only."""
_KIND = 10
"""A key with so many training records to a value may as well name a kind of thing, such as a model of device: no error."""
_MANY, _EACH = 8, 5
"""So many origins with so few records each are single things."""
_FIX = "move all records of a group into one of the files, e.g. with `hone data split FILE --by group --group-key KEY`"


def group_values(example: ChatExample) -> Iterator[tuple[str, str]]:
    """Key and value of every note that names a group. A number that only counts the lines of its file is none."""
    notes = dict(example.notes)
    within = notes.pop("metadata", None)
    if isinstance(within, dict):
        notes |= {f"metadata.{key}": value for key, value in within.items()}
    for key, value in notes.items():
        is_counter = str(value) in (str(example.line), str(example.line - 1))
        if isinstance(value, str | int) and value != "" and not is_counter and _may_group(key):
            yield key, str(value)


def _may_group(key: str) -> bool:
    last = key.rpartition(".")[2]
    return bool(_KEY.fullmatch(last) or _ORIGIN.fullmatch(last))


def own_names(example: ChatExample) -> set[str]:
    """The names of single things in what the user says first."""
    first = next((message.text for message in example.messages if message.role == "user"), "")
    return {name.casefold() for name in _NAME.findall(first)}


def passage(example: ChatExample) -> int | None:
    """The hash of the one long line in what the user says first, when it is most of it. Several are what a search has found."""
    first = next((message.text for message in example.messages if message.role == "user"), "")
    if len(first) < _SHORT_PASSAGE or ("\n" not in first and len(first) < _PASSAGE):
        return None
    lines = [" ".join(part.split()) for part in first.split("\n")]
    long = [line for line in lines if len(line) >= _PASSAGE] or [
        line for line in lines if len(line) >= _SHORT_PASSAGE and _SENTENCES.search(line)
    ]
    return hash(long[0]) if len(long) == 1 and 2 * len(long[0]) >= len(first) else None


@dataclass
class _Names:
    """The names in the inputs of one file."""

    records: int = 0
    with_name: int = 0
    total: int = 0
    lines: dict[int, int] = field(default_factory=dict)
    """Hash of a name -> the first line that has it."""

    def add(self, names: set[str], line: int) -> None:
        self.records += 1
        self.with_name += bool(names)
        self.total += len(names)
        if len(self.lines) < _MAX_NAMES:
            for name in names:
                self.lines.setdefault(hash(name), line)

    @property
    def are_own(self) -> bool:
        return 0 < self.with_name >= _MOST * self.records and len(self.lines) >= _OWN * self.total


@dataclass
class _Values:
    """The values of one key in the training file."""

    records: int = 0
    hashes: set[int] = field(default_factory=set)

    def add(self, value: int) -> None:
        self.records += 1
        if len(self.hashes) < _MAX_NAMES:
            self.hashes.add(value)

    @property
    def may_be_kinds(self) -> bool:
        return self.records >= _KIND * len(self.hashes)

    @property
    def are_single_things(self) -> bool:
        return len(self.hashes) >= _MANY and self.records <= _EACH * len(self.hashes)


@dataclass
class _File:
    name: str
    severity: Severity
    groups: dict[int, int] = field(default_factory=dict)
    """Hash of key and value -> the first line that has it."""
    names: _Names = field(default_factory=_Names)
    passages: dict[int, int] = field(default_factory=dict)
    """Hash of a long line -> the first line of the file that has it."""


class GroupLeaks:
    """`data.leak.group`."""

    def __init__(self) -> None:
        self._held_out: list[_File] = []
        self._names = _Names()
        self._values: dict[str, _Values] = {}
        self._by_note: dict[str, list[tuple[_File, int, str]]] = {}
        self._by_name: list[tuple[_File, int, str]] = []
        self._by_passage: dict[int, list[tuple[_File, int, str]]] = {}
        self._with_passage: Counter[int] = Counter()
        self._told: set[tuple[str, int]] = set()
        self._more = 0

    def add_file(self, name: str, severity: Severity) -> None:
        self._held_out.append(_File(name, severity))

    def hold_out(self, example: ChatExample) -> None:
        """A record of the file that was added last; earlier ones are compared with it."""
        *others, own = self._held_out
        for key, value in group_values(example):
            number = hash((key, value))
            for other in others:
                if number in other.groups and (other.name, number) not in self._told:
                    self._told.add((other.name, number))
                    what = f"in {own.name}:{example.line} and {other.name}:{other.groups[number]}"
                    self._note(self._by_note.setdefault(key, []), other, 0, f"the same `{key}` {shown(value)} {what}")
            own.groups.setdefault(number, example.line)
        own.names.add(own_names(example), example.line)
        if (text := passage(example)) is not None:
            own.passages.setdefault(text, example.line)

    def see(self, example: ChatExample) -> None:
        """A training record."""
        for key, value in group_values(example):
            number = hash((key, value))
            self._values.setdefault(key, _Values()).add(number)
            for file in self._held_out:
                line = file.groups.get(number)
                if line and (file.name, number) not in self._told:
                    self._told.add((file.name, number))
                    found = self._by_note.setdefault(key, [])
                    self._note(found, file, example.line, f"the same `{key}` {shown(value)} as {file.name}:{line}")
        if (text := passage(example)) is not None:
            for file in self._held_out:
                if line := file.passages.get(text):
                    self._with_passage[text] += 1
                    what = f"the input is about the same text as {file.name}:{line}"
                    self._note(self._by_passage.setdefault(text, []), file, example.line, what)
        names = own_names(example)
        self._names.add(names, example.line)
        for name in names:
            for file in self._held_out:
                if line := file.names.lines.get(hash(name)):
                    self._note(
                        self._by_name, file, example.line, f"{shown(name.upper())} is named here and in {file.name}:{line}"
                    )

    def _note(self, found: list[tuple[_File, int, str]], file: _File, line: int, message: str) -> None:
        if len(found) < 10 * _MAX_SHOWN:
            found.append((file, line, message))
        else:
            self._more += 1

    def findings(self, leaks: set[int]) -> Iterator[Finding]:
        """Lines in `leaks` are told of already."""
        for key, found in self._by_note.items():
            values = self._values.get(key, _Values())
            is_origin = not _KEY.fullmatch(key.rpartition(".")[2])
            if is_origin and not values.are_single_things:
                continue
            severity: Severity | None = "warning" if is_origin or (values.records and values.may_be_kinds) else None
            yield from self._listed([one for one in found if one[1] not in leaks], severity)
        most = max(_EACH, _OF_TEMPLATE * self._names.records)
        about = [one for number, found in self._by_passage.items() if self._with_passage[number] <= most for one in found]
        yield from self._listed([one for one in sorted(about, key=_line) if one[1] not in leaks], "warning")
        if self._names.are_own:
            names = [one for one in self._by_name if one[1] not in leaks and one[0].names.are_own]
            # Where most are shared, the name is no name of one thing.
            if names and len(names) <= _MOST * self._names.with_name:
                yield from self._listed(names, "warning")

    def _listed(self, found: Sequence[tuple[_File, int, str]], severity: Severity | None) -> Iterator[Finding]:
        for file, line, message in found[:_MAX_SHOWN]:
            yield Finding("data.leak.group", severity or file.severity, line, "", message, _FIX)
        if len(found) > _MAX_SHOWN:
            more = f"{len(found) - _MAX_SHOWN + self._more} more records share a group with {found[0][0].name}"
            yield Finding("data.leak.group", severity or found[0][0].severity, 0, "", more, _FIX)


def _line(found: tuple[_File, int, str]) -> int:
    return found[1]
