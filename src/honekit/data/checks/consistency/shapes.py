"""Which keys a JSON object has, and of which types their values are."""

from __future__ import annotations

from typing import Any

_MAX_DEPTH = 4
_MAX_ITEMS = 20
EMPTY = "an empty text"
WORD = "a word for nothing, such as `unknown`"
_WORDS = frozenset(
    form
    for word in ("unknown", "n/a", "null", "not available", "not specified", "not mentioned", "not given", "not stated")
    for form in (word, word.capitalize(), word.upper())
)
_MAX_WORD_CHARS = max(map(len, _WORDS))
NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}

Shape = tuple[tuple[str, str], ...]
"""Path and type of every value of an object, in order."""


def shape_of(value: dict[str, Any]) -> Shape:
    """Paths such as `address.city` and `items[].name` with their types; what lies too deep is left out."""
    found: list[tuple[str, str]] = []
    _collect(value, "", found, 0)
    return tuple(found)


def _collect(value: dict[str, Any], prefix: str, found: list[tuple[str, str]], depth: int) -> None:
    for key, item in value.items():
        path, kind = prefix + key, type(item)
        found.append((path, _kind_of(item) if kind is str or item is None else NAMES[kind]))
        if kind is dict and depth < _MAX_DEPTH:
            _collect(item, f"{path}.", found, depth + 1)
        elif kind is list and item and type(item[0]) is dict and depth < _MAX_DEPTH:
            _collect(_with_other_keys(item), f"{path}[].", found, depth + 1)


def _with_other_keys(items: list[Any]) -> dict[str, Any]:
    """The first of a list's objects, with the keys that only later ones have."""
    first: dict[str, Any] = items[0]
    others = [one for one in items[1:_MAX_ITEMS] if type(one) is dict and one.keys() != first.keys()]
    return (
        {**{key: value for one in reversed(others) for key, value in one.items() if key not in first}, **first}
        if others
        else first
    )


def _kind_of(item: str | None) -> str:
    if item is None:
        return "null"
    return NAMES[str] if len(item) > _MAX_WORD_CHARS else EMPTY if not item else WORD if item in _WORDS else NAMES[str]
