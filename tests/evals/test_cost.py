from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from honekit.evals.cost import cost_report
from honekit.project import CostSection, Project, load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")
ARMS = {
    "base_few_shot": {"tokens_per_request": 1000, "seconds_per_request": 4.0, "correct_rate": 0.25},
    "tuned": {"tokens_per_request": 200, "seconds_per_request": 1.8, "correct_rate": 0.8},
    "classical": {"tokens_per_request": 0, "seconds_per_request": 0.001, "correct_rate": 0.0},
}


def priced(**prices: Any) -> Project:
    return IOT.model_copy(update={"cost": CostSection(**prices)})


def test_costs_follow_from_seconds_tokens_and_prices() -> None:
    report = cost_report(priced(machine_per_hour=1.0, alternative_per_million_tokens=0.6), 7200, ARMS)
    assert report["training"] == {"seconds": 7200, "cost": 2.0}
    assert report["arms"]["tuned"]["per_1000_requests"] == pytest.approx(0.5)
    assert report["arms"]["tuned"]["per_1000_correct"] == pytest.approx(0.625)
    assert report["alternative"]["per_1000_requests"] == pytest.approx(0.6)
    # 2.00 for training, 0.0001 saved with each request.
    even = pytest.approx(20_000, abs=1)
    assert report["break_even"] == {"tuned": {"requests": even, "earliest": even, "latest": even, "reason": None}}


def test_a_break_even_volume_has_the_range_of_seconds_and_tokens() -> None:
    arms = {**ARMS, "tuned": {**ARMS["tuned"], "seconds_interval": [1.62, 1.98]}}
    arms["base_few_shot"] = {**ARMS["base_few_shot"], "tokens_interval": (900, 1100)}
    report = cost_report(priced(machine_per_hour=1.0, alternative_per_million_tokens=0.6), 7200, arms)
    assert report["arms"]["tuned"]["per_1000_interval"] == pytest.approx([0.45, 0.55])
    assert report["alternative"]["per_1000_interval"] == pytest.approx([0.54, 0.66])
    off = math.hypot(0.05, 0.06)
    even = report["break_even"]["tuned"]
    assert (even["earliest"], even["latest"]) == (math.ceil(2000 / (0.1 + off)), math.ceil(2000 / (0.1 - off)))
    dearer = cost_report(priced(machine_per_hour=1.0, alternative_per_million_tokens=0.5), 7200, arms)
    assert dearer["break_even"]["tuned"]["latest"] is None and dearer["break_even"]["tuned"]["earliest"] is not None


def test_right_answers_of_an_arm_that_gives_none_have_no_price() -> None:
    arms = {"base": {"tokens_per_request": 10, "seconds_per_request": 1.0}, "classical": ARMS["classical"]}
    report = cost_report(IOT, 1, arms)
    assert report["arms"]["classical"]["per_1000_correct"] is None
    assert report["arms"]["base"]["per_1000_correct"] is None


@pytest.mark.parametrize("price", [0.5, 0.0])
def test_where_the_machine_costs_no_less_there_is_no_break_even_but_a_reason(price: float) -> None:
    report = cost_report(priced(machine_per_hour=1.0, alternative_per_million_tokens=price), 7200, ARMS)
    assert report["break_even"]["tuned"]["requests"] is None
    assert "no less" in report["break_even"]["tuned"]["reason"]


def test_without_the_prompted_arm_there_is_nothing_to_break_even_with() -> None:
    report = cost_report(IOT, 7200, {"tuned": ARMS["tuned"]})
    assert report["alternative"] is None
    assert report["break_even"]["tuned"]["requests"] is None
    assert "base_few_shot" in report["break_even"]["tuned"]["reason"]


def test_a_machine_for_nothing_has_paid_for_itself_at_once() -> None:
    report = cost_report(priced(machine_per_hour=0.0), 7200, ARMS)
    assert report["break_even"]["tuned"] == {"requests": 0, "earliest": 0, "latest": 0, "reason": None}


def test_break_even_is_the_first_volume_at_which_tuning_is_cheaper() -> None:
    report = cost_report(IOT, 777.0, ARMS)
    volume = report["break_even"]["tuned"]["requests"]
    own, hosted = (
        report["arms"]["tuned"]["per_1000_requests"] / 1000,
        report["alternative"]["per_1000_requests"] / 1000,
    )
    training = report["training"]["cost"]
    assert training + volume * own <= volume * hosted + 1e-12
    assert training + (volume - 1) * own > (volume - 1) * hosted
