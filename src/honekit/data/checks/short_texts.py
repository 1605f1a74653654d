"""The short texts of JSON answers: what may be a label, a code or a name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from honekit.data.checks.turn import MAX_LABEL_CHARS, Turn, is_label

_MAX_VALUES = 40
_MAX_WITH_BLANKS = 2 * MAX_LABEL_CHARS
"""Of a short text and the blanks around it; longer ones would fill the cache of `_short`."""


def of_turn(turn: Turn) -> dict[str, list[str]]:
    """Those of an answer that is a JSON object, by path; read once for all checks."""
    if turn.short_texts is None:
        turn.short_texts = short_texts(turn.value) if isinstance(turn.value, dict) else {}
    return turn.short_texts


def short_texts(value: dict[str, Any]) -> dict[str, list[str]]:
    """The short texts of an object by path, members of a list under one path."""
    found: dict[str, list[str]] = {}
    left = _MAX_VALUES
    stack: list[tuple[str, Any]] = [("", value)]
    while stack and left > 0:
        path, item = stack.pop()
        if type(item) is str:
            if len(item) <= _MAX_WITH_BLANKS and (text := _short(item)):
                found.setdefault(path, []).append(text)
                left -= 1
        elif type(item) is dict:
            before = f"{path}." if path else ""
            stack += [(before + key, inner) for key, inner in item.items()]
        elif type(item) is list:
            member = f"{path}[]"
            members = item[:20]
            texts = words_only(members)
            if texts is None:
                stack += [(member, inner) for inner in members if type(inner) in (dict, list)]
                members = [inner for inner in members if type(inner) is str and len(inner) <= _MAX_WITH_BLANKS]
                texts = [*filter(None, map(_short, members))]
            if texts:
                found.setdefault(member, []).extend(texts[::-1])
                left -= len(texts)
    return found


def words_only(values: list[Any]) -> list[str] | None:
    """The values, empty ones aside, when all are short texts without blanks: known sooner than for one after the other."""
    try:
        together = " ".join(values)
    except TypeError:
        return None
    if together.count(" ") >= max(len(values), 1) or not together.isprintable() or has_long_run(together, MAX_LABEL_CHARS + 1):
        return None
    return values if all(values) else [*filter(None, values)]


def has_long_run(text: str, least: int) -> bool:
    """Whether so many characters on end have no blank: a quick test, in leaps from blank to blank."""
    at = -1
    while at + least < len(text):
        at = text.rfind(" ", at + 1, at + 1 + least)
        if at < 0:
            return True
    return False


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    """The text without blanks around it when it is short, else nothing."""
    text = text.strip()
    return text if is_label(text) else ""
