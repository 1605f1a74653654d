"""What is wrong with a suite file, told with the line of each fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from honekit.evals.sources_schema import CompletionsSampling
from honekit.graders.criteria import Criterion

MAX_FAULTS = 20
_HEADER = re.compile(r"\s*(\[{1,2})\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"""\s*(["']?)([\w-]+)\1\s*=""")
_KINDS: dict[str, type] = {get_args(one.model_fields["type"].annotation)[0]: one for one in get_args(get_args(Criterion)[0])}
_KEYS: dict[str, Sequence[str]] = {
    "": ("name", "data", "messages", "sampling", "criteria", "judge"),
    "messages": ("role", "content"),
    "sampling": tuple(CompletionsSampling.model_fields),
    "judge": ("endpoint",),
}


def told(fault: ValidationError, text: str) -> str:
    """The faults of a suite, one a line: line of the file, key, what is wrong with it."""
    found: dict[tuple[Any, ...], str] = {}
    for one in fault.errors():
        place = tuple(part for part in one["loc"] if isinstance(part, int) or _is_key(part))
        found.setdefault(place, _what(one))  # of the forms that a value may have, the first
    return "\n".join(f"    {_line(text, place)}{_name(place)}: {what}" for place, what in list(found.items())[:MAX_FAULTS])


def _is_key(part: str) -> bool:
    """Not the name of a grader's type or of a form of a value, which stand in pydantic's places too."""
    return part not in _KINDS and re.fullmatch(r"[\w-]+", part) is not None and part != "TextPart"


def _what(one: Any) -> str:
    place, kind = one["loc"], one["type"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        keys = _keys_at(place)
        near = difflib.get_close_matches(str(place[-1]), keys, n=1)
        return "there is no such key; " + (f"did you mean `{near[0]}`?" if near else f"there are {', '.join(keys)}")
    if kind == "union_tag_invalid":
        given = str(one["ctx"]["tag"])
        near = difflib.get_close_matches(given, _KINDS, n=1)
        return f"there is no type {given[:60]!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_KINDS)}")
    if kind == "union_tag_not_found":
        return f"its `type` is missing; there are {', '.join(_KINDS)}"
    return str(one["msg"])


def _keys_at(place: Sequence[Any]) -> Sequence[str]:
    if place[0] == "criteria" and len(place) > 3:
        kind: Any = _KINDS.get(str(place[2]))
        return [field.alias or name for name, field in kind.model_fields.items()] if kind and len(place) == 4 else ()
    return _KEYS.get(str(place[0]) if len(place) > 1 else "", ())


def _name(place: Sequence[Any]) -> str:
    """`criteria[2].pattern` for the second criterion: people count from one, and so do the headers of the file."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _line(text: str, place: Sequence[Any]) -> str:
    """`line 7: ` where the key is written, or else the table that it belongs to; nothing for a key of the whole file."""
    places = list(_places(text))
    around = [(len(path), -number) for number, path in places if path == tuple(place[: len(path)])]
    within = [(0, -number) for number, path in places if tuple(place) == path[: len(place)]]
    found = max(around or within, default=None)
    return f"line {-found[1]}: " if found else ""


def _places(text: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Line number and place of each header and key as they are usually written."""
    table: tuple[Any, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2]
            table = tuple(name.split("."))
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (name, counts[name])
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, key[2])
