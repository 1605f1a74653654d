"""Tables and columns of a query that the prompt does not have, where nearly all queries take theirs from there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from honekit.data.checks.quality.taken import Taken
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
_SNAKE = re.compile(r"(?<![\w.:@$\"'`])((?!(?:current|local)_)[a-z]+_[a-z_\d]*)(?![\w.]|\s*\()", re.I)
"""A name that can be no word of SQL, wherever it stands."""
_LOWER = re.compile(r"(?<![\w.:@$\"'`])([a-z]{4,})(?![\w.]|\s*\()")
_LOWER_KEYWORD = re.compile(r"\b(?:select|from|where|values|set|order|group|join)\b")
_ALIKE = 0.75
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

    names: Taken = field(default_factory=Taken)
    """Tables, and columns behind the name of one."""
    bare: Taken = field(default_factory=Taken)
    """Names with an underscore that stand alone."""

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if (
                turn.answer[:1] not in _FIRST
                or turn.value is not NO_JSON
                or len(turn.answer) > _MAX_CHARS
                or not _QUERY.match(turn.answer)
            ):
                continue
            strange = strange_name(turn)
            _count(self.names, turn, strange)
            if strange is None:
                _count(self.bare, turn, strange_name(turn, are_bare=True))

    def join(self, later: SqlNames, lines_before: int) -> None:
        self.names.join(later.names, lines_before, _MAX_FOUND)
        self.bare.join(later.bare, lines_before, _MAX_FOUND)

    def finish(self) -> Iterator[Finding]:
        for taken in (self.names, self.bare):
            if taken.is_usual(_LEAST, _MOSTLY):
                yield from taken.findings(_unfounded, "queries take all names from there")


def _count(taken: Taken, turn: Turn, strange: str | None) -> None:
    taken.total += 1
    taken.copied += strange is None
    if strange is not None:
        taken.note(turn.line, turn.field, f"the table or column {shown(strange)} stands nowhere in the input", most=_MAX_FOUND)


def strange_name(turn: Turn, *, are_bare: bool = False) -> str | None:
    """The first table or column of a query that nothing before it has; None where all are known. `are_bare`: of the names with
    an underscore, with or without a table's name before them."""
    query = _TEXT.sub("''", turn.answer)
    own = {name.casefold() for names in _OWN.findall(query) for name in names if name}
    before = said_before(turn).casefold()
    tables = [*_TABLE.findall(query), *_INSERTED.findall(query)]
    names = _SNAKE.findall(query) if are_bare else [*tables, *(column for _, column in _COLUMN.findall(query))]
    for name in names:
        name = name.casefold()
        if name not in own and name not in _NO_NAMES and not re.search(rf"(?<!\w){name}(?!\w)", before):
            return str(name)
    return _misspelt(query, before, own) if are_bare and not _LOWER_KEYWORD.search(query) else None


def _misspelt(query: str, before: str, own: set[str]) -> str | None:
    """A name without an underscore that stands nowhere before, but nearly: told from words of SQL, which are in capitals here.
    A name that the query gives itself stands in it at least twice."""
    names = _LOWER.findall(query)
    known = set(re.findall(r"[a-z]{4,}", before)) if names else set()
    strange = (name for name in names if name not in known | own | _NO_NAMES and len(re.findall(rf"\b{name}\b", query)) == 1)
    return next((name for name in strange if get_close_matches(name, known, 1, _ALIKE)), None)
