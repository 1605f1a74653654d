"""Small checks of single answers: sides exchanged, answers given away, code that breaks, words that point to nothing, forms of
address, marks between the items of a list."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.consistency.address import Address
from honekit.data.checks.consistency.list_answers import ListAnswers, split_list
from honekit.data.checks.consistency.politeness import politeness
from honekit.data.checks.quality.code_syntax import CodeSyntax, fault_of
from honekit.data.checks.quality.given_away import GivenAway
from honekit.data.checks.quality.references import References
from honekit.data.checks.quality.sides import Sides
from honekit.data.checks.turn import Turn

COLOURS = ["red", "green", "blue", "grey", "black", "white", "brown", "pink", "teal", "gold", "lime", "navy"]


def asked(line: int) -> Turn:
    return conversation(line, f"Where is the {COLOURS[line - 1]} door?", f"The {COLOURS[line - 1]} door is upstairs.")


def test_a_conversation_with_its_sides_exchanged_is_found() -> None:
    wrong = conversation(11, "You find the iron door at the end of the corridor.", "Where is the iron door?")
    found = findings(Sides(), [*map(asked, range(1, 11)), wrong])
    assert [(one.code, one.line, one.field) for one in found] == [("data.roles.swapped", 11, "messages[0].content")]


def test_an_assistant_that_asks_back_is_in_its_place() -> None:
    assert findings(Sides(), [*map(asked, range(1, 11)), conversation(11, "Open the door.", "Which door do you mean?")]) == []


def tasks() -> list[Turn]:
    inputs = ["Name three dyes.", "Explain what rust is.", "Write a title for it.", "Sort the list.\n\nred, blue"]
    return [conversation(line, inputs[line % 4], f"The {colour} one, since it is old.") for line, colour in enumerate(COLOURS, 1)]


def test_an_instruction_that_went_into_the_answer_is_found() -> None:
    wrong = conversation(13, "Could you please settle the invoice from May? It is due.\n\ninvoice", "Write a polite reminder.")
    assert [(one.code, one.line) for one in findings(Sides(), [*tasks(), wrong])] == [("data.roles.swapped", 13)]


@pytest.mark.parametrize("answer", ["Describe the noise, please.", "Add the salt last.", "Write it down.", "Name your price."])
def test_advice_and_what_one_asks_back_is_no_instruction_to_a_writer(answer: str) -> None:
    said = conversation(13, "My engine makes a noise when it is cold, and only on Mondays.", answer)
    assert findings(Sides(), [*tasks(), said]) == []


def test_an_answer_in_the_input_is_found() -> None:
    turns = [conversation(line, f"Text {line} about payment and terms", "payment") for line in range(1, 11)]
    given = conversation(11, "The deposit is due on signature. [label: payment]", "payment")
    assert [(one.code, one.line) for one in findings(GivenAway(), [*turns, given])] == [("data.inputs.answer_given", 11)]


def test_code_that_cannot_be_parsed_is_found() -> None:
    good = [f"def add_{n}(x):\n    return x + {n}" for n in range(10)]
    found = findings(CodeSyntax(), answers([*good, "def add(x):\n    return (x +"]))
    assert [(one.code, one.line) for one in found] == [("data.answers.code_syntax", 11)]
    assert findings(CodeSyntax(), answers(good)) == []


@pytest.mark.parametrize("code", ["!pip install x", ">>> 1 +", "(" * 3000, "not " * 1500, "    x = 1\n    y = 2"])
def test_sessions_and_code_nested_too_deep_are_not_parsed(code: str) -> None:
    assert fault_of(code) is None


@pytest.mark.parametrize(
    "text",
    [
        "from our side: all\nis well",
        "class of 1984\nmet again",
        "import this\n\nIt prints the Zen of Python.",
        "import duties rose\nsharply",
    ],
)
def test_prose_that_begins_like_code_is_none(text: str) -> None:
    assert findings(CodeSyntax(), answers([*[f"def f():\n    return {n}" for n in range(10)], text])) == []


@pytest.mark.parametrize("text", ["As shown in the table above, it is red.", "Same mistake as above.", "Siehe oben."])
def test_words_that_point_to_nothing_are_found(text: str) -> None:
    found = findings(References(), answers([*[f"It is {colour}." for colour in COLOURS], text]))
    assert [(one.code, one.line) for one in found] == [("data.answers.refers_back", 13)]


def test_words_that_point_into_the_input_are_not() -> None:
    turn = conversation(13, "| table |\n| a | b |\nWhich one?", "As shown in the table above, a.")
    assert findings(References(), [*answers([f"It is {colour}." for colour in COLOURS]), turn]) == []


def test_another_form_of_address_is_advice() -> None:
    formal = [f"Bitte nehmen Sie die {n}. Tür, sie ist nicht verschlossen und die Klinke ist links." for n in range(10)]
    informal = "Nimm einfach die Tür, dann siehst du die Klinke und das ist nicht schwer."
    found = findings(Address(), answers([*formal, informal]))
    assert [(one.code, one.line) for one in found] == [("data.style.address", 11)]


POLITE = [f"{n}階の閲覧室にございます。月曜日は休みです。" for n in range(1, 11)]


@pytest.mark.parametrize("text", ["二階の閲覧室にある。月曜日は休みだ。", "窓口で聞いてくれ。そこで分かる。"])
def test_a_plain_answer_among_polite_ones_is_advice(text: str) -> None:
    found = findings(Address(), answers([*POLITE, text]))
    assert [(one.code, one.line) for one in found] == [("data.style.address", 11)]


@pytest.mark.parametrize(
    "text", ["二階の閲覧室。月曜日は休み。", "「休みだ。」と書いてあります。", "休みだ。お気をつけください。", "図書館カード"]
)
def test_nouns_quotations_and_mixed_answers_have_no_form(text: str) -> None:
    assert findings(Address(), answers([*POLITE, text])) == []


@pytest.mark.parametrize(
    ("text", "form"), [("두 주 동안 빌릴 수 있습니다.", "니다·요"), ("두 주 동안 빌린다. 월요일은 쉰다.", "다")]
)
def test_korean_has_two_forms_too(text: str, form: str) -> None:
    assert politeness(text) == ("ko", form)


def test_another_mark_between_labels_is_found() -> None:
    lists = ["red, green", "green, blue", "blue", "red, blue", "green, red", "red", "blue, green", "green", "blue, red"]
    found = findings(ListAnswers(), answers([*lists, "red; green", "red, gren"]))
    assert [(one.code, one.line) for one in found] == [("data.format.separator", 10), ("data.labels.misspelt", 11)]


@pytest.mark.parametrize("text", ["Take one, then two.", "Well, that is a very long story; really", ""])
def test_a_sentence_is_no_list(text: str) -> None:
    assert split_list(text)[0] == ""
