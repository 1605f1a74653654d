"""Answers made of fields in a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.consistency.text_fields import TextFields, fields_of

JOBS = ["nurse", "welder", "baker", "pilot", "tutor", "clerk", "diver", "miner", "judge", "actor", "mason", "coder"]
PEOPLE = [(f"{job} for {years} years", f"job: {job}\nyears: {years}") for years, job in enumerate(JOBS, 3)]


def places(changed: dict[int, str]) -> list[tuple[str, int]]:
    turns = [conversation(line, asked, changed.get(line, said)) for line, (asked, said) in enumerate(PEOPLE, 1)]
    return [(finding.code, finding.line) for finding in findings(TextFields(), turns)]


def test_fields_are_read_from_lines_and_from_parts() -> None:
    assert fields_of("job: nurse\nyears: 9") == {"job": ["nurse"], "years": ["9"]}
    assert fields_of("PER: Ada; LOC: Rome; PER: Bob") == {"PER": ["Ada", "Bob"], "LOC": ["Rome"]}
    assert fields_of("Take the key. Then: go") == {}


def test_fields_alike_are_no_finding() -> None:
    assert places({}) == []


def test_a_field_that_lacks_or_is_named_otherwise_is_found() -> None:
    assert places({4: "job: pilot"}) == [("data.format.keys", 4)]
    assert places({4: "work: pilot\nyears: 6"}) == [("data.format.keys", 4)]


def test_an_answer_without_fields_is_found() -> None:
    assert places({7: "a diver for nine years"}) == [("data.format.keys", 7)]


def test_a_number_in_words_is_of_another_form() -> None:
    assert places({7: "job: diver\nyears: nine"}) == [("data.format.pattern", 7)]


def test_prose_has_no_fields() -> None:
    assert findings(TextFields(), answers(["Note: take the key.", *[f"Go to room {n}. Then wait." for n in range(12)]])) == []


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    fields_of(text)
