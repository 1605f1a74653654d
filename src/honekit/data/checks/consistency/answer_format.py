"""Drift of the output format: answers that are JSON where nearly all are alike, and a few that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from honekit.data.checks.consistency.shapes import EMPTY, NAMES, WORD, Shape, shape_of
from honekit.data.checks.structure.endings import open_part
from honekit.data.checks.tally import SMALL_TASK, Place, Tallies, Tally
from honekit.data.checks.turn import NO_JSON, Turn, adviser, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MOSTLY = 0.75
_NEARLY_ALL = 0.9
_FEW = 3
"""So few values of another type are slips also where the file is too small for `_NEARLY_ALL`."""
_FEW_TYPED = 6
"""Values of a field that may be left out tell its type from here on, where there are enough objects."""
_STRAY = 2
"""A key that no more objects have than these is a slip; one that more have is optional."""
_OTHER_KINDS = (
    ("plain", "plain text"),
    ("list", "a JSON list"),
    ("fenced", "JSON in a code fence"),
    ("broken", "JSON that cannot be read"),
)
_CUT = "cut"
"""The kind of JSON that breaks off, which `data.answer.breaks_off` names."""
_ABSENT = 3
"""So many values that are null or left out show how it is said that there is nothing."""

_not_json = warner("data.format.not_json", "write the answer as a JSON object like the others")
_keys = warner("data.format.keys", "give the answer the same keys as the others")
_type = warner("data.format.type", "write the value in the type of the others")
_order = adviser("data.format.key_order", "write the keys in the same order everywhere; the model learns it with the rest")


@dataclass
class AnswerFormat:
    """`data.format.not_json`, `data.format.keys`, `data.format.type`, `data.format.key_order`."""

    tallies: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        may_be_json = turns.have("{", "[")
        kinds = [
            "plain"
            if turn.is_prose and not (may_be_json and ("{" in turn.answer or "[" in turn.answer))
            else _kind_of_answer(turn)
            for turn in turns.written
        ]
        self.tallies.add_each("shape", turns.written, kinds)

    def join(self, later: AnswerFormat, lines_before: int) -> None:
        self.tallies.join(later.tallies, lines_before)

    def finish(self) -> Iterable[Finding]:
        for _, tally in self.tallies.all():
            yield from _of_task(tally)


def _kind_of_answer(turn: Turn) -> str | Shape:
    if turn.value is NO_JSON:
        if looks_like_json(turn.answer):
            if open_part(turn.answer):
                return _CUT
            return "fenced" if turn.answer.lstrip().startswith("`") else "broken"
        return "plain"
    return shape_of(turn.value) if isinstance(turn.value, dict) else "list"


def looks_like_json(text: str) -> bool:
    if "{" not in text and "[" not in text and not has_code(text):
        return False
    bare = text.strip()
    return bare.startswith(("{", "[{", '["', "```json")) or (bare.startswith("```") and bare.strip("`").strip()[:1] == "{")


@dataclass
class _Majority:
    """What most objects of a task have."""

    keys: dict[str, float]
    """The share of objects that have a path, among those that have its parent."""
    counts: Counter[str]
    """How many objects have a path."""
    types: dict[str, str]
    """The type of nearly all values of a path that are not null or empty."""
    absent: dict[str, str]
    """How a path's value is not to be left out: as null, or as an empty text."""
    strays: frozenset[str]
    """Paths within an object that nearly no other such object has, while all have the same other keys."""
    words: frozenset[str]
    """Paths where a word for nothing stands, and others have null."""


def _of_task(tally: Tally) -> Iterable[Finding]:
    shapes = {kind: count for kind, count in tally.counts.items() if isinstance(kind, tuple)}
    objects, lists = sum(shapes.values()), tally.counts.get("list", 0)
    usual = max(objects, lists)
    if tally.is_open or usual < SMALL_TASK or usual < _MOSTLY * tally.total:
        return
    said = f"{usual} of {tally.total} answers are JSON {'objects' if objects == usual else 'lists'}"
    for kind, what in _OTHER_KINDS:
        for line, at in tally.places.get(kind, ()) if kind != "list" or objects == usual else ():
            yield _not_json(line, at, f"the answer is {what}; {said}")
    if objects < usual:
        for shape in shapes:
            for line, at in tally.places[shape]:
                yield _type(line, at, f"the answer is a JSON object; {said}")
        return
    majority = majority_of(shapes)
    for shape in shapes:
        yield from shape_findings(shape, tally.places[shape], majority)
    yield from _order_findings(shapes, tally)


def majority_of(shapes: dict[Any, int]) -> _Majority:
    present: Counter[str] = Counter()
    types: dict[str, Counter[str]] = {}
    absent: dict[str, Counter[str]] = {}
    for shape, count in shapes.items():
        for path, kind in shape:
            present[path] += count
            if kind in ("null", EMPTY, WORD):
                absent.setdefault(path, Counter())[kind] += count
            if kind not in ("null", EMPTY):
                types.setdefault(path, Counter())[NAMES[str] if kind == WORD else kind] += count
    objects = sum(shapes.values())
    keys = {}
    for path, count in present.items():
        parent = path.rpartition(".")[0].removesuffix("[]")
        among = types.get(parent, Counter())["a list" if f"{parent}[]." in path else "an object"] if parent else objects
        keys[path] = count / max(among, count)
    nearly = {
        path: kind
        for path, counts in types.items()
        for kind, count in counts.most_common(1)
        if _is_usual(count, counts.total()) and counts.total() >= (SMALL_TASK if objects < SMALL_TASK else _FEW_TYPED)
    }
    odd = {
        path: kind for path, kinds in absent.items() if (kind := _odd_absence(kinds, objects - present[path], nearly.get(path)))
    }
    words = frozenset(path for path, kinds in absent.items() if 0 < kinds[WORD] <= _STRAY and kinds["null"] >= _ABSENT)
    return _Majority(keys, present, nearly, odd, frozenset(_strays(keys, present)), words)


def _strays(keys: dict[str, float], present: Counter[str]) -> Iterable[str]:
    """Objects whose keys are data (`{"Ada": 3, "Bob": 5}`) have none."""
    children: dict[str, list[str]] = {}
    for path in keys:
        if "." in path:
            children.setdefault(path.rpartition(".")[0], []).append(path)
    for paths in children.values():
        rare = [path for path in paths if present[path] <= _STRAY and keys[path] < 1 - _NEARLY_ALL]
        if len(rare) <= _STRAY and sum(keys[path] >= _NEARLY_ALL for path in paths) > 1:
            yield from rare


def _odd_absence(kinds: Counter[str], missing: int, usual: str | None) -> str | None:
    """Of the ways in which a value that is not there is written, one that few records have beside another."""
    if usual == "a list" and 0 < kinds["null"] <= _FEW:
        return "null"  # a list can be empty
    others = kinds["null"] + missing
    if not kinds[EMPTY] or not others:
        return None
    return EMPTY if kinds[EMPTY] <= others else "null"


def _is_usual(count: int, total: int) -> bool:
    return count >= _NEARLY_ALL * total or (total - count <= _FEW and count >= _MOSTLY * total)


def shape_findings(shape: Shape, places: list[Place], majority: _Majority) -> Iterable[Finding]:
    own = dict(shape)
    needed = [path for path, share in majority.keys.items() if share >= _NEARLY_ALL and _has_parent(path, own)]
    missing = [path for path in needed if path not in own]
    rare = [path for path in own if majority.keys[path] < 1 - _NEARLY_ALL and ("." not in path or path in majority.strays)]
    if missing and all(majority.keys[path] < 1 for path in missing):
        other = f", and has {', '.join(map(shown, rare))} instead" if rare else ""
        message = f"the answer lacks {', '.join(map(shown, missing))}, which nearly all have{other}"
        for line, at in places:
            yield _keys(line, at, message)
    elif any(majority.counts[path] <= _STRAY for path in rare):
        message = f"the answer has {', '.join(map(shown, rare))}, which nearly no other has"
        for line, at in places:
            yield _keys(line, at, message)
    for path, kind in shape:
        usual = majority.types.get(path)
        if kind == WORD and path in majority.words:
            for line, at in places:
                yield _type(line, f"{at}.{path}", f"`{path}` is {kind}; others have null")
            continue
        if kind == WORD:
            kind = NAMES[str]
        if usual and kind == majority.absent.get(path):
            for line, at in places:
                yield _type(line, f"{at}.{path}", f"`{path}` is {kind}; others have {usual}, or leave it out in another way")
        elif usual and kind not in ("null", usual) and not (kind == EMPTY and usual == "a text"):
            for line, at in places:
                yield _type(line, f"{at}.{path}", f"`{path}` is {kind}; in nearly all answers it is {usual}")


def _has_parent(path: str, own: dict[str, str]) -> bool:
    parent, dot, _ = path.rpartition(".")
    if not dot:
        return True
    return own.get(parent.removesuffix("[]")) == ("a list" if parent.endswith("[]") else "an object")


def _order_findings(shapes: dict[Any, int], tally: Tally) -> Iterable[Finding]:
    """Objects with the usual keys, in another order than nearly all of these."""
    orders: dict[frozenset[str], Counter[tuple[str, ...]]] = {}
    for shape, count in shapes.items():
        keys = tuple(path for path, _ in shape if "." not in path)
        orders.setdefault(frozenset(keys), Counter())[keys] += count
    for counts in orders.values():
        (usual, count), total = counts.most_common(1)[0], counts.total()
        if len(counts) == 1 or total < SMALL_TASK or count < _MOSTLY * total:
            continue
        for shape in shapes:
            keys = tuple(path for path, _ in shape if "." not in path)
            if keys in counts and keys != usual:
                for line, at in tally.places[shape]:
                    yield _order(line, at, f"the keys stand in another order than {', '.join(usual)}")
