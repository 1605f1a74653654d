"""`hone data diff`: which records of a file were added, removed or changed against another, and what changed in them.

Records are matched by their whole line, then by an id, then by the same question, then by the nearest one under the rule of
`honekit.data.near.rule`. Only what is not the same line in both is kept in memory; the order of lines does not count.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from honekit.data.labels import ANSWER, label_text
from honekit.data.lines import Finding, raise_findings
from honekit.data.near.rule import near_duplicates
from honekit.data.rows import MISSING, Row, each_row

ID_KEYS = ("id", "metadata.id")
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A run of words of two answers: the same in both, only in the old one, or only in the new one."""

    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True)
class FieldChange:
    """One label that moved; None where there is none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """A record that both files have in different forms."""

    line_a: int
    line_b: int
    matched_by: str
    """`id`, `question`, or `near question`."""
    changed: list[str]
    """What differs: question, answer, system, tools, other."""
    others: list[str]
    """The keys of the record that differ, where nothing else does."""
    answer: list[Piece]
    """Empty when the answer is the same."""
    fields: list[FieldChange]


@dataclass(frozen=True)
class FileDiff:
    records_a: int
    records_b: int
    same: int
    added: list[Row]
    removed: list[Row]
    changed: list[Change]

    @property
    def is_equal(self) -> bool:
        return not (self.added or self.removed or self.changed)

    @property
    def moves(self) -> list[tuple[FieldChange, int]]:
        """Labels that moved, the most frequent first, with how many records they did so in."""
        return Counter(move for change in self.changed for move in change.fields).most_common()

    def as_dict(self) -> dict[str, Any]:
        return {
            "records": {"a": self.records_a, "b": self.records_b},
            "equal": self.is_equal,
            "same": self.same,
            "added": [{"line": row.line, "question": row.question, "answer": row.answer} for row in self.added],
            "removed": [{"line": row.line, "question": row.question, "answer": row.answer} for row in self.removed],
            "changed": [asdict(change) for change in self.changed],
            "moves": [{**asdict(move), "records": count} for move, count in self.moves],
        }


def diff_files(a: Path, b: Path, key: str | None = None) -> FileDiff:
    """What it takes to come from `a` to `b`; `key` names the id, else `ID_KEYS` are tried.

    Raises: DataError with the code of the first line that holds no record.
    """
    lines_a, lines_b = _digests(a), _digests(b)
    common = lines_a & lines_b
    rest_a, rest_b = _others(a, common), _others(b, common)
    changed: list[Change] = []
    for matched_by, pairs in _pairings(rest_a, rest_b, key):
        used_a, used_b = set(), set()
        for row_a, row_b in pairs:
            used_a.add(row_a.line)
            used_b.add(row_b.line)
            change = _change(row_a, row_b, matched_by)
            if change.changed:
                changed.append(change)
        rest_a[:] = [row for row in rest_a if row.line not in used_a]
        rest_b[:] = [row for row in rest_b if row.line not in used_b]
    differing = len(changed) + len(rest_b)
    return FileDiff(
        lines_a.total(),
        lines_b.total(),
        lines_b.total() - differing,
        added=rest_b,
        removed=rest_a,
        changed=sorted(changed, key=lambda change: change.line_b),
    )


def _digests(path: Path) -> Counter[bytes]:
    faults: list[Finding] = []
    found = Counter(_digest(row) for row in each_row(path, faults))
    raise_findings(path, faults)
    return found


def _digest(row: Row) -> bytes:
    return hashlib.blake2b(row.text.encode(), digest_size=12).digest()


def _others(path: Path, common: Counter[bytes]) -> list[Row]:
    left = Counter(common)
    rows = []
    for row in each_row(path, []):
        digest = _digest(row)
        if left[digest]:
            left[digest] -= 1
        else:
            rows.append(row)
    return rows


def _pairings(a: list[Row], b: list[Row], key: str | None) -> Iterator[tuple[str, list[tuple[Row, Row]]]]:
    """Pairs by one rule after the other, of what the rules before have left in the two lists."""
    for name in (key,) if key else ID_KEYS:
        yield "id", _equal(a, b, lambda row, name=name: row.value(name))  # type: ignore[misc]
    yield "question", _equal(a, b, lambda row: row.question)
    yield "near question", _nearest(a, b)


def _equal(a: Sequence[Row], b: Sequence[Row], value: Callable[[Row], Any]) -> list[tuple[Row, Row]]:
    waiting: dict[str, list[Row]] = defaultdict(list)
    for row in a:
        if (found := value(row)) not in (MISSING, None, ""):
            waiting[json.dumps(found)].append(row)
    pairs = []
    for row in b:
        found = value(row)
        rows = waiting.get(json.dumps(found)) if found is not MISSING else None
        if rows:
            pairs.append((rows.pop(0), row))
    return pairs


def _nearest(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Each with at most one other, the most alike first; then those whose characters and places are the closest."""
    found = near_duplicates([row.question for row in a], [row.question for row in b])
    ranked = sorted(found, key=lambda pair: (-pair[2], -_ratio(a[pair[0]], b[pair[1]]), abs(a[pair[0]].line - b[pair[1]].line)))
    used_a: set[int] = set()
    used_b: set[int] = set()
    pairs = []
    for i, j, _ in ranked:
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            pairs.append((a[i], b[j]))
    return pairs


def _ratio(a: Row, b: Row) -> float:
    return difflib.SequenceMatcher(None, a.question[:500], b.question[:500], autojunk=False).quick_ratio()


def _change(a: Row, b: Row, matched_by: str) -> Change:
    parts = {
        "question": (a.question, b.question),
        "answer": (a.answer, b.answer),
        "system": (_leading(a), _leading(b)),
        "tools": (a.record.get("tools"), b.record.get("tools")),
    }
    changed = [name for name, (before, after) in parts.items() if before != after]
    others = []
    if not changed and a.record != b.record:
        changed = ["other"]
        keys = dict.fromkeys([*a.record, *b.record])
        others = [key for key in keys if a.record.get(key, MISSING) != b.record.get(key, MISSING)]
    pieces = word_diff(a.answer or "", b.answer or "") if "answer" in changed else []
    fields = _moves(a, b) if "answer" in changed else []
    return Change(a.line, b.line, matched_by, changed, others, pieces, fields)


def _leading(row: Row) -> list[Any]:
    return [turn for turn in row.messages if turn["role"] in ("system", "developer")]


def _moves(a: Row, b: Row) -> list[FieldChange]:
    """Labels that differ: of each field of two JSON answers, else the answers themselves where they are short."""
    before, after = a.answer_object, b.answer_object
    if before is None or after is None:
        before, after = {ANSWER: a.answer}, {ANSWER: b.answer}
    keys = dict.fromkeys([*before, *after])
    moves = [FieldChange(key, label_text(before.get(key, MISSING)), label_text(after.get(key, MISSING))) for key in keys]
    return [move for move in moves if move.before != move.after]


def word_diff(before: str, after: str) -> list[Piece]:
    """The two texts as runs of words that are the same, removed or added, in reading order."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[Piece] = []
    for kind, i, i_end, j, j_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(old[i:i_end])))
            continue
        if i_end > i:
            pieces.append(Piece("removed", "".join(old[i:i_end])))
        if j_end > j:
            pieces.append(Piece("added", "".join(new[j:j_end])))
    return pieces
