from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.data.generate.accept import Acceptance, Seen
from honekit.data.generate.asking import read_reply
from honekit.data.label import form_of_answers
from honekit.data.near.rule import near_duplicates

LABELS = form_of_answers(["bug", "bill"] * 3, is_strict=True)
OBJECTS = form_of_answers(['{"topic":"bug","n":1}', '{"topic":"bill","n":2}'] * 3, is_strict=True)
SEED = "the editor freezes whenever a second photo is placed on one page"


def record(text: str, answer: str = "bug") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        ("a voucher was refused at the till today", "bill", None),
        ("", "bill", "empty input or answer"),
        ("a voucher was refused at the till today", " ", "empty input or answer"),
        ("a voucher was refused at the till today", "Bill", "answer misses the form"),
        ("The editor freezes whenever a second photo is placed on one page!", "bug", "near duplicate of a seed"),
        ("my parcel number 12 waits at the depot since monday", "bill", "near duplicate of held-out data"),
    ],
)
def test_a_candidate_is_refused_for_its_first_fault(text: str, answer: str, reason: str | None) -> None:
    acceptance = Acceptance(LABELS, [SEED], ["my parcel number 77 waits at the depot since monday"])
    assert acceptance.refusal(text, answer) == reason


def test_two_alike_in_one_reply_pass_once() -> None:
    kept, refused = Acceptance(LABELS, [SEED]).sift([record("the price of plan 3 rose"), record("the price of plan 4 rose")])
    assert [r["messages"][0]["content"] for r in kept] == ["the price of plan 3 rose"]
    assert refused == {"near duplicate of a generated one": 1}


def test_what_an_earlier_run_accepted_is_remembered() -> None:
    acceptance = Acceptance(LABELS, [SEED])
    acceptance.remember("the price of plan 3 rose")
    assert acceptance.refusal("The price of plan 8 rose", "bill") == "near duplicate of a generated one"


def test_a_finding_of_the_check_refuses_a_candidate() -> None:
    broken = {
        "messages": [
            {"role": "user", "content": "a wish"},
            {"role": "tool", "content": "x"},
            {"role": "assistant", "content": "bug"},
        ]
    }
    kept, refused = Acceptance(LABELS, [SEED]).sift([broken, record("another wish of mine")])
    assert len(kept) == 1
    assert refused == {"finding data.roles.order": 1}


def test_a_strict_form_knows_the_values_and_fields_of_its_answers() -> None:
    assert OBJECTS.problems('{"topic":"bug","n":3}') == []
    for wrong in ('{"topic":"other","n":3}', '{"topic":"bug"}', '{"topic":"bug","n":3,"more":1}', '{"topic":"bug","n":"3"}'):
        assert OBJECTS.problems(wrong)


@given(st.lists(st.lists(st.sampled_from(["alpha", "bravo", "7", "echo-3"]), max_size=6).map(" ".join), max_size=8), st.data())
def test_asking_text_by_text_is_the_one_rule(texts: list[str], data: st.DataObject) -> None:
    asked = data.draw(st.sampled_from([*texts, "alpha bravo 9"]))
    assert Seen(texts).has_near(asked) == bool(near_duplicates(texts, [asked]))


@pytest.mark.parametrize("wrap", ["{}", "```json\n{}\n```", "Here they are: {} Enjoy!"])
def test_a_reply_is_read_out_of_what_stands_around_it(wrap: str) -> None:
    reply = json.dumps({"examples": [{"input": "a", "answer": "bug"}, {"input": "b", "answer": {"n": 1, "topic": "bug"}}]})
    assert read_reply(wrap.replace("{}", reply), OBJECTS) == [("a", "bug"), ("b", '{"topic":"bug","n":1}')]


@given(
    st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_any_reply_is_read_or_refused_without_a_crash(text: str) -> None:
    found = read_reply(text, LABELS)
    assert found is None or all(isinstance(a, str) and isinstance(b, str) for a, b in found)
