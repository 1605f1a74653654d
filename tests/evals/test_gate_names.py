from __future__ import annotations

from typing import Any

import pytest
from tests.evals.test_gate import PROJECT

from honekit.errors import EvalError
from honekit.evals.gate_names import arms_of, project_rules
from honekit.project import GateSection, Project


def with_rules(*rules: str, **changes: Any) -> Project:
    return PROJECT.model_copy(update={"gate": GateSection(rules=rules), **changes})


@pytest.mark.parametrize(
    ("rule", "at", "told"),
    [
        ("tuned.category_macro_f1 >= 0.8", 1, "tuned has no metric 'category_macro_f1'"),
        ("0.8 <= tunde.topic_macro_f1", 8, "no arm 'tunde'"),
        ("tuned_rag.topic_macro_f1 >= 0.8", 1, "no arm 'tuned_rag' without documents for [retrieval]"),
        ("classical.topic_macro_f1 >= 0.8", 1, "no arm 'classical'"),
        ("tuned.latency_ms_p99 <= 100", 1, "latency_ms_p99"),
        ("0.02 >= forgeting", 9, "there is no figure 'forgeting'"),
    ],
)
def test_a_rule_that_names_what_the_project_does_not_have_says_where(rule: str, at: int, told: str) -> None:
    with pytest.raises(EvalError) as caught:
        project_rules(with_rules("forgetting <= 0.02", rule))
    fault = caught.value
    assert (fault.code, fault.where) == ("gate.rule_unknown", f"[gate] rules, character {at}")
    assert told in fault.what and fault.what.endswith(f"{rule}\n{' ' * (at - 1)}^")
    assert fault.mend and ("topic_macro_f1" in fault.mend or "tuned" in fault.mend or "forgetting" in fault.mend)


@pytest.mark.parametrize(
    "rule",
    ["tuned.latency_ms_p95 <= 100 with 95% confidence", "divergence <= 1 with 95% confidence",
     "tuned.topic_macro_f1 * 2 > 1 with 95% confidence", "forgetting <= 0.02 with 99% confidence"],
)  # fmt: skip
def test_a_rule_without_an_interval_is_told_at_once(rule: str) -> None:
    with pytest.raises(EvalError) as caught:
        project_rules(with_rules(rule))
    assert caught.value.code == "gate.confidence"


def test_rules_on_what_there_is_are_taken() -> None:
    rules = (
        "chosen.topic_macro_f1 - base.topic_macro_f1 >= 0.05 with 95% confidence",
        "tuned.latency_ms_p95 <= 1.2 * base.latency_ms_p95",
        "forgetting <= 0.02 with 95% confidence",
        "divergence <= 0.5",
    )
    assert [rule.text for rule in project_rules(with_rules(*rules))] == list(rules)


@pytest.mark.parametrize("score", ["macro_f1", "none"])
def test_the_classical_arm_has_figures_of_the_fields_that_it_predicts(score: str) -> None:
    fields = [
        {"name": "topic", "type": "enum", "values": ["a", "b"], "score": "macro_f1", "classical": True},
        {"name": "side", "type": "enum", "values": ["l", "r"], "score": score},
    ]
    task = {**PROJECT.task.model_dump(), "format": "json", "fields": fields}
    classical = arms_of(Project.model_validate({**PROJECT.model_dump(), "root": PROJECT.root, "task": task}))["classical"]
    assert "topic_macro_f1" in classical and "side_macro_f1" not in classical and "json_validity" not in classical
    assert ("field_exact_match" in classical) == (score == "none")
