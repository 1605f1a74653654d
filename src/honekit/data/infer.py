"""What the columns of a table are: the input, the fields of the answer, and what is left out and why.

A guess for `hone init`: it is printed, and everything in it can be changed in `hone.toml` afterwards.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from honekit.data.lines import nearest
from honekit.data.tables import Table
from honekit.errors import DataError

MAX_ENUM_VALUES = 100
MIN_ROWS_PER_VALUE = 3
"""A column is an enum when its values occur three times or more on average: below that nothing can be learnt."""
MAX_PHRASE_CHARACTERS = 120
INPUT_NAMES = frozenset(
    ("text", "input", "message", "question", "log", "body", "content", "description", "prompt", "request", "query", "ticket")
)
ANSWER_NAMES = frozenset(
    ("answer", "output", "response", "completion", "target", "label", "category", "class", "intent", "result", "reply")
)
_NUMBER = re.compile(r"^[+-]?\d[\d.,' ]*([eE][+-]?\d+)?[%€$£]?$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?$|^\d{1,2}:\d{2}(:\d{2}.*)?$")
_ID_NAME = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid|key|nr|no|number|index)\.?$)|[a-z]I[dD]$")
_CONSTANT = "the same value in every row"
LONG_TEXT = "longer text than an answer's phrase"
_NESTED = "a list of lists or objects"


@dataclass(frozen=True)
class FieldGuess:
    """One field of the answer, as `hone.toml` will have it."""

    column: str
    name: str
    type: Literal["string", "enum", "list"]
    values: tuple[str, ...] = ()
    """Most frequent first."""
    counts: tuple[int, ...] = ()
    nullable: bool = False
    min_items: int = 1
    max_items: int = 1
    merged: dict[str, str] = field(default_factory=dict)
    """Other spellings (case, blanks) -> the value they count as."""


@dataclass(frozen=True)
class Inference:
    """The roles of a table's columns."""

    input: str
    id: str | None
    fields: tuple[FieldGuess, ...]
    """Empty when nothing looks like a label."""
    left_out: dict[str, str]
    """column -> why."""

    @property
    def primary(self) -> FieldGuess | None:
        """The field that decides: an enum by a telling name, else the first enum, else the first field."""
        enums = [guess for guess in self.fields if guess.type == "enum"]
        named = [guess for guess in enums if guess.name in ANSWER_NAMES]
        return next(iter([*named, *enums, *self.fields]), None)


def constant_columns(found: Inference) -> list[str]:
    """The column with one value in every row, when there is none but it, the input and an id: a label, if any is."""
    others = [column for column in found.left_out if column != found.id]
    return others if len(others) == 1 and found.left_out[others[0]] == _CONSTANT else []


def infer(table: Table, *, input_column: str | None = None, labels: Sequence[str] = ()) -> Inference:
    """Guess the roles; `input_column` and `labels` overrule the guess.

    Raises: DataError[data.column_unknown] for a column that the table lacks, DataError[data.no_input] when the labels leave none
    for the input.
    """
    for column in (input_column, *labels):
        if column is not None and column not in table.columns:
            raise DataError(
                "data.column_unknown",
                what=f"the file has no column {column!r}",
                where=str(table.path),
                mend=nearest(column, table.columns),
            )
    if input_column in labels or set(labels) >= set(table.columns):
        raise DataError(
            "data.no_input",
            what=f"{input_column!r} is named as input and as label" if input_column else "every column is named as a label",
            where=str(table.path),
            mend=f"leave one for the text to answer; there are {', '.join(table.columns)}",
        )
    cells = {column: [row.get(column) for row in table.rows] for column in table.columns}
    source = input_column or _input(cells, labels)
    fields: list[FieldGuess] = []
    left_out: dict[str, str] = {}
    identity = None
    for column, values in cells.items():
        if column == source:
            continue
        why = "not named with --label" if labels and column not in labels else None
        if why is None:
            why = _why_no_label(column, values, wanted=column in labels)
        is_unique = None not in values and len({str(value) for value in values}) == len(values)
        # Not any column without equals: e-mail addresses of a data set's people are no names of its rows.
        if why == "an id" and identity is None and is_unique and names_an_id(column):
            identity, why = column, "the id of the row"
        if why is None:
            fields.append(_guess(column, values, {guess.name for guess in fields}))
        else:
            left_out[column] = why
    return Inference(source, identity, tuple(fields), left_out)


def names_an_id(column: str) -> bool:
    """Whether it is named like a column of ids or numbers."""
    return bool(_ID_NAME.search(column))


def _input(cells: dict[str, list[Any]], labels: Sequence[str]) -> str:
    """The column with the longest free text: long in the median, seldom the same, and not named like an answer, least of all
    beside one that is named like a question."""
    of_answer = 0.01 if any(column.lower() in INPUT_NAMES for column in cells) else 0.3

    def score(column: str) -> float:
        texts = [value for value in cells[column] if isinstance(value, str)]
        if not texts or column in labels:
            return 0.0
        weight = 2.0 if column.lower() in INPUT_NAMES else of_answer if column.lower() in ANSWER_NAMES else 1.0
        if no_words(texts) or _look_like_objects(texts):
            weight = 0.01
        return median(map(len, texts)) * (len(set(texts)) / len(texts)) * (len(texts) / len(cells[column])) * weight

    return max(cells, key=score)


def no_words(texts: Sequence[str]) -> bool:
    """Whether they are numbers and times, all of them."""
    return all(_NUMBER.match(text) or _DATE.match(text) for text in texts)


def _look_like_objects(texts: list[str]) -> bool:
    """Whether most are JSON objects, which are longer than what they were made from and answer it all the same."""
    return 2 * sum(text[:1] == "{" and text[-1:] == "}" for text in texts) > len(texts)


def _why_no_label(column: str, values: list[Any], *, wanted: bool) -> str | None:
    present = [value for value in values if value is not None]
    distinct = {str(value) for value in present}
    if not present:
        return "empty"
    if len(distinct) == 1 and len(present) == len(values):
        return _CONSTANT
    if wanted:
        return None
    if any(isinstance(value, list) for value in present):
        return None if all(_is_list_of_texts(value) for value in present if isinstance(value, list)) else _NESTED
    texts = [str(value) for value in present]
    is_repeated = len(distinct) <= MAX_ENUM_VALUES and len(present) >= MIN_ROWS_PER_VALUE * len(distinct)
    if all(_DATE.match(text) for text in texts):
        return "a date or time"
    if names_an_id(column) and not is_repeated:
        return "an id"
    if is_repeated:
        return None
    if all(_NUMBER.match(text) for text in texts):
        return "a number"
    if len(distinct) == len(present) and all(" " not in text for text in texts):
        return "an id"
    return LONG_TEXT if median(map(len, texts)) > MAX_PHRASE_CHARACTERS else None


def _guess(column: str, values: list[Any], taken: set[str]) -> FieldGuess:
    name = _field_name(column, taken)
    present = [value for value in values if value is not None]
    nullable = len(present) < len(values)
    lists = [value for value in present if _is_list_of_texts(value)]
    if lists and len(lists) == len(present):
        members = Counter(item for value in lists for item in value)
        sizes = [len(set(value)) for value in lists]
        if 0 < len(members) <= MAX_ENUM_VALUES:
            ordered = members.most_common()
            return FieldGuess(
                column,
                name,
                "list",
                tuple(value for value, _ in ordered),
                tuple(count for _, count in ordered),
                nullable,
                min(sizes),
                max(sizes),
            )
    counts, merged = _merge_spellings([_phrase(value) for value in present])
    if len(counts) > MAX_ENUM_VALUES or len(present) < MIN_ROWS_PER_VALUE * len(counts):
        return FieldGuess(column, name, "string", nullable=nullable)
    ordered = counts.most_common()
    return FieldGuess(
        column,
        name,
        "enum",
        tuple(value for value, _ in ordered),
        tuple(count for _, count in ordered),
        nullable,
        merged=merged,
    )


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _phrase(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) if _is_list_of_texts(value) else json.dumps(value, ensure_ascii=False)
    return str(value)


def _merge_spellings(texts: list[str]) -> tuple[Counter[str], dict[str, str]]:
    """Counts with `Billing`, `billing ` and `BILLING` as one value, spelt as it is most often."""
    spellings: dict[str, Counter[str]] = {}
    for text in texts:
        spellings.setdefault(" ".join(text.split()).casefold(), Counter())[text] += 1
    counts: Counter[str] = Counter()
    merged: dict[str, str] = {}
    for variants in spellings.values():
        value = variants.most_common(1)[0][0]
        counts[value] = variants.total()
        merged |= {other: value for other in variants if other != value}
    return counts, merged


def _field_name(column: str, taken: set[str]) -> str:
    name = plain_key(column) or "field"
    name = name if name[0].isalpha() else f"field_{name}"
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique


def plain_key(text: str, between: str = "_") -> str:
    """Lower-case ASCII letters and digits with `between` for all else, without accents: `Priorität (neu)` is prioritat_neu."""
    ascii_text = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", between, ascii_text).strip(between)


def value_of(guess: FieldGuess, row: dict[str, Any]) -> Any:
    """The cell of a row as the answer's value."""
    cell = row.get(guess.column)
    if cell is None or guess.type == "list":
        return cell and list(dict.fromkeys(cell))
    text = _phrase(cell)
    return guess.merged.get(text, text)
