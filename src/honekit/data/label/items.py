"""What there is to label: the conversations of a chat file, or the lines of a log that nobody has answered yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from honekit.data.infer import infer
from honekit.data.lines import decode_json, read_lines, shown
from honekit.data.near.rule import similar_groups
from honekit.data.prompts import user_message
from honekit.data.tables import read_table
from honekit.errors import DataError
from honekit.project import Project

MAX_ITEMS = 50_000
"""More than a person looks at, and few enough to keep in memory."""


@dataclass(frozen=True)
class Item:
    """One example before any decision. `key` is the line in the source, or `new-N`."""

    key: str
    record: dict[str, Any]
    """`messages` and whatever stands beside them; the last message is the assistant's once there is an answer."""
    line: int = 0
    text: str | None = None
    """The source's own line, written again as it is when nothing was edited; None for what is not from a chat file."""
    is_suspect: bool = False
    """Named by a review, with the label in the file, the one that fits better, and how suspicious the line is."""
    given: Any = None
    suggested: Any = None
    score: float | None = None
    note: str = ""


def items_of_chat(path: Path) -> list[Item]:
    """Every line that is not blank; one that is no chat record is kept as a text to write an example from.

    Raises: DataError[data.file_missing | data.file_unreadable | data.too_many_to_label].
    """
    items = []
    for line in read_lines(path):
        if line.is_blank or line.text is None:
            continue
        record = _record(line.text)
        key = str(line.number)
        if record is None:
            note = "This line is no chat record. Write the example anew, or reject it."
            items.append(Item(key, {"messages": [{"role": "user", "content": line.text[:20_000]}]}, line.number, note=note))
        else:
            items.append(Item(key, record, line.number, line.text))
        _check_count(path, len(items))
    return items


def items_of_log(path: Path, project: Project | None) -> list[Item]:
    """The texts of a log (or of the input column of a table), one for each group of near duplicates.

    Raises: DataError: see `read_table`; data.too_many_to_label.
    """
    table = read_table(path)
    column = infer(table).input
    texts = [(number, row[column]) for number, row in enumerate(table.rows, 1) if isinstance(row.get(column), str)]
    heads = similar_groups([text for _, text in texts])
    kept = [texts[position] for position, head in enumerate(heads) if position == head]
    _check_count(path, len(kept))
    return [Item(str(number), asked(text, project), number) for number, text in kept]


def asked(text: str, project: Project | None) -> dict[str, Any]:
    """The record of an input without its answer, in the project's wording where there is a project."""
    if project is None:
        return {"messages": [{"role": "user", "content": text}]}
    system = {"role": "system", "content": project.system_prompt}
    return {"messages": [system, {"role": "user", "content": user_message(project, text)}]}


def with_review(items: Sequence[Item], review: Path) -> list[Item]:
    """The items that a review (JSONL of line, given, suggested, score) names, in its order, then all others.

    Raises: DataError[data.review | data.file_missing | data.file_unreadable].
    """
    by_line = {item.line: item for item in items}
    found: dict[int, Item] = {}
    for line in read_lines(review):
        if line.is_blank:
            continue
        suspect = _object(line.text or "")
        number = suspect.get("line") if suspect else None
        item = by_line.get(number) if type(number) is int else None
        if suspect is None or item is None:
            why = "not a JSON object" if suspect is None else f"`line` is {shown(number)}, which is no line of the data file"
            mend = 'each line is {"line": 12, "given": "bug", "suggested": "billing", "score": 0.97}'
            raise DataError(
                "data.review", what=f"this is no review of that file: {why}", where=f"{review}:{line.number}", mend=mend
            )
        score = suspect.get("score")
        found.setdefault(
            item.line,
            replace(
                item,
                is_suspect=True,
                given=suspect.get("given"),
                suggested=suspect.get("suggested"),
                score=float(score) if isinstance(score, int | float) else None,
            ),
        )
    return [*found.values(), *(item for item in items if item.line not in found)]


def _check_count(path: Path, count: int) -> None:
    if count > MAX_ITEMS:
        raise DataError(
            "data.too_many_to_label",
            what=f"the file has more than {MAX_ITEMS:,} examples, more than a person can look at",
            where=str(path),
            mend="take a sample first, e.g. `shuf -n 2000 FILE > SAMPLE`",
        )


def _record(text: str) -> dict[str, Any] | None:
    record = _object(text)
    messages = record.get("messages") if record else None
    if not isinstance(messages, list) or not messages:
        return None
    return record if all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages) else None


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = decode_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
