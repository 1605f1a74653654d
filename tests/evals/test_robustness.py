"""Spoilt forms of a text: what they change, and what they leave."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.errors import EvalError
from honekit.evals.robustness import FORMS, INJECTION, by_form, spoilt_rows
from honekit.store.eval_items import Item
from honekit.store.evals import Entry

TEXT = "pump-17 lost its uplink. The relay of pump-17 was restarted twice; valve_3 stayed open."


def form(name: str, text: str = TEXT) -> str:
    return FORMS[name](text, random.Random(0))


def test_each_form_changes_what_it_names() -> None:
    assert form("case") == TEXT.upper()
    assert Counter(form("typos")) == Counter(TEXT) and form("typos") != TEXT
    assert sorted(form("order").split()) == sorted(TEXT.split())
    assert form("injection").startswith(TEXT) and INJECTION in form("injection")
    assert form("noise").replace("\t", "").split()[0] == "pump-17"
    renamed = form("names")
    assert renamed.count(renamed.split()[0]) == 2 and "pump-17" not in renamed and "valve_3" not in renamed


def test_lines_change_places_as_wholes() -> None:
    assert sorted(form("order", "a b\nc d\ne f").split("\n")) == ["a b", "c d", "e f"]


@given(st.text(max_size=80), st.sampled_from(sorted(FORMS)))
def test_a_form_is_the_same_every_time(text: str, name: str) -> None:
    assert form(name, text) == form(name, text)


def test_rows_are_multiplied_and_paraphrases_come_along() -> None:
    rows = spoilt_rows([Entry({"input": TEXT, "paraphrases": ["said otherwise"]}), Entry({"input": "x"})], "input")
    forms = [(row.item["source"], row.item["form"]) for row in rows]
    assert forms[0] == (0, "clean") and (0, "paraphrase") in forms and (1, "clean") in forms
    assert (1, "names") not in forms  # nothing to rename there
    with pytest.raises(EvalError) as caught:
        spoilt_rows([Entry({"input": TEXT})], "text")
    assert caught.value.code == "evals.no_text"


def test_each_form_is_compared_with_the_clean_texts() -> None:
    def item(source: int, kind: str, said: str, score: float) -> Item:
        result = {"name": "c", "type": "regex", "score": score, "passed": score == 1}
        sample = {"output": [{"content": said}]}
        return Item(f"{source}{kind}", "r", 0, {"source": source, "form": kind}, None, "pass", [result], sample, 0.0)

    items = [item(n, "clean", "yes", 1.0) for n in range(20)]
    items += [item(n, "case", "yes", 1.0) for n in range(20)] + [item(n, "typos", "no", 0.0) for n in range(20)]
    case, typos = by_form(items)
    assert (case.form, case.same_answer, case.compared[0].word) == ("case", 1.0, "no difference shown")
    assert (typos.same_answer, typos.compared[0].word) == (0.0, "worse")
