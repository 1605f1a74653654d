"""Tables and columns of a query that the prompt does not have, where nearly all queries take theirs from there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import NO_JSON, Turn, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_QUERY = re.compile(r"\s*(?:```(?:sql)?\s*)?(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b", re.I)
_FIRST = frozenset("SWIUDswiud`\n ")
_TEXT = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_TABLE = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?[\"`\[]?([a-z_]\w*)(?![\w.(]|\s*\()", re.I)
_INSERTED = re.compile(r"\bINTO\s+[\"`\[]?([a-z_]\w*)", re.I)
_COLUMN = re.compile(r"\b([a-z_]\w*)\.[\"`\[]?([a-z_]\w*)(?!\w|\s*\()", re.I)
_OWN = re.compile(r"\b([a-z_]\w*)\s+AS\s*\(|\bAS\s+[\"`\[]?([a-z_]\w*)|\)\s+(?!AS\b)([a-z_]\w*)", re.I)
"""Names that the query gives itself."""
_NO_NAMES = frozenset({"select", "set", "lateral", "unnest", "dual", "values", "year", "month", "day", "hour"})
_MAX_CHARS = 4000
_LEAST, _MOSTLY = 8, 0.9
_MAX_FOUND = 10 * MAX_PLACES

_unfounded = warner("data.answers.unfounded", "take the name from the tables of the prompt, or add it there")


@dataclass
class SqlNames:
    """`data.answers.unfounded` for names in queries."""

    total: int = 0
    known: int = 0
    found: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, place and name."""

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if (
                turn.answer[:1] not in _FIRST
                or turn.value is not NO_JSON
                or len(turn.answer) > _MAX_CHARS
                or not _QUERY.match(turn.answer)
            ):
                continue
            self.total += 1
            strange = strange_name(turn)
            if strange is None:
                self.known += 1
            elif len(self.found) < _MAX_FOUND:
                self.found.append((turn.line, turn.field, strange))

    def join(self, later: SqlNames, lines_before: int) -> None:
        self.total += later.total
        self.known += later.known
        room = _MAX_FOUND - len(self.found)
        self.found += [(line + lines_before, at, name) for line, at, name in later.found[:room]]

    def finish(self) -> Iterator[Finding]:
        if self.known < _LEAST or self.known < _MOSTLY * self.total:
            return
        for line, at, name in self.found:
            usual = f"{self.known} of {self.total} queries take all names from there"
            yield _unfounded(line, at, f"the table or column {shown(name)} stands nowhere in the input; {usual}")


def strange_name(turn: Turn) -> str | None:
    """The first table or column of a query that nothing before it has; None where all are known."""
    query = _TEXT.sub("''", turn.answer)
    own = {name.casefold() for names in _OWN.findall(query) for name in names if name}
    before = said_before(turn).casefold()
    tables = [*_TABLE.findall(query), *_INSERTED.findall(query)]
    for name in (*tables, *(column for _, column in _COLUMN.findall(query))):
        name = name.casefold()
        if name not in own and name not in _NO_NAMES and not re.search(rf"(?<!\w){name}(?!\w)", before):
            return str(name)
    return None
