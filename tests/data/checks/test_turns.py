from __future__ import annotations

from tests.data.checks.conversations import conversation

from honekit.data.checks.turns import Turns


def test_a_sign_that_no_text_of_a_block_has_is_not_looked_for_in_each() -> None:
    turns = Turns([conversation(1, "A?", "One (1)."), conversation(2, "B?", '{"mark": "#"}'), conversation(3, "C?", "Two.")])
    assert turns.have("(") and turns.have("#", ")")
    assert not turns.have("#", "\n", "\0\0")  # that of an object does not count
    assert turns.are_ascii and not Turns([conversation(1, "A?", "Größe.")]).are_ascii


def test_the_prompts_of_a_block_are_given_once_each() -> None:
    assert Turns([]).prompts == []
    assert Turns([conversation(line, "A?", "B.", "Help.") for line in range(3)]).prompts == ["Help."]
    assert Turns([conversation(line, "A?", "B.", "Help." * (line % 2)) for line in range(4)]).prompts == [None, "Help."]


def test_answers_of_blanks_say_nothing() -> None:
    turns = Turns([conversation(1, "A?", " Yes. "), conversation(2, "B?", " \n"), conversation(3, "C?", "[1]")])
    assert [turn.line for turn in turns.spoken] == [1] and turns.said == ["Yes."]


def test_the_span_of_digits_begins_and_ends_with_one() -> None:
    turns = Turns([conversation(1, "A?", "From 12 to 7 here."), conversation(2, "B?", "None.")])
    assert [(turn.line, begin, end) for turn, begin, end in turns.spans_of_digits] == [(1, 5, 12)]
