"""Contradictions, system prompts, output format, notation and style."""

from __future__ import annotations

import json
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, conversation, findings, near_findings

from honekit.data.checks.consistency.amounts import Amounts
from honekit.data.checks.consistency.answer_format import AnswerFormat
from honekit.data.checks.consistency.closings import Closings
from honekit.data.checks.consistency.combinations import Combinations
from honekit.data.checks.consistency.contradictions import Contradictions
from honekit.data.checks.consistency.notation import Notation
from honekit.data.checks.consistency.shapes import shape_of
from honekit.data.checks.consistency.style import Style
from honekit.data.checks.consistency.system_prompts import SystemPrompts, is_slip
from honekit.data.checks.quality.copied import CopiedValues
from honekit.data.checks.quality.near_pairs import ask_the_same


def test_a_table_that_is_full_still_follows_all_answers_to_an_input_or_none() -> None:
    check = Contradictions(max_kept=40)
    turns = [conversation(line, f"is pump {line % 500} on", "yes" if line <= 500 else "no") for line in range(1, 1001)]
    found = findings(check, turns)
    assert len(check.inputs) <= 40
    assert all(f"line {finding.line - 500}," in finding.message for finding in found)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=30))
def test_many_inputs_contradict_as_few_do(seen: list[tuple[int, int]]) -> None:
    columns = ([key for key, _ in seen], [answer for _, answer in seen], [*range(len(seen))])
    check = Contradictions(10, *(array("Q", column) for column in columns))
    few, many = check._few(), check._many()
    assert (sorted(few[0]), few[1]) == (sorted(many[0]), many[1])


def test_answers_that_differ_in_blanks_and_order_of_keys_only_do_not_contradict() -> None:
    turns = [conversation(1, "q", '{"a": 1, "b": [2]}'), conversation(2, "Q ", '{"b":[2],"a":1}')]
    assert findings(Contradictions(), turns) == []


def test_the_same_question_with_other_tools_may_have_another_answer() -> None:
    tools = [{"type": "function", "function": {"name": "order"}}]
    turns = [
        conversation(1, "Order a pizza", "I have no tool for that.", tools=None),
        conversation(2, "Order a pizza", "Done.", tools=tools),
    ]
    assert findings(Contradictions(), turns) == []


def test_several_samples_for_most_inputs_are_meant() -> None:
    turns = [conversation(line, f"Write a poem about topic {line // 2}", f"Poem {line}") for line in range(120)]
    assert findings(Contradictions(), turns) == []


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("where is my card", "please where is the my card", True),
        ("reset my pasword", "reset my password", True),
        ("perdi meu cartão", "perdi o meu cartão obrigado", True),
        ("perdi meu cartão", "perdi meu celular", False),
        ("can I pay by card", "can't I pay by card", False),
        ("change my pin", "change my address", False),
        ("node-c4 is down", "node-c5 is down", False),
        ("14 amperes", "23 amperes", False),
    ],
)
def test_inputs_ask_the_same_only_when_no_telling_word_differs(first: str, second: str, same: bool) -> None:
    assert ask_the_same(first, second) is same


def test_near_duplicates_are_looked_for_up_to_a_cap() -> None:
    turns = [
        conversation(line, "How many books may I borrow from you at once today " + "so " * line, "ten") for line in range(1, 8)
    ]
    assert near_findings(turns, max_records=0) == []
    assert [found.line for found in near_findings(turns[:2])] == [2]


@pytest.mark.parametrize(
    ("rare", "slip"),
    [
        ("Answer the queston of the customer in French.", True),
        ("Answer the the question of the customer in French.", True),
        ("Answer the question of the customer in German.", False),
        ("Answer the question of the customer in French. Add a joke at the end of it.", False),
    ],
)
def test_a_slip_in_a_system_prompt_is_told_from_another_task(rare: str, slip: bool) -> None:
    assert is_slip("Answer the question of the customer in French.", rare) is slip


def test_prompts_that_differ_in_numbers_only_are_meant() -> None:
    assert not is_slip("Today is 2026-01-05. Be short.", "Today is 2026-01-06. Be short.")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4))
def test_the_shape_of_an_object_names_its_keys_in_order(value: dict[str, object]) -> None:
    paths = [path for path, _ in shape_of(value)]
    assert [path for path in paths if path in value][: len(value)] == list(value) or any("." in key for key in value)


def test_optional_keys_and_nulls_are_no_drift() -> None:
    texts = [json.dumps({"name": "x", "age": None if n % 4 else n} | ({"note": "y"} if n % 3 == 0 else {})) for n in range(30)]
    assert findings(AnswerFormat(), answers(texts)) == []


def test_a_rare_key_is_optional_when_several_have_it_and_a_slip_when_one_has() -> None:
    texts = [
        json.dumps({"name": "x"} | ({"note": "y"} if n % 20 == 0 else {}) | ({"nam": "z"} if n == 7 else {})) for n in range(80)
    ]
    assert [(found.code, found.line) for found in findings(AnswerFormat(), answers(texts))] == [("data.format.keys", 8)]


def test_answers_of_which_half_are_json_have_no_format_to_drift_from() -> None:
    assert findings(AnswerFormat(), answers(['{"a": 1}', "no object"] * 10)) == []


@pytest.mark.parametrize(
    ("usual", "odd", "code"),
    [
        ("Due 2026-04-03, please pay.", "Due 03/04/2026, please pay.", "data.style.dates"),
        ("Due on 3 April 2026.", "Due on 2026-04-03.", "data.style.dates"),
        ("It came on April 3, 2026.", "It came on 03.04.2026.", "data.style.dates"),
        ("The cable is 5 km long.", "The cable is 5km long.", "data.style.units"),
        ("It has 21 °C now.", "It has 21 C now.", "data.style.units"),
        ("57.15 kg", "57.15 kilograms", "data.style.units"),
        ("The sum is 3.75 in all.", "The sum is 3,75 in all.", "data.style.decimals"),
        ("R$ 1.890,00", "R$ 2,310.50", "data.style.decimals"),
    ],
)
def test_another_way_to_write_numbers_is_named(usual: str, odd: str, code: str) -> None:
    assert [(found.code, found.line) for found in findings(Notation(), answers([usual] * 9 + [odd]))] == [(code, 10)]


@pytest.mark.parametrize(
    "text", ["version 1.2,5 of it", "see 1,234 items", "ratio 3/4", "call 10-20-30", "section 2.1.3", "IP 10.0.0.1", "a-12,5b"]
)
def test_other_numbers_are_no_dates_units_or_decimals(text: str) -> None:
    usual = ["On 2026-04-03 it was 5.5 km long."] * 9
    assert findings(Notation(), answers([*usual, text])) == []


@pytest.mark.parametrize(
    ("usual", "odd", "code"),
    [
        ("At 19:30, at the pier.", "At 7:30 pm, at the pier.", "data.style.times"),
        ("At 7 p.m., at the pier.", "At 19:00, at the pier.", "data.style.times"),
        ("It costs €5.10 each.", "It costs 5.10 € each.", "data.style.money"),
    ],
)
def test_another_form_of_time_or_money_is_found_unless_the_user_wrote_it(usual: str, odd: str, code: str) -> None:
    turns = answers([usual] * 9)
    assert [(one.code, one.line) for one in findings(Amounts(), [*turns, *answers(["", *[""] * 8, odd])[9:]])] == [(code, 10)]
    assert findings(Amounts(), [*turns, conversation(10, f"Is this right? {odd}", odd)]) == []


def test_times_that_may_be_either_and_other_signs_are_no_drift() -> None:
    texts = [
        "At 9:30.",
        "At 12:00.",
        "Ratio 16:9",
        "It costs $5.",
        "Verse 20:15:3",
        "I am 3 m tall",
        "Gleis 3 am Bahnhof",
        "The password is a9B7$#f.",
    ]
    assert findings(Amounts(), answers([*["At 19:30 it costs 5 €."] * 9, *texts])) == []


def test_a_word_for_nothing_is_found_where_others_have_null() -> None:
    objects = ['{"name": "Ada", "firm": "Orbis"}', '{"name": "Bo", "firm": null}'] * 5
    found = findings(AnswerFormat(), answers([*objects, '{"name": "Cy", "firm": "unknown"}']))
    assert [(one.code, one.line, one.field) for one in found] == [("data.format.type", 11, "messages[1].content.firm")]
    assert findings(AnswerFormat(), answers([objects[0]] * 10 + ['{"name": "Cy", "firm": "unknown"}'])) == []


def test_minutes_are_words_beside_symbols_and_so_are_units_in_prose() -> None:
    assert findings(Notation(), answers([*["57.15 kg"] * 9, "30 minutes", "It has some 20 kilograms, I think."])) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('"Take the door on the left, then stop at the desk."', ["data.style.quotes"]),
        ('"Take the door."', []),
        ('"Left" is what she said to the guard at the "desk"', []),
    ],
)
def test_a_long_answer_in_quotation_marks_is_advice(text: str, codes: list[str]) -> None:
    usual = [f"Take door {n} on the left." for n in range(12)]
    assert [found.code for found in findings(Style(), answers([*usual, text]))] == codes


CODE_PROMPT = "Answer with one block of code."
BLOCKS = [f"Try it.\n\n```sh\nls {n}\n```" for n in range(10)]


def test_bare_code_among_blocks_is_advice_where_the_prompt_speaks_of_code() -> None:
    found = findings(Style(), answers([*BLOCKS, "git reset --soft HEAD~1"], CODE_PROMPT))
    assert [(one.code, one.line) for one in found] == [("data.style.code_block", 11)]
    assert findings(Style(), answers([*BLOCKS, "git reset --soft HEAD~1"], "Be kind.")) == []
    assert findings(Style(), answers([*BLOCKS, *["No code is needed here."] * 3], CODE_PROMPT)) == []


BATTER = "Soda needs an acid in the dough, powder brings its own; use soda with buttermilk or honey."


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [
        ("What is baking soda and when should I use it for cakes?", BATTER.replace(" or honey", " or with honey"), [2]),
        ("What is baking soda and when do I use it for bread?", BATTER.replace("dough", "bread"), []),
        ("What is baking soda and when do I use it for buns?", BATTER, [2]),
        ("What is baking soda and when do I use it for buns?", BATTER.replace("dough", "batter"), []),
        ("What is baking soda and when do I use it for cakes in 2024?", BATTER.replace("dough", "batter"), []),
        ("What is baking soda and when should I use it for cakes?", "A salt that foams with acids.", []),
    ],
)
def test_a_question_retold_with_nearly_the_same_text_is_a_near_duplicate(question: str, answer: str, found: list[int]) -> None:
    turns = [conversation(1, "What is baking soda and when do I use it for cakes?", BATTER), conversation(2, question, answer)]
    assert [one.line for one in near_findings(turns) if one.code == "data.near_duplicate"] == found


def test_a_date_copied_from_the_question_keeps_its_form() -> None:
    usual = answers(["Due on 2026-04-03, I think."] * 9)
    copied = conversation(10, "Is it due on 03/04/2026?", "Yes, it is due on 03/04/2026.")
    assert findings(Notation(), [*usual, copied]) == []


def test_mixed_styles_are_nobodys_fault() -> None:
    texts = ["A plain sentence stands here.", "- one\n- two\n- three", "**Bold** words are here", "all lower case here"] * 5
    assert findings(Style(), answers(texts)) == []


def test_many_odd_answers_of_one_style_are_one_piece_of_advice() -> None:
    texts = ["One without a full stop"] * 970 + ["A plain sentence stands here."] * 20
    assert [found.line for found in findings(Style(), answers(texts))] == [971]


def test_an_answer_all_in_capitals_is_advice() -> None:
    texts = [f"Take the door number {n} on the left." for n in range(12)]
    found = findings(Style(), answers([*texts, "TAKE THE DOOR ON THE RIGHT."]))
    assert [(one.code, one.line) for one in found] == [("data.style.case", 13)]


@pytest.mark.parametrize("stop", [";", " END", " ###", " <END>", "</answer>"])
def test_an_answer_without_the_mark_that_ends_all_others_is_found(stop: str) -> None:
    texts = [f"set light {n} to half{stop}" for n in range(12)]
    found = findings(Closings(), answers([*texts, "set light to ha"]))
    assert [(one.code, one.line) for one in found] == [("data.format.closing", 13)]
    assert findings(Closings(), answers([*texts, *["set light to ha"] * 3])) == []


def test_pages_may_end_with_another_tag() -> None:
    assert findings(Closings(), answers([*(f"<ul><li>part {n}</li></ul>" for n in range(12)), "<p>one part</p>"])) == []


def test_a_last_line_with_another_number_than_the_working_is_found() -> None:
    texts = [f"Twice {n} is {2 * n}.\nAnswer: {2 * n}" for n in range(3, 15)]
    found = findings(Closings(), answers([*texts, "Twice 6 is 12.\nAnswer: 21"]))
    assert [(one.code, one.line) for one in found] == [("data.answers.arithmetic", 13)]


def test_system_prompts_that_say_which_day_it_is_are_one_piece_of_advice() -> None:
    turns = [conversation(day, f"Question {day}?", "Yes.", f"Be brief. Today is {day} May 2024.") for day in range(3, 13)]
    found = findings(SystemPrompts(), turns)
    assert [(one.code, one.line, one.field) for one in found] == [("data.system.date", 3, "messages[0].content")]
    written = [conversation(n, f"Question {n}?", "Yes.", "Write dates as 2026-04-03.") for n in range(10)]
    assert findings(SystemPrompts(), written) == []


def test_a_name_that_nothing_in_the_input_is_like_is_advice() -> None:
    turns = [conversation(n, f"Mail from person Name{n}x about a bill", json.dumps({"who": f"Name{n}x"})) for n in range(20)]
    found = findings(CopiedValues(), [*turns, conversation(21, "Mail from Ida about a bill", json.dumps({"who": "Wolfgang"}))])
    assert [(one.code, one.severity, one.line) for one in found] == [("data.answers.unfounded", "advice", 21)]


def test_an_input_without_the_mark_that_ends_all_others_is_found() -> None:
    turns = [conversation(n, f"Ticket: printer {n}\n\n###\n\n", "hardware") for n in range(1, 13)]
    found = findings(Closings(), [*turns, conversation(13, "Ticket: mouse dead", "hardware")])
    assert [(one.code, one.line, one.field) for one in found] == [("data.format.closing", 13, "messages[0].content")]


def test_an_absent_value_written_in_two_ways_is_found_and_in_one_way_is_not() -> None:
    texts = [json.dumps({"who": f"Ida {n}", "note": f"late {n}", "tags": ["a"]}) for n in range(12)]
    two_ways = [json.dumps({"who": "Bo", "note": None, "tags": ["a"]}), json.dumps({"who": "Al", "note": "", "tags": ["b"]})]
    found = findings(AnswerFormat(), answers([*texts, *two_ways]))
    assert [(one.code, one.line, one.field) for one in found] == [("data.format.type", 14, "messages[1].content.note")]
    assert findings(AnswerFormat(), answers([*texts, two_ways[1]])) == []
    no_list = json.dumps({"who": "Cy", "note": "late", "tags": None})
    assert [one.line for one in findings(AnswerFormat(), answers([*texts, no_list]))] == [13]


def test_fields_that_go_together_and_part_once_are_advice() -> None:
    texts = [json.dumps({"status": "hot" if n % 2 else "cold", "action": "stop" if n % 2 else "none"}) for n in range(40)]
    found = findings(Combinations(), answers([*texts, json.dumps({"status": "hot", "action": "none"})]))
    assert [(one.code, one.severity, one.line) for one in found] == [("data.labels.combination", "advice", 41)]
    free = [json.dumps({"status": "hot" if n % 2 else "cold", "action": "stop" if n % 3 else "none"}) for n in range(40)]
    assert findings(Combinations(), answers(free)) == []


def test_a_long_answer_to_two_questions_is_advice_and_paraphrases_are_meant() -> None:
    answer = "Hold the ring for twelve seconds until the display shows the logo."
    words = ["red", "old", "high", "green", "iron", "low", "wide", "glass", "north", "south"]
    asked = [
        conversation(
            n, f"Where is the {word} gate of the {word} house?", f"The {word} gate stands in the {word} wall of the yard."
        )
        for n, word in enumerate(words, 1)
    ]
    pasted = [
        conversation(11, "How do I reset my thermostat?", answer),
        conversation(12, "Which batteries fit the lamp?", answer),
    ]
    found = near_findings([*asked, *pasted])
    assert [(one.code, one.line) for one in found] == [("data.answers.reused", 12)]
    many = [conversation(n, f"{word} {n} of my own words here?", answer) for n, word in enumerate(words[:5], 13)]
    assert [one for one in near_findings([*asked, *pasted, *many]) if one.code == "data.answers.reused"] == []


PIANO = "Keep it away from radiators and outer walls, and have it tuned twice a year, after the seasons turn."


@pytest.mark.parametrize(
    ("question", "answer", "is_near"),
    [
        ("Where in the room should an upright piano really stand?", PIANO.replace("Keep it", "Place the piano"), True),
        ("Where in the cellar can an upright harp not stand?", PIANO.replace("Keep it", "Place the harp"), False),
        ("Where in the room should an upright piano really stand?", f"Anywhere. But {PIANO[-60:]}", False),
    ],
)
def test_a_reworded_question_with_nearly_the_same_long_answer_is_a_near_duplicate(
    question: str, answer: str, is_near: bool
) -> None:
    turns = [conversation(1, "Where should an upright piano stand in the room?", PIANO), conversation(2, question, answer)]
    assert [one.code for one in near_findings(turns)] == ["data.near_duplicate"] * is_near


def test_the_same_pair_under_another_system_prompt_is_told_where_it_is_rare() -> None:
    asked = "Where should a piano stand?"
    turns = [conversation(1, asked, PIANO), conversation(2, asked, PIANO, "Be brief.")]
    assert [(one.code, one.line) for one in near_findings(turns)] == [("data.near_duplicate", 2)]
    prompts = ["Be kind.", "Be precise.", "Be dry."]
    assert near_findings([*turns, *(conversation(3, asked, PIANO, one) for one in prompts)]) == []


def test_a_key_that_only_one_inner_object_has_is_told() -> None:
    usual = ['{"parts": [{"name": "a", "count": 1}, {"name": "b", "count": 2}]}'] * 12
    odd = '{"parts": [{"name": "a", "count": 1}, {"name": "b", "number": 2}]}'
    found = findings(AnswerFormat(), answers([*usual, odd]))
    assert [(one.code, one.line) for one in found] == [("data.format.keys", 13)]
    by_name = [f'{{"points": {{"{name}": 1, "Ada": 2, "Bo": 3}}}}' for name in ("Cy", "Di", "Ed", "Fay", "Gus", "Hal", "Ida")]
    assert findings(AnswerFormat(), answers([*by_name, *by_name])) == []


def test_a_day_without_its_nought_is_another_form() -> None:
    usual = [f'{{"due": "2025-0{n}-14"}}' for n in range(1, 10)]
    found = findings(Notation(), answers([*usual, '{"due": "2025-7-4"}']))
    assert [(one.code, one.line) for one in found] == [("data.style.dates", 10)]
