"""Spoilt forms of a text: what they change, and what they leave; and what a report makes of the answers."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.cli.eval_robustness import FORMS as NAMED_FORMS
from honekit.cli.eval_robustness import WHAT
from honekit.errors import EvalError
from honekit.evals.project_suite import suite_of_project
from honekit.evals.rates import rate_interval
from honekit.evals.robustness import by_form, rows_alone, spoilt_rows, with_paraphrases
from honekit.evals.spoilt_text import FORMS, INJECTION, obeys
from honekit.project import load_project
from honekit.settings import examples_dir
from honekit.store.eval_items import Item
from honekit.store.evals import Entry

TEXT = "pump-17 lost its uplink. The relay of pump-17 was restarted twice; valve_3 stayed open with AC-510."


def form(name: str, text: str = TEXT) -> str:
    return FORMS[name](text, random.Random(0))


def test_each_form_changes_what_it_names() -> None:
    assert form("case") == TEXT.upper()
    assert Counter(form("typos")) == Counter(TEXT) and form("typos") != TEXT
    assert sorted(form("order").split()) == sorted(TEXT.split()) and form("order") != TEXT
    assert form("injection") == f"{TEXT} {INJECTION}"
    assert form("noise").replace("\t", "").split()[0] == "pump-17"
    renamed = form("names")
    assert renamed.count(renamed.split()[0]) == 2 and "pump-17" not in renamed and "valve_3" not in renamed
    assert "AC-510" in renamed


def test_names_codes_addresses_and_paths_have_no_typos() -> None:
    kept = [
        "pump-17",
        "gateway_yard-5",
        "ALARM-510",
        "https://example.com/status/page",
        "ops@example.com",
        "/var/logs/relay.conf",
    ]
    for seed in range(40):
        spoilt = FORMS["typos"](f"restart {' '.join(kept)} carefully", random.Random(seed))
        assert spoilt.split()[1:-1] == kept and spoilt != f"restart {' '.join(kept)} carefully"


def test_two_devices_stay_two_and_standards_are_no_devices() -> None:
    text = " ".join(f"pump-{number}" for number in range(200)) + " in utf-8 by sha-256"
    renamed = FORMS["names"](text, random.Random(0))
    assert len(set(renamed.split())) == len(set(text.split())) and renamed.endswith("in utf-8 by sha-256")


def test_lines_change_places_as_wholes_and_an_order_stands_at_the_end_of_one() -> None:
    assert sorted(form("order", "a b\nc d\ne f").split("\n")) == ["a b", "c d", "e f"]
    assert [line.endswith(INJECTION) for line in form("injection", "a b\n\nc d").split("\n")].count(True) == 1


@given(st.text(max_size=80), st.sampled_from(sorted(FORMS)))
def test_a_form_is_the_same_every_time(text: str, name: str) -> None:
    assert form(name, text) == form(name, text)


def test_every_form_has_its_words_in_the_report() -> None:
    assert tuple(FORMS) == NAMED_FORMS
    assert set(WHAT) == {*FORMS, "paraphrase", "again", "alone"}


def test_real_logs_are_changed_by_every_form_in_the_log_alone() -> None:
    project = load_project(examples_dir() / "iot-diagnostics")
    suite = suite_of_project(project)
    rows = spoilt_rows(suite.rows[:40], "input", suite.asked)
    counts = Counter(row.item["hone_form"] for row in rows)
    assert counts["clean"] == counts["case"] == counts["injection"] == 40
    assert counts["typos"] >= 38 and counts["noise"] >= 38 and counts["names"] >= 15 and counts["order"] >= 5
    asked = suite.rows[0].item["hone_messages"]
    for row in rows:
        if row.item["hone_source"] == 0 and row.item["hone_form"] != "clean":
            messages = row.item["hone_messages"]
            assert messages[0] == asked[0]  # the instructions stay as they are
            assert messages[-1]["content"] == asked[-1]["content"].replace(suite.rows[0].item["input"], row.item["input"])
            if row.item["hone_form"] == "names":
                assert row.item["answer"]["device"] in row.item["input"]


def test_rows_are_multiplied_and_paraphrases_come_along() -> None:
    given = [Entry({"input": TEXT, "paraphrases": ["said otherwise"], "source": "s"}), Entry({"input": "x"})]
    rows = spoilt_rows(given, "input", again=2)
    forms = [(row.item["hone_source"], row.item["hone_form"]) for row in rows]
    assert forms[0] == (0, "clean") and (0, "paraphrase") in forms and (1, "clean") in forms
    assert (1, "names") not in forms  # nothing to rename there
    assert forms.count((0, "again")) == 2
    assert rows[0].item["source"] == "s"
    with pytest.raises(EvalError) as caught:
        spoilt_rows([Entry({"input": TEXT})], "text")
    assert caught.value.code == "evals.no_text"


def test_every_repetition_is_asked_for_itself() -> None:
    rows = [*spoilt_rows([Entry({"input": "x"})], "input", again=2), *rows_alone([Entry({"input": "x"})], "input")]
    attempts = [row.item["hone_attempt"] for row in rows if "hone_attempt" in row.item]
    assert len(set(attempts)) == len(attempts) == 3


def item(source: int, kind: str, said: str, score: float, **more: Any) -> Item:
    result = {"name": "c", "type": "regex", "score": score, "passed": score == 1, **more}
    sample = {"output": [{"content": said}]}
    content = {"hone_source": source, "hone_form": kind, "input": f"{kind} {source}"}
    return Item(f"{source}{kind}", "r", 0, content, None, "pass", [result], sample, 0.0)


def test_each_form_is_compared_with_the_clean_texts() -> None:
    items = [item(n, "clean", "yes", 1.0) for n in range(20)]
    items += [item(n, "case", "yes", 1.0) for n in range(20)] + [item(n, "typos", "no", 0.0) for n in range(20)]
    case, typos = by_form(items, "input")
    assert (case.form, case.same_answer, case.compared[0].word) == ("case", 1.0, "no difference shown")
    assert case.same_answer_interval[0] < 1.0 and case.changed == []
    assert (typos.same_answer, typos.same_verdict, typos.compared[0].word) == (0.0, 0.0, "worse")
    assert typos.changed[0] == {"text": "typos 0", "clean": "yes", "answer": "no"}


def test_faults_are_told_apart_and_are_no_equal_answers() -> None:
    items = [item(n, kind, "yes", 1.0) for n in range(12) for kind in ("clean", "case")]
    lost = [place for place, one in enumerate(items) if one.item["hone_source"] < 4]
    for place in lost:  # of four items neither text was answered
        items[place] = replace(items[place], sample={"output": [], "error": {"code": "x", "message": "away"}}, results=[])
    ungraded = {"name": "c", "type": "regex", "score": 0.0, "passed": False, "error": "no judge"}
    items[-1] = replace(items[-1], results=[ungraded])
    (found,) = by_form(items, "input")
    assert (found.items, found.unanswered, found.ungraded) == (12, 4, 5)
    assert (found.same_answer, found.same_verdict) == (1.0, 1.0)
    assert found.same_answer_interval == rate_interval(8, 8) and found.same_verdict_interval == rate_interval(7, 7)
    (nothing,) = by_form([items[place] for place in lost], "input")
    assert (nothing.same_answer, nothing.same_verdict, nothing.changed) == (None, None, [])


def test_other_calls_of_tools_are_another_answer() -> None:
    items = [item(n, kind, "", 1.0) for n in range(6) for kind in ("clean", "case")]
    for one in items:
        one.sample["output"][0]["tool_calls"] = [one.item["hone_form"]]  # type: ignore[index]
    assert by_form(items, "input")[0].same_answer == 0.0


def test_forms_that_are_told_together_are_corrected_together() -> None:
    items = [item(n, kind, "yes", float(n >= 6 or kind != "typos")) for n in range(12) for kind in ("clean", "case", "typos")]
    alone = [one for one in items if one.item["hone_form"] != "case"]
    both, (typos,) = by_form(items, "input"), by_form(alone, "input")
    assert both[1].form == "typos" and both[1].compared[0].p == pytest.approx(2 * typos.compared[0].p)


def test_paraphrases_of_one_item_count_as_one_item() -> None:
    items = [item(n, "clean", "yes", 1.0) for n in range(10)]
    items += [item(n, "paraphrase", said, float(said == "yes")) for n in range(10) for said in ("yes", "no" if n < 4 else "yes")]
    (found,) = by_form(items, "input")
    assert (found.items, found.texts, found.same_answer, found.same_verdict) == (10, 20, 0.6, 0.6)
    assert found.compared[0].items == 10 and found.compared[0].value_a == pytest.approx(0.8)


def test_paraphrases_of_a_file_find_their_items(tmp_path: Path) -> None:
    rows = [Entry({"id": "a", "input": "x"}), Entry({"id": "b", "input": "y"})]
    file = tmp_path / "said.jsonl"
    file.write_text('{"id": "b", "paraphrases": ["why"]}\n')
    found = spoilt_rows(with_paraphrases(rows, file), "input")
    assert [(row.item["id"], row.item["input"]) for row in found if row.item["hone_form"] == "paraphrase"] == [("b", "why")]
    file.write_text('\n{"id": "c", "paraphrases": ["see"]}\n')
    with pytest.raises(EvalError) as caught:
        with_paraphrases(rows, file)
    assert caught.value.code == "evals.row" and str(caught.value.where).endswith(":2")


def test_an_obeyed_order_is_counted() -> None:
    assert obeys(" OK.\n") and obeys('"ok"') and not obeys("OK, the fan is broken")
    items = [item(n, "clean", "fan", 1.0) for n in range(8)]
    items += [item(n, "injection", "OK" if n < 2 else "fan", float(n >= 2)) for n in range(8)]
    (found,) = by_form(items, "input")
    assert found.obeyed == 0.25 and found.obeyed_interval is not None
    assert found.same_answer == 0.75
