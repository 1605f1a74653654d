"""The short texts of JSON answers: what may be a label, a code or a name. Each answer is walked once for all checks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from honekit.data.checks.turn import MAX_LABEL_CHARS, Turn, is_label

_MAX_VALUES = 40
_MAX_MEMBERS = 20
_MAX_DEPTH = 100
_LABEL_DEPTH = 3
"""Deeper values are no labels, nor are those of a list in a list."""
_MAX_CACHED = 4096
_WORDS: set[str] = set()
"""Words seen lately."""
_MAX_WITH_BLANKS = 2 * MAX_LABEL_CHARS
"""Of a short text and the blanks around it; longer ones would fill the cache of `_short`."""


Leaf = tuple[str, int, str | bool | list[str] | tuple[str, ...]]
"""Path and depth of a text that is not long, of a truth value, of a list of words, or of such texts in another list."""


def of_turn(turn: Turn) -> dict[str, list[str]]:
    """Those of an answer that is a JSON object, by path; read once for all checks."""
    if turn.short_texts is None:
        turn.short_texts = _by_path(_leaves_of(turn))
    return turn.short_texts


def labels_of(turn: Turn) -> list[tuple[str, list[str]]]:
    """Path and labels of each field of an answer that is a JSON object, the members of a list as values of one field; read once
    for all checks."""
    if turn.labels is None:
        turn.labels = [
            (path, labels)
            for path, depth, found in _leaves_of(turn)
            if depth <= _LABEL_DEPTH and (labels := found if type(found) is list else _labels_in(found))
        ]
    return turn.labels


def short_texts(value: dict[str, Any]) -> dict[str, list[str]]:
    """The short texts of an object by path, members of a list under one path."""
    leaves: list[Leaf] = []
    _walk(value, "", 0, leaves)
    return _by_path(leaves)


def _leaves_of(turn: Turn) -> list[Leaf]:
    if turn.leaves is None:
        turn.leaves = []
        if isinstance(turn.value, dict):
            _walk(turn.value, "", 0, turn.leaves)
    return turn.leaves


def _walk(value: dict[str, Any], prefix: str, depth: int, leaves: list[Leaf]) -> None:
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            if len(item) <= _MAX_WITH_BLANKS:
                leaves.append((prefix + key, depth, item))
        elif kind is bool:
            leaves.append((prefix + key, depth, item))
        elif kind is list:
            _walk_list(item[:_MAX_MEMBERS], f"{prefix}{key}[]", depth + 1, leaves)
        elif kind is dict and depth < _MAX_DEPTH:
            _walk(item, f"{prefix}{key}.", depth + 1, leaves)


def _walk_list(members: list[Any], path: str, depth: int, leaves: list[Leaf]) -> None:
    words = words_only(members)
    if words is not None:
        leaves.append((path, depth, words))
        return
    leaves.append((path, depth, tuple([one for one in members if type(one) is str and len(one) <= _MAX_WITH_BLANKS])))
    for member in members if depth < _MAX_DEPTH else ():
        if type(member) is dict:
            _walk(member, f"{path}.", depth, leaves)
        elif type(member) is list:
            _walk_list(member[:_MAX_MEMBERS], f"{path}[]", depth + _LABEL_DEPTH, leaves)


def _labels_in(found: str | bool | list[str] | tuple[str, ...]) -> list[str]:
    """An empty text counts, but not in a list."""
    if isinstance(found, list):
        return found
    if isinstance(found, str):
        return [found] if not found or _is_known_label(found) else []
    if isinstance(found, bool):
        return ["true" if found else "false"]
    return [text for text in found if _is_known_label(text)]


def _by_path(leaves: list[Leaf]) -> dict[str, list[str]]:
    """The last ones, beginning with the very last."""
    by_path: dict[str, list[str]] = {}
    left = _MAX_VALUES
    for path, _, found in reversed(leaves):
        if isinstance(found, list):
            texts = found[::-1]
        elif isinstance(found, bool):
            continue
        else:
            texts = [*filter(None, map(_short, (found,) if isinstance(found, str) else found[::-1]))]
        if texts:
            if path in by_path:
                by_path[path] += texts
            else:
                by_path[path] = texts
            left -= len(texts)
            if left <= 0:
                break
    return by_path


def words_only(values: list[Any]) -> list[str] | None:
    """The values, empty ones aside, when all are short texts without blanks: known sooner than for one after the other."""
    try:
        if _WORDS.issuperset(values):
            return values
        together = " ".join(values)
    except TypeError:
        return None
    if together.count(" ") >= max(len(values), 1) or not together.isprintable() or has_long_run(together, MAX_LABEL_CHARS + 1):
        return None
    words = values if all(values) else [*filter(None, values)]
    if len(_WORDS) > _MAX_CACHED:
        _WORDS.clear()
    _WORDS.update(words)
    return words


def has_long_run(text: str, least: int) -> bool:
    """Whether so many characters on end have no blank: a quick test, in leaps from blank to blank."""
    at = -1
    while at + least < len(text):
        at = text.rfind(" ", at + 1, at + 1 + least)
        if at < 0:
            return True
    return False


@lru_cache(maxsize=_MAX_CACHED)
def _is_known_label(text: str) -> bool:
    return is_label(text)


@lru_cache(maxsize=_MAX_CACHED)
def _short(text: str) -> str:
    """The text without blanks around it when it is short, else nothing."""
    text = text.strip()
    return text if is_label(text) else ""
