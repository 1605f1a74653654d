"""Quick tests never lose what the patterns behind them would find."""

from __future__ import annotations

import re

import pytest
from ftfy.badness import BADNESS_RE
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.consistency import closings, style, unit_systems
from honekit.data.checks.quality import clean_text, content, cues, grounding, references, refusals, repetition, traces
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.short_texts import has_long_run, short_texts, words_only

PATTERNS = {
    cues.REFUSAL: refusals._REFUSAL,
    cues.AI: refusals._AI,
    cues.MARK: content._MARK,
    cues.SLOT: content._SLOT,
    cues.FOOT: traces._FOOT,
    cues.FILLER: traces._CLOSING,
    cues.OPENING: traces._OPENING,
    cues.REFERENCE: references._BACK,
}
WORDS = {
    cues.FOOT: cues.FOOT_WORDS,
    cues.FILLER: traces._CLOSING_WORDS,
    cues.REFERENCE: references._WORDS,
}
"""What the checks look for as well: a match without any of them is not used."""


def cues_in(text: str) -> set[int]:
    turn = read_turn(ChatExample([Message("user", "x"), Message("assistant", text)], None, 1))
    assert turn is not None
    return {cue for found in cues.cues_of([turn])[0].values() for cue in found}


@pytest.mark.parametrize("cue", PATTERNS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_a_pattern_matches_has_its_cue(cue: int, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(PATTERNS[cue]))
    if cue == cues.REFUSAL and not text[:250].lstrip().lower().startswith(cues.BEGINNINGS):
        return
    if cue == cues.SLOT and not content.may_have_placeholder(text):
        return
    if any(word in text for word in WORDS.get(cue, ("",))):
        assert cue in cues_in(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["", "I can't help", "\0 sorry", "see above", "TODO", "a pump", "{{x", "}}", "sure"]), max_size=30)
)
def test_answers_that_are_searched_together_have_the_cues_of_each(texts: list[str]) -> None:
    turns = [turn for text in texts if (turn := read_turn(ChatExample([Message("assistant", text)] * 2, None, 1)))]
    assert cues.cues_of(turns) == [found for turn in turns for found in cues.cues_of([turn])]
    assert cues.cues_of(turns) == [{at: found for at, text in turn.trained if (found := cues._cues_in(text))} for turn in turns]


def test_a_slot_may_begin_with_a_word_of_any_alphabet() -> None:
    assert cues.SLOT in cues_in("Dear [Zoë’s name], the pump is on.")


def test_two_words_may_stand_between() -> None:
    assert cues.REFERENCE in cues_in("as is seen in the above")


def test_an_answer_without_any_cue_has_none() -> None:
    assert cues_in("The pump runs at 4 bar, and the kind valve is open.") == set()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.sampled_from("aZ9?é—字😀"), st.integers(40, 60), st.text(max_size=60))
def test_a_run_is_found_in_many_texts_at_once(before: str, sign: str, times: int, behind: str) -> None:
    assert repetition.may_have_runs(f"{before}\n{sign * times}{behind}")


@settings(max_examples=200, deadline=None)
@given(st.from_regex(BADNESS_RE))
def test_what_is_badly_encoded_may_be_so(text: str) -> None:
    assert clean_text._MAY_BE_BAD.search(text)


@given(st.text())
def test_control_characters_are_seen(text: str) -> None:
    assert clean_text._has_control(text) == bool(clean_text._CONTROL.search(text))


@given(st.text(st.sampled_from("a1²٣ \n\t\u00a0-.")))
def test_runs_with_digits_are_those_of_split(text: str) -> None:
    assert [*grounding._runs_with_digits(text)] == [run for run in text.split() if re.search(r"\d", run)]


@given(st.text(st.sampled_from("aB1²4 #-_.,/")))
def test_a_text_with_an_identifier_may_have_one(text: str) -> None:
    assert not grounding.identifiers(text) or grounding._MAY_BE_NAME.search(text)


@given(st.lists(st.tuples(st.sampled_from("a b"), st.integers(1, 450)), max_size=6))
def test_a_long_run_without_blank_is_seen(runs: list[tuple[str, int]]) -> None:
    text = "".join(sign * count for sign, count in runs)
    assert has_long_run(text, 400) == any(len(run) >= 400 for run in text.split(" "))


@given(st.text(max_size=40), st.sampled_from("axZ1é"), st.integers(40, 90), st.text(max_size=40))
def test_a_key_that_stuck_is_seen(before: str, key: str, times: int, after: str) -> None:
    text = before + key * times + after
    if key.isascii():
        assert repetition._may_have_run(text, 8) and repetition._may_have_run(text, 4)


@given(st.text(st.sampled_from("-* \n1.a)")))
def test_bullets_are_those_at_the_beginning_of_lines(text: str) -> None:
    of_lines = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)
    assert len(style._BULLETS.findall(f"\n{text}")) == len(of_lines.findall(text))


@pytest.mark.parametrize("pattern", [pattern for systems in unit_systems._SYSTEMS.values() for pattern in systems.values()])
@settings(max_examples=20)
@given(data=st.data())
def test_every_unit_may_begin_as_it_does(pattern: str, data: st.DataObject) -> None:
    unit = data.draw(st.from_regex(rf"\A(?:{pattern})\Z"))
    assert unit_systems._UNIT.match(f"4 {unit} ")


@given(st.from_regex(closings._SIGNS, fullmatch=True))
def test_a_sign_at_the_end_is_a_stop(sign: str) -> None:
    assert closings.stop_of(f"The answer {sign}") == sign


@given(st.lists(st.sampled_from(["", "a", "b c", " d", "e\n", "\u00a0f", "g" * 60, "h" * 61, "é", 1, None]), max_size=6))
def test_a_list_of_words_has_the_short_texts_that_each_of_them_is(values: list[object]) -> None:
    words = words_only(values)
    if words is not None:
        one_by_one = [text for value in values for text in short_texts({"x": value}).get("x", [])]
        assert words == one_by_one
    elif all(type(value) is str for value in values):
        assert any(" " in value or not value.isprintable() or len(value) > 60 for value in map(str, values))
