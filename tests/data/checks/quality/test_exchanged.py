"""Pairs whose answers were exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from honekit.chat.messages import Message
from honekit.data.checks.quality.exchanged import ExchangedPairs
from honekit.data.lines import Finding
from honekit.data.preference import PreferenceExample

WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
    "mound",
    "notch",
    "orbit",
]


def found_in(pairs: Sequence[tuple[str, str]]) -> list[Finding]:
    check = ExchangedPairs()
    for line, (good, bad) in enumerate(pairs, 1):
        check.see(PreferenceExample([Message("user", "?")], None, Message("assistant", good), Message("assistant", bad), line))
    return [*check.finish()]


def with_one_exchanged(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*pairs[:4], pairs[4][::-1], *pairs[5:]]


JSON = [(f'{{"name": "{word}"}}', f"The name is {word}.") for word in WORDS]
REFUSALS = [(f"Take the {word} road to the left.", "I'm sorry, but I can't help with that.") for word in WORDS]
LENGTHS = [
    (f"Take {word}.", f"There are many roads, and {word} is one of them, among others {other}." * 2)
    for word, other in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True)
]
WORDED = [(f"Thanks for asking! Please see {word}.", f"Obviously that is {word}, figure it out.") for word in WORDS]


@pytest.mark.parametrize(
    ("pairs", "severity"), [(JSON, "warning"), (REFUSALS, "warning"), (LENGTHS, "warning"), (WORDED, "advice")]
)
def test_the_one_exchanged_pair_is_found(pairs: list[tuple[str, str]], severity: str) -> None:
    found = found_in(with_one_exchanged(pairs))
    assert [(one.code, one.severity, one.line, one.field) for one in found] == [
        ("data.preference.exchanged", severity, 5, "preferred_output[0].content")
    ]


@pytest.mark.parametrize("pairs", [JSON, REFUSALS, LENGTHS, WORDED])
def test_pairs_that_are_all_alike_pass(pairs: list[tuple[str, str]]) -> None:
    assert found_in(pairs) == []


def test_questions_that_only_sound_bad_are_answered_on_purpose() -> None:
    safe = [pair[::-1] for pair in REFUSALS] + [pair[::-1] for pair in REFUSALS]
    assert [one.line for one in found_in([*safe, REFUSALS[0]])] == [31]
    assert found_in([*safe, REFUSALS[0], REFUSALS[1]]) == []


def test_pairs_that_differ_in_both_ways_pass() -> None:
    assert found_in([pair if at % 3 else pair[::-1] for at, pair in enumerate(LENGTHS)]) == []


def test_a_long_answer_that_is_preferred_among_answers_of_all_lengths_passes() -> None:
    pairs = [("word " * n, "word " * 2 * n) for n in range(2, 30)]
    assert found_in([*pairs, ("word " * 20, "word " * 10)]) == []
