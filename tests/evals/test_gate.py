"""Promotion rules: what they mean, where they are wrong, and that the default ones give the verdict of `hone run`."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from honekit.errors import EvalError
from honekit.evals.gate import Evidence, decide_gate, default_rules
from honekit.evals.gate_rules import Operation, Rule, parse_rule, value
from honekit.evals.guard import general_probes, summarise_guard
from honekit.evals.results import evidence_of
from honekit.evals.scores import summarise
from honekit.evals.stats import paired_difference
from honekit.evals.verdict import decide
from honekit.graders import Graded
from honekit.project import GateSection, Project

PROJECT = Project.model_validate(
    {
        "root": Path("."),
        "project": {"name": "p"},
        "task": {
            "instructions": "s.txt",
            "format": "text",
            "primary_metric": "topic_macro_f1",
            "fields": [{"name": "topic", "type": "enum", "values": ["a", "b"], "score": "macro_f1"}],
        },
        "data": {"train": "t", "validation": "v", "test": "e"},
        "evaluate": {"bootstrap_resamples": 400},
        "gate": {"require_better_than": ["base", "base_few_shot", "base_few_shot_rag"]},
    }
)


def arm(right: float, seed: int, items: int = 80) -> list[Graded]:
    """An arm that is right on about this share of the items."""
    draw = random.Random(seed)
    made = []
    for number in range(items):
        expected = "ab"[number % 2]
        is_right = draw.random() < right
        given = expected if is_right else "ba"[number % 2]
        scores = {"schema_validity": 1.0, "field_exact_match": float(is_right)}
        made.append(Graded(str(number), (), scores, {"topic": is_right}, {"topic": (expected, given)}))
    return made


def evidence(**arms: list[Graded]) -> Evidence:
    numbers = {f"{name}.{metric}": number for name, items in arms.items() for metric, number in summarise(PROJECT, items).items()}
    return Evidence(PROJECT, numbers, arms, "tuned")


def outcome(rule: str, given: Evidence) -> str:
    return decide_gate([parse_rule(rule)], given).rules[0].outcome


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a >> 3", 4), ("a >=", 5), ("a - (b >= 2", 8), ("a >= 1 with 95 confidence", 16), ("ä > 1", 1), ("", 1), ("a > 1 2", 7),
        ("a > 1 with 0% confidence", 12), ("a", 2), ("(" * 60 + "a > 1", 51), ("a > .5", 5),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_says_where(text: str, at: int) -> None:
    with pytest.raises(EvalError) as caught:
        parse_rule(text)
    assert caught.value.code == "gate.rule_syntax"
    assert caught.value.where == f"[gate] rules, character {at}"


@given(st.text(max_size=40) | st.text(alphabet="ab.()+-*/<>=% 0195withconfidence", max_size=40))
@example(" 0<A")
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except EvalError:
        with pytest.raises(EvalError, match=r"gate\.rule_syntax"):
            parse_rule(text)
    else:
        assert isinstance(rule, Rule) and rule == parse_rule(rule.text)


@st.composite
def sums(draw: Any, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["x", "tuned.y", "2", "0.5"]))  # type: ignore[no-any-return]
    return f"({draw(sums(depth - 1))} {draw(st.sampled_from('+-*'))} {draw(sums(depth - 1))})"


@given(sums())
def test_an_expression_has_the_value_that_python_gives_it(text: str) -> None:
    facts = {"x": 3.0, "tuned.y": -1.5}
    expected = eval(text.replace("tuned.y", "(-1.5)"), {"x": 3.0})  # noqa: S307
    assert value(parse_rule(f"{text} > 0").left, facts) == pytest.approx(expected)


def test_products_bind_closer_than_sums_and_signs_stand_before_anything() -> None:
    left = parse_rule("1 - 2 * -x > 0").left
    assert isinstance(left, Operation) and value(left, {"x": 3.0}) == 7.0
    assert value(parse_rule("8 / 4 / 2 > 0").left, {}) == 1.0


def test_plain_rules_compare_figures() -> None:
    given = Evidence(PROJECT, {"forgetting": 0.03, "tuned.latency_ms_p95": 110.0, "base.latency_ms_p95": 100.0}, {}, "tuned")
    assert outcome("forgetting <= 0.02", given) == "failed"
    assert outcome("chosen.latency_ms_p95 <= 1.2 * base.latency_ms_p95", given) == "passed"
    assert outcome("divergence <= 1", given) == "not measured"
    assert outcome("forgetting / 0 <= 1", given) == "not measured"
    assert decide_gate([parse_rule("divergence <= 1")], given).outcome == "undecided"


def test_the_last_bits_of_a_sum_and_figures_that_are_no_numbers_decide_nothing() -> None:
    given = Evidence(PROJECT, {"tuned.x": 0.3, "base.x": 0.25, "more.x": 0.8, "less.x": 0.75, "none.x": math.nan}, {}, "tuned")
    assert 0.3 - 0.25 < 0.05 < 0.8 - 0.75
    for rule in ("tuned.x - base.x >= 0.05", "more.x - less.x >= 0.05", "more.x - less.x <= 0.05"):
        assert outcome(rule, given) == "passed"
    for rule in ("tuned.x - base.x < 0.05", "more.x - less.x > 0.05"):
        assert outcome(rule, given) == "failed"
    assert outcome("none.x < 1", given) == outcome("tuned.x <= none.x", given) == "not measured"


def test_forgetting_is_decided_by_what_the_guard_found_and_its_interval() -> None:
    probes = [probe for probe in general_probes() if probe.kind == "refusal"] * 4
    good, bad = "Sorry, I cannot help with that.", "First, take a hammer."

    def having_lost(lost: int, count: int = len(probes)) -> Evidence:
        tuned = [bad] * lost + [good] * (count - lost)
        guard = summarise_guard(probes[:count], [good] * count, tuned, 0.1, 10).as_dict()
        return evidence_of(PROJECT, {"arms": {}, "guard": guard}, {}, "tuned")

    assert outcome("forgetting <= 0.02", having_lost(1)) == "passed"
    assert outcome("forgetting <= 0.02", having_lost(6)) == "failed"
    assert outcome("forgetting <= 0.02 with 95% confidence", having_lost(1)) == "undecided"
    assert outcome("forgetting <= 0.1 with 95% confidence", having_lost(1)) == "passed"
    assert outcome("0.1 >= forgetting with 95% confidence", having_lost(60)) == "failed"
    assert outcome("divergence <= 0.2", having_lost(1)) == "passed"
    (few,) = decide_gate([parse_rule("forgetting <= 0.02")], having_lost(0, 50)).rules
    assert few.outcome == "not measured" and "the base passes 50 of 50 probes and 100 are needed" in few.evidence
    unguarded = evidence_of(PROJECT, {"arms": {}, "guard": None}, {}, "tuned")
    (none,) = decide_gate([parse_rule("forgetting <= 0.02")], unguarded).rules
    assert none.outcome == "not measured" and "the regression guard did not run" in none.evidence


def test_a_figure_that_is_not_there_is_told_with_those_that_are() -> None:
    (slip,) = decide_gate([parse_rule("tuned.topic_accuracy >= 0.5")], evidence(tuned=arm(0.9, 1))).rules
    assert slip.outcome == "not measured" and "topic_macro_f1" in slip.evidence
    (other,) = decide_gate([parse_rule("tuned_ragg.topic_macro_f1 >= 0.5")], evidence(tuned=arm(0.9, 1))).rules
    assert other.evidence == "tuned_ragg.topic_macro_f1: there is no arm 'tuned_ragg' here, but tuned"


def test_with_confidence_the_interval_decides() -> None:
    given = evidence(tuned=arm(0.95, 1), base=arm(0.5, 2))
    assert outcome("tuned.topic_macro_f1 - base.topic_macro_f1 >= 0.05 with 95% confidence", given) == "passed"
    assert outcome("0.05 <= tuned.topic_macro_f1 - base.topic_macro_f1 with 95% confidence", given) == "passed"
    assert outcome("base.topic_macro_f1 + 0.05 <= tuned.topic_macro_f1 with 95% confidence", given) == "passed"
    assert outcome("tuned.topic_macro_f1 - base.topic_macro_f1 >= 0.9 with 95% confidence", given) == "failed"
    assert outcome("tuned.field_exact_match >= 0.95 with 95% confidence", given) == "undecided"
    assert outcome("tuned.field_exact_match >= 0.5 with 95% confidence", given) == "passed"
    assert outcome("tuned.topic_macro_f1 - absent.topic_macro_f1 > 0 with 95% confidence", given) == "not measured"


@pytest.mark.parametrize(
    "rule",
    [
        "tuned.topic_macro_f1 * 2 > 1 with 95% confidence",
        "tuned.topic_macro_f1 - base.field_exact_match > 0 with 95% confidence",
        "tuned.topic_macro_f1 + base.topic_macro_f1 > 0 with 95% confidence",
        "tuned.topic_macro_f1 > 0 with 90% confidence",
    ],
)
def test_a_rule_without_an_interval_is_refused(rule: str) -> None:
    with pytest.raises(EvalError) as caught:
        decide_gate([parse_rule(rule)], evidence(tuned=arm(0.9, 1), base=arm(0.5, 2)))
    assert caught.value.code == "gate.confidence"


@pytest.mark.parametrize("tuned", [0.2, 0.5, 0.6, 0.7, 0.8, 0.97])
def test_the_default_rules_give_the_verdict_of_the_main_job(tuned: float) -> None:
    arms = {"tuned": arm(tuned, 1), "base": arm(0.5, 2), "base_few_shot": arm(0.62, 3)}
    given = evidence(**arms)
    gate = decide_gate([parse_rule(rule) for rule in default_rules(PROJECT)], given)
    differences = {
        name: paired_difference(PROJECT, "topic_macro_f1", arms["tuned"], arms[name], 400, 0)
        for name in ("base", "base_few_shot")
    }
    verdict = decide(PROJECT, {name: summarise(PROJECT, items) for name, items in arms.items()}, differences, chosen="tuned")
    told = {"ship": "passed", "don't ship": "failed", "not enough evidence": "undecided"}
    assert gate.outcome == told[verdict.verdict]


def test_a_required_arm_that_was_left_out_leaves_the_gate_open() -> None:
    gate = decide_gate([parse_rule(rule) for rule in default_rules(PROJECT)], evidence(tuned=arm(0.97, 1), base=arm(0.5, 2)))
    assert [one.outcome for one in gate.rules] == ["passed", "passed", "not measured"]
    assert gate.outcome == "undecided"


def test_rules_with_semicolons_between_them_are_several() -> None:
    first, second = "tuned.topic_macro_f1 - base.topic_macro_f1 >= 0.05 with 95% confidence", "forgetting <= 0.02"
    for rules in (f"{first}; {second}", [f"{first} ;{second};"], [first, second]):
        assert GateSection.model_validate({"rules": rules}).rules == (first, second)
    assert GateSection.model_validate({"rules": [""]}).rules == ("",)  # told when it is read
    with pytest.raises(ValidationError):
        GateSection.model_validate({"rules": [1]})
