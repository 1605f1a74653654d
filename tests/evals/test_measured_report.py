"""The page of a measured decision, made from a small document."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.evals.measured_report import render_measurement

EVIL = "<script>alert(1)</script>"


def arm(score: float, cost: float) -> dict[str, Any]:
    scores = {"scores": {"accuracy": score}, "intervals": {"accuracy": [score - 0.1, score + 0.05]}}
    return {
        "what": f"an arm {EVIL}",
        "tried": [{"prompt": "system.txt", "demonstrations": [], "accuracy": score}],
        "validation": scores,
        "test": scores,
        "seconds_per_request": 0.2,
        "tokens_per_request": 100.0,
        "cost": {"per_1000_requests": cost, "per_1000_correct": None, "training": 0.0, "over_requests": 100 * cost},
    }


def document(choice: str | None, settled: bool = True) -> dict[str, Any]:
    standings = [
        {"arm": name, "status": status, "complete": True, "p": 0.01, "examples_needed": None}
        for name, status in (("classical", "worse"), ("prompt", "open"), ("tuned", "not worse"))
    ]
    return {
        "project": "tickets",
        "created_at": "2026-01-02T03:04:05Z",
        "primary_metric": "accuracy",
        "margin": 0.02,
        "requests": 100_000,
        "currency": "USD",
        "examples": {"validation": 30, "validation_of": 30, "test": 40, "test_of": 80},
        "choice": choice,
        "settled": settled,
        "reasons": [f"the first reason {EVIL}"],
        "selection": {"standings": standings, "best": "tuned"},
        "confirmation": None,
        "noise": [],
        "arms": {"classical": arm(0.5, 0.0004), "prompt": arm(0.6, 0.02), "tuned": arm(0.9, 0.01)},
        "payback": {},
        "seeds": None,
        "learning_curve": None,
    }


@pytest.mark.parametrize(
    ("choice", "settled", "title", "kind"),
    [
        ("tuned", True, "✓ tuned", "ship"),
        ("tuned", False, "? tuned, unless a cheaper arm", "not-enough-evidence"),
        (None, False, "? Not enough evidence", "not-enough-evidence"),
    ],
)
def test_the_verdict_stands_first_and_the_page_has_the_look_of_all_reports(
    choice: str | None, settled: bool, title: str, kind: str
) -> None:
    html = render_measurement(document(choice, settled))
    assert f'<header class="verdict {kind}">' in html and title in html
    assert "--paper:" in html and ".scroll {" in html, "the shared stylesheet is missing"
    assert EVIL not in html and html.count("<script>") == 1


def test_arms_come_cheapest_first_with_the_digits_that_tell_their_costs_apart() -> None:
    html = render_measurement(document("tuned"))
    table = html[html.index('id="arms"') :]
    assert table.index("classical") < table.index("tuned") < table.index("prompt")
    assert all(text in table for text in ("0.00040", "0.01000", "0.02000"))


def test_a_providers_price_is_told_once_with_where_it_is_from() -> None:
    shown = document("tuned")
    shown["arms"] |= {name: arm(0.7, 0.03) for name in ("api_prompt", "api_few_shot")}
    shown["selection"]["standings"] += [
        {"arm": name, "status": "open", "complete": True, "p": 0.2, "examples_needed": 90}
        for name in ("api_prompt", "api_few_shot")
    ]
    for name in ("api_prompt", "api_few_shot"):
        shown["arms"][name]["cost"]["price_from"] = "list price of some-model, genai-prices 1.2.3"
    assert render_measurement(shown).count("Price of the provider: list price of some-model, genai-prices 1.2.3.") == 1
    assert "Price of the provider" not in render_measurement(document("tuned"))


def test_a_curve_names_its_own_file_and_leaves_out_what_it_has_nothing_to_say_about() -> None:
    curve = {**document(None, settled=False), "payback": {"tuned": []}}
    page = render_measurement(curve, "curve.json")
    assert "<code>curve.json</code> beside it" in page
    assert "When training pays" not in page
    paying = {**curve, "payback": {"tuned": [{"sentence": "tuned pays from 9 requests on"}]}}
    assert "<li>tuned pays from 9 requests on</li>" in render_measurement(paying)
