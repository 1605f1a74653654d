"""Near duplicates behind the first records of a file, which are not held in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.data.chat import readable_conversations
from honekit.data.checks import run
from honekit.data.checks.run import NearDuplicateCheck
from honekit.data.lines import Finding

PLACES = (
    "harbour",
    "quarry",
    "orchard",
    "depot",
    "mill",
    "brewery",
    "library",
    "foundry",
    "nursery",
    "tannery",
    "museum",
    "dairy",
)
PARTS = ("pump", "valve", "fan", "belt", "lamp", "door", "gate", "boiler", "meter", "drill")
Pair = tuple[str, str]


def told(pairs: list[Pair], tmp_path: Path, held: int) -> list[Finding]:
    file = tmp_path / "near.jsonl"
    records = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in pairs]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    check = NearDuplicateCheck(len(records), held)
    for example in readable_conversations(file):
        assert list(check.see(example)) == []
    return list(check.finish())


def others() -> list[Pair]:
    """A hundred and twenty questions that have nothing in common."""
    return [
        (
            f"{part.title()} news from our {place}: shall {place} {part} crews start {part} work?",
            f"Ask the {place}'s {part} desk.",
        )
        for place in PLACES
        for part in PARTS
    ]


LONG = "When does the ferry to the northern island leave on a stormy day in the middle of winter, and where do I buy the ticket"
CASES: dict[str, tuple[Pair, Pair, str | None]] = {
    "one word more": ((LONG, "At noon."), (f"{LONG} today", "At noon."), "data.near_duplicate"),
    "another answer": ((LONG, "At noon, from the old pier."), (f"{LONG} today", "Never, in a storm like that."), None),
    "another number": ((f"{LONG} for 14 people", "At noon."), (f"{LONG} for 15 people", "At noon."), None),
    "the same number": ((f"{LONG} for 14 people", "At noon."), (f"{LONG} for 14 old people", "At noon."), "data.near_duplicate"),
    "the same twice": ((LONG, "At noon."), (LONG, "At noon."), None),
    "a please, and another label": (
        ("refund my broken lamp", "billing"), ("please refund my broken lamp", "returns"), "data.answers.contradict",
    ),
    "equal inputs, other labels": (("refund my broken lamp", "billing"), ("Refund my broken lamp", "returns"), None),
    "a please, and the same label": (("refund my broken lamp", "billing"), ("please refund my broken lamp", "billing"), None),
}  # fmt: skip


def test_what_is_not_held_is_compared_with_all_before_it(tmp_path: Path) -> None:
    for name, (first, second, code) in CASES.items():
        for held in (0, 1, 60, 121):
            found = told([first, *others(), second], tmp_path, held)
            assert [(one.code, one.line) for one in found] == ([(code, 122)] if code else []), (name, held)
            assert all("on line 1" in one.message for one in found)


def test_where_all_are_held_most_of_it_is_told_as_well(tmp_path: Path) -> None:
    for name in ("one word more", "another answer", "the same twice", "a please, and another label"):
        first, second, code = CASES[name]
        # An equal line is told here, and left out by `check_file` where the scan of lines has told it.
        code = "data.duplicate" if first == second else code
        assert [one.code for one in told([first, *others(), second], tmp_path, 200)] == ([code] if code else []), name


def test_only_so_many_records_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST", 121)
    first, second, _ = CASES["one word more"]
    assert told([first, *others(), second], tmp_path, 60) == []
    monkeypatch.setattr(run, "MOST", 122)
    assert [one.line for one in told([first, *others(), second], tmp_path, 60)] == [122]
