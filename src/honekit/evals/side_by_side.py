"""Two runs' outputs beside each other: who won an item, and which words only one of them wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from honekit.evals.compare_runs import Pair
from honekit.evals.report_format import as_text
from honekit.store.eval_items import Item

Outcome = Literal["won", "lost", "tied"]
MAX_COMPARED = 4000
"""Characters of an output that are compared word by word and shown."""
_ORDER: dict[Outcome, int] = {"lost": 0, "won": 1, "tied": 2}


@dataclass(frozen=True)
class Piece:
    """A part of an output; `is_own` when the other output has other words there."""

    text: str
    is_own: bool


@dataclass(frozen=True)
class Side:
    """One run's output to an item. `cut` counts the characters that are not shown."""

    pieces: list[Piece]
    cut: int
    status: str
    results: list[Mapping[str, Any]]


@dataclass(frozen=True)
class Shown:
    """One item with both outputs, as a page shows it."""

    position: int
    outcome: Outcome
    slices: list[str]
    fields: dict[str, str]
    a: Side
    b: Side


def outcome(pair: Pair) -> Outcome:
    """Run A's outcome against run B: by how many criteria each passes."""
    a, b = (sum(one["passed"] for one in item.results or []) for item in (pair.a, pair.b))
    return "won" if a > b else "lost" if a < b else "tied"


def side_by_side(pairs: Sequence[Pair], slice_key: str, limit: int) -> list[Shown]:
    """The first `limit` pairs, those that A lost or won before those that are tied."""
    ordered = sorted(pairs, key=lambda pair: _ORDER[outcome(pair)])[:limit]
    return [_shown(pair, slice_key) for pair in ordered]


def differing(a: str, b: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, word by word; joined, the pieces are the texts."""
    words_a, words_b = _words(a), _words(b)
    own: tuple[list[Piece], list[Piece]] = ([], [])
    for tag, from_a, to_a, from_b, to_b in SequenceMatcher(None, words_a, words_b, autojunk=False).get_opcodes():
        for pieces, part in zip(own, (words_a[from_a:to_a], words_b[from_b:to_b]), strict=True):
            if part:
                pieces.append(Piece("".join(part), tag != "equal"))
    return own


def output_text(item: Item) -> str:
    """What the model answered; empty when it did not."""
    output = (item.sample or {}).get("output") or [{}]
    return str(output[0].get("content") or "")


def _shown(pair: Pair, slice_key: str) -> Shown:
    texts = output_text(pair.a), output_text(pair.b)
    pieces = differing(texts[0][:MAX_COMPARED], texts[1][:MAX_COMPARED])
    a, b = (
        Side(own, max(0, len(text) - MAX_COMPARED), item.status, list(item.results or []))
        for own, text, item in zip(pieces, texts, (pair.a, pair.b), strict=True)
    )
    given = pair.item.get(slice_key)
    slices = [str(one) for one in given] if isinstance(given, list) else [] if given in (None, "") else [str(given)]
    fields = {name: as_text(value) for name, value in pair.item.items() if name != slice_key}
    return Shown(pair.a.position, outcome(pair), slices, fields, a, b)


def _words(text: str) -> list[str]:
    return list(_parts(text))


def _parts(text: str) -> Iterator[str]:
    for found in re.finditer(r"\s+|\w+|[^\w\s]", text):
        yield found.group()
