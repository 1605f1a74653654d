"""Columns of a table as a conversation: one is asked, one or several are the answer.

The roles are given (`--map input=text --map answer=label`), or told by the columns' names, or by what is in them
(`honekit.data.infer`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, conversation
from honekit.data.infer import ANSWER_NAMES, INPUT_NAMES, constant_columns, infer
from honekit.data.lines import AddFinding, nearest
from honekit.data.tables import Table, plain_row
from honekit.errors import DataError

_CODE = "data.columns"


@dataclass(frozen=True)
class ColumnMap:
    """Which columns are asked and answered. Several answers become one JSON object with their names."""

    input: str
    answers: tuple[str, ...]
    system: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As `--map` takes it, answers as a list."""
        return {"input": self.input, "answer": list(self.answers)} | ({"system": self.system} if self.system else {})


def parse_map(pairs: Sequence[str], columns: Sequence[str], path: Path) -> ColumnMap | None:
    """What `--map ROLE=COLUMN` says, checked against the file's columns; None when nothing is said.

    A column within an object of the rows is named with full stops (`ticket.subject`).

    Raises: DataError[data.columns.map | data.column_unknown].
    """
    if not pairs:
        return None
    given: dict[str, list[str]] = {"input": [], "answer": [], "system": []}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        if role not in given or not equals:
            raise _wrong_map(f"{pair!r} is not ROLE=COLUMN with the role input, answer or system")
        if column not in columns:
            raise DataError(
                "data.column_unknown",
                what=f"the file has no column {column!r}",
                where=str(path),
                mend=nearest(column, columns) if columns else "name a file with columns",
            )
        given[role].append(column)
    if len(given["input"]) != 1 or not given["answer"] or len(given["system"]) > 1:
        raise _wrong_map("one input, at least one answer and at most one system are needed")
    return ColumnMap(given["input"][0], tuple(given["answer"]), next(iter(given["system"]), None))


def _wrong_map(what: str) -> DataError:
    return DataError("data.columns.map", what=what, where="--map", mend="write e.g. --map input=text --map answer=label")


def infer_map(sample: Sequence[Mapping[str, Any]], path: Path, other_sheets: Callable[[], Sequence[str]] = tuple) -> ColumnMap:
    """The map for rows like these: by names when they leave no doubt, else by what the columns hold. `other_sheets` of the same
    workbook are asked for, and named, where this one has no answers.

    Raises: DataError[data.columns.unknown] when nothing looks like an answer.
    """
    columns = tuple(dict.fromkeys(key for row in sample for key in row))
    system = next((name for name in columns if name.lower() in ("system", "system_prompt")), None)
    named = by_names(columns)
    if named:
        return ColumnMap(*named, system)
    rows = tuple(plain_row(dict(row)) for row in sample)
    if rows and columns:
        found = infer(Table(path, "csv", tuple(dict.fromkeys(key for row in rows for key in row)), rows))
        named_answers = [guess.column for guess in found.fields if guess.column.lower() in ANSWER_NAMES]
        answers = named_answers or [guess.column for guess in found.fields] or constant_columns(found)
        if answers and found.input in columns:
            return ColumnMap(found.input, tuple(name for name in answers if name != system), system)
    others = ", ".join(other_sheets())
    raise DataError(
        "data.columns.unknown",
        what=f"nothing in the columns looks like an answer: {', '.join(columns[:12]) or 'there are none'}",
        where=str(path),
        mend="say which column is which, e.g. --map input=text --map answer=label"
        + (f", or read another sheet with --sheet: {others}" if others else ""),
    )


def by_names(columns: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Input and answer, when exactly one column is named like each."""
    inputs = [name for name in columns if name.lower() in INPUT_NAMES]
    answers = [name for name in columns if name.lower() in ANSWER_NAMES]
    return (inputs[0], (answers[0],)) if len(inputs) == len(answers) == 1 else None


def dialect(columns: ColumnMap) -> Dialect:
    """The reader for this map. Tables are written as prompt and completion, so it writes nothing of its own."""

    def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
        asked = _cell(row, columns.input)
        if asked is None:
            add(f"{_CODE}.input_empty", columns.input, "the cell to be answered is empty", "fill it in, or delete the row")
        answers = {name: _cell(row, name) for name in columns.answers}
        if not any(answer is not None for answer in answers.values()):
            add(f"{_CODE}.answer_empty", columns.answers[0], "the answer is empty", "fill it in, or delete the row")
        elif asked is not None:
            only = next(iter(answers.values()))
            answered = only if len(answers) == 1 and only else json.dumps(answers, ensure_ascii=False)
            return conversation(_cell(row, columns.system) if columns.system else None, [(asked, answered)])
        return None

    return Dialect("columns", "columns of a table", read, _write_nothing)


def _value(row: Mapping[str, Any], column: str) -> Any:
    """A key's value; the key may itself have full stops, or name one of an object's keys behind them."""
    if column in row:
        return row[column]
    outer, stop, inner = column.partition(".")
    within = row.get(outer)
    return _value(within, inner) if stop and isinstance(within, dict) else None


def _write_nothing(record: ChatRecord, lose: Lose) -> None:
    lose("turns", "messages")


def _cell(row: Mapping[str, Any], column: str) -> str | None:
    cell = _value(row, column)
    if cell is None or isinstance(cell, str):
        return cell if cell and cell.strip() else None
    return json.dumps(cell, ensure_ascii=False)
