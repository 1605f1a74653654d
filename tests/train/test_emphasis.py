"""Loss weights of single fields: the tokens of their values and no others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from honekit.train.emphasis import emphasise, value_spans

TOKENIZER = tiny.tokenizer()


def weighed(answer: str, weights: dict[str, float], before: str = "q ") -> str:
    """The text of the tokens whose weight was changed."""
    prompt, ids = TOKENIZER.encode(before).ids, [*TOKENIZER.encode(answer).ids, tiny.END]
    token_ids, own = [*prompt, *ids, 5, 6], [0.0] * len(prompt) + [1.0] * len(ids) + [0.0, 0.0]
    changed = emphasise(token_ids, own, weights, TOKENIZER)
    assert len(changed) == len(own)
    assert all(new == old for new, old in zip(changed, own, strict=True) if old == 0)
    assert set(changed) <= {0.0, 1.0, *weights.values()}
    return TOKENIZER.decode([t for t, w in zip(token_ids, changed, strict=True) if w not in (0.0, 1.0)])


def test_the_values_of_the_named_fields_are_weighed() -> None:
    answer = json.dumps({"kind": "Power", "note": "kind: Power", "list": ["a", "b"], "n": 12}, separators=(",", ":"))
    assert weighed(answer, {"kind": 4.0}) == "Power"
    assert weighed(answer, {"list": 2.0}) == '["a","b"]'
    assert weighed(answer, {"n": 0.5}) == "12"
    assert weighed(answer, {"absent": 4.0}) == ""


def test_every_answer_of_a_conversation_is_weighed_by_itself() -> None:
    ids = TOKENIZER.encode('{"a":"x"}').ids
    row, weights = [*ids, 3, *ids], [1.0] * len(ids) + [0.0] + [1.0] * len(ids)
    changed = emphasise(row, weights, {"a": 3.0}, TOKENIZER)
    assert changed[: len(ids)] == changed[len(ids) + 1 :]
    assert changed.count(3.0) == 2


@pytest.mark.parametrize("answer", ["plain words", '["a"]', '{"kind": "Po', '{"kind" "x"}', ""])
def test_what_is_no_object_stays_as_it_is(answer: str) -> None:
    assert weighed(answer, {"kind": 4.0}) == ""


SHORT = st.text(max_size=8)


@given(
    st.dictionaries(SHORT, st.recursive(st.none() | st.booleans() | st.integers() | SHORT, st.lists, max_leaves=8), max_size=4)
)
def test_spans_hold_the_values_of_any_object(value: dict[str, object]) -> None:
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(value, separators=separators, ensure_ascii=False)
        spans = value_spans(text + "<|im_end|>")
        assert spans.keys() == value.keys()
        for name, (first, last) in spans.items():
            whole = f'"{text[first:last]}"' if isinstance(value[name], str) else text[first:last]
            assert json.loads(whole) == value[name]


@given(st.text(max_size=30), st.text(alphabet="abc 12x", max_size=8))
def test_characters_of_several_tokens_before_it_do_not_shift_the_span(before: str, value: str) -> None:
    answer = json.dumps({"other": before, "kind": value}, ensure_ascii=False)
    assert weighed(answer, {"kind": 4.0}) == value
