"""When a training has paid for itself: by hand, and with what the interval leaves open."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from honekit.data.prices import per_million_usd
from honekit.errors import EvalError
from honekit.evals.amounts import Amount, requests_until, typical_interval
from honekit.evals.answers import latency_of
from honekit.evals.arm_cost import cost_of_arm
from honekit.evals.benefit import benefit
from honekit.evals.cost import cost_report, list_price, measured_costs
from honekit.evals.measured_arms import ArmResult
from honekit.evals.measured_document import paybacks
from honekit.evals.payback import Payback, payback
from honekit.evals.rates import paired_rate_interval
from honekit.graders import Graded
from honekit.project import CostSection, Project, load_project

IOT = load_project(Path(__file__).parents[2] / "examples" / "iot-diagnostics")


def priced(**prices: Any) -> Project:
    return IOT.model_copy(update={"cost": CostSection(**prices)})


def answers(right: list[bool]) -> list[Graded]:
    return [Graded(str(number), (), {}, {"category": one}, {}) for number, one in enumerate(right)]


def paid(right: list[bool], rival: list[bool], upfront: float = 100.0, saved: float = 0.0, **prices: Any) -> Payback:
    return payback(priced(**prices), "tuned", "base", upfront, Amount(saved), answers(right), answers(rival)[::-1])


def test_the_range_is_that_of_the_paired_interval() -> None:
    right, rival = [True] * 80 + [False] * 20, [True] * 50 + [False] * 50
    found = paid(right, rival, value_per_corrected_error=0.5, requests_per_day=100)
    low, high = paired_rate_interval(30, 0, 100)
    assert found.corrected_per_1000 == pytest.approx(300)
    assert found.requests == 667  # 100 upfront, 0.30 * 0.50 gained with each request
    assert found.earliest == pytest.approx(100 / (0.5 * high), abs=1)
    assert found.latest == pytest.approx(100 / (0.5 * low), abs=1)
    assert found.days is not None and found.days[0] == pytest.approx(6.67)
    assert "after 667 requests, 6.7 days (95 % interval: " in found.sentence


def test_an_interval_that_holds_zero_may_never_pay() -> None:
    found = paid([True] * 22 + [False] * 18, [True] * 20 + [False] * 20, value_per_corrected_error=1)
    assert found.requests is not None and found.latest is None and found.earliest is not None
    assert found.sentence.endswith("to never).")


def test_without_a_value_the_prices_alone_count() -> None:
    found = paid([True] * 9 + [False], [False] * 10, saved=0.5)
    assert (found.requests, found.earliest, found.latest) == (200_000,) * 3
    assert found.sentence.endswith("by cheaper requests alone (too few requests were timed for a range).")
    dearer = paid([True] * 9 + [False], [False] * 10, saved=-0.5)
    assert dearer.requests is None and "never" in dearer.sentence
    # Nothing to pay back makes dearer requests no gain.
    assert [requests_until(0.0, gain) for gain in (-0.5, 0.0, 0.5)] == [None, 0, 0]


def test_answers_that_nobody_measured_bring_no_value() -> None:
    found = payback(priced(value_per_corrected_error=9), "tuned", "hosted", 10, Amount(1.0), answers([True]), None)
    assert found.corrected_per_1000 is None and found.requests == 10_000


def test_without_a_value_the_payback_has_the_range_of_the_prices() -> None:
    saved = Amount(2.0, (1.5, 2.2)) - Amount(1.0, (0.7, 1.3))
    assert saved.interval == pytest.approx((1 - 0.5831, 1 + 0.3606), abs=1e-3)  # both ends of both, by hand
    found = payback(priced(requests_per_day=1000), "tuned", "base", 10.0, saved, None, None)
    assert (found.requests, found.earliest, found.latest) == (10_000, 7350, 23_987)
    assert found.saved_interval == saved.interval
    assert found.sentence == (
        "tuned pays back 10.00 USD of training and labels against base after 10,000 requests, 10.0 days, by cheaper requests "
        "alone (95 % interval: 7,350 requests, 7.3 days to 23,987 requests, 24.0 days)."
    )
    cheap = payback(priced(), "tuned", "base", 0.00018, saved, None, None)
    assert cheap.sentence.startswith("tuned pays back 0.00018 USD of training")
    open_end = payback(priced(), "tuned", "base", 10.0, Amount(1.0, (-0.1, 2.0)), None, None)
    assert open_end.latest is None and open_end.sentence.endswith("5,000 requests to never).")
    dear = payback(priced(), "tuned", "base", 10.0, Amount(-1.0, (-2.0, -0.1)), None, None)
    assert dear.earliest is None and "its requests cost no less" in dear.sentence


def test_errors_and_prices_widen_the_range_together() -> None:
    right, rival = answers([True] * 80 + [False] * 20), answers([True] * 50 + [False] * 50)
    project = priced(value_per_corrected_error=0.5)
    exact = payback(project, "tuned", "base", 100.0, Amount(10.0), right, rival)
    found = payback(project, "tuned", "base", 100.0, Amount(10.0, (-90.0, 110.0)), right, rival)
    assert found.gain_per_1000 == exact.gain_per_1000 == pytest.approx(160)
    low, high = exact.gain_interval
    assert found.gain_interval == pytest.approx((160 - math.hypot(160 - low, 100), 160 + math.hypot(high - 160, 100)))


@pytest.mark.parametrize(("requests", "spread"), [(2, 0.3), (4, 0.05), (4, 0.8), (20, 0.5)])
def test_the_interval_of_the_seconds_holds_the_typical_request(requests: int, spread: float) -> None:
    draws = np.exp(np.random.default_rng(1).normal(0.0, spread, (4000, requests)))
    held = 0
    for seconds in draws:
        found = typical_interval(seconds.tolist())
        assert found is not None and found[0] <= np.median(seconds) <= found[1]
        held += found[0] <= 1.0 <= found[1]
    assert 0.935 <= held / 4000 <= 0.97
    assert typical_interval([1.0]) is None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60), st.floats(-1, 1), st.floats(0, 5))
def test_the_earliest_is_never_after_the_latest(pairs: list[tuple[bool, bool]], saved: float, value: float) -> None:
    found = paid([a for a, _ in pairs], [b for _, b in pairs], saved=saved, value_per_corrected_error=value)
    ends = [float("inf") if one is None else one for one in (found.earliest, found.requests, found.latest)]
    assert ends == sorted(ends)


def test_a_models_list_price_weighs_its_question_and_its_answer() -> None:
    question, answer = per_million_usd("gpt-4.1-mini", 100, 0), per_million_usd("gpt-4.1-mini", 100, 100)
    assert question is not None and answer is not None and 0 < question < answer
    assert list_price("gpt-4.1-mini", 100, 25) == pytest.approx(0.75 * question + 0.25 * answer)
    with pytest.raises(EvalError) as caught:
        list_price("no-such-model-anywhere", 100, 25)
    assert caught.value.code == "cost.no_price" and "genai-prices" in caught.value.what
    with pytest.raises(ValidationError):
        CostSection(currency="EUR", alternative_model="gpt-4.1-mini")


def test_a_runs_benefit_counts_labels_and_names_the_strongest_rival() -> None:
    arm = {"tokens_per_request": 100.0, "answer_tokens_per_request": 20.0, "seconds_per_request": 1.0}
    arms = {"classical": {**arm, "correct_rate": 0.5}, "base_few_shot": {**arm, "correct_rate": 0.6}}
    arms["tuned"] = {**arm, "correct_rate": 0.8}
    document = {
        "chosen_arm": "tuned",
        "data": {"counts": {"train": 60, "validation": 40, "test": 50}},
        "arms": {},
        "cost": {"training": {"seconds": 3600.0}, "arms": arms},
    }
    graded = {name: answers([n < 50 * arm["correct_rate"] for n in range(50)]) for name, arm in arms.items()}
    project = priced(machine_per_hour=2.0, label_per_example=1.0, value_per_corrected_error=0.1)
    found = benefit(project, document, graded)
    assert (found["labelling"], found["upfront"], found["against"]) == (100.0, 102.0, "base_few_shot")
    assert found["payback"]["base_few_shot"]["requests"] == 5100
    assert found["payback"]["classical"]["upfront"] == 2.0  # it needs the same labels
    assert found["payback"]["hosted"]["corrected_per_1000"] is None
    assert found["sentence"] == found["payback"]["base_few_shot"]["sentence"]
    with pytest.raises(EvalError) as caught:
        benefit(project, document, graded, "tuned_rag")
    assert caught.value.code == "eval.cost_arm"


def test_the_classical_arm_is_a_rival_also_of_runs_whose_costs_lack_it() -> None:
    arm = {"tokens_per_request": 100.0, "answer_tokens_per_request": 20.0, "seconds_per_request": 1.0}
    arms = {"base_few_shot": {**arm, "correct_rate": 0.5}, "tuned": {**arm, "correct_rate": 0.8}}
    classical = {"latency_ms_p50": 2.0, "correct_rate": 0.7, IOT.task.primary_metric: 0.7}
    document = {
        "chosen_arm": "tuned",
        "data": {"counts": {"train": 60, "validation": 40, "test": 50}},
        "arms": {"classical": classical},
        "cost": {"training": {"seconds": 3600.0}, "arms": arms},
    }
    rates = {"base_few_shot": 0.5, "tuned": 0.8, "classical": 0.7}
    graded = {name: answers([n < 50 * rate for n in range(50)]) for name, rate in rates.items()}
    found = benefit(priced(machine_per_hour=2.0, label_per_example=1.0), document, graded)
    assert found["against"] == "classical" and found["payback"]["classical"]["upfront"] == 2.0
    assert found["payback"]["classical"]["requests"] is None  # no request is cheaper than the classical model's


def test_a_runs_payback_has_the_range_of_its_own_times_and_tokens() -> None:
    timed = {"answer_tokens_per_request": 20.0, "latency_ms_p95": 9.0, IOT.task.primary_metric: 0.5, "correct_rate": 0.5}
    arms = {
        "base_few_shot": {**timed, "tokens_per_request": 900.0, "tokens_interval": [880, 920]},
        "tuned": {**timed, "tokens_per_request": 100.0, "tokens_interval": [90, 110]},
    }
    for seconds, arm in zip((2.0, 1.0), arms.values(), strict=True):
        arm |= latency_of([seconds, 0.9 * seconds, 1.1 * seconds])
    project = priced(machine_per_hour=2.0, alternative_per_million_tokens=5.0)
    document = {
        "chosen_arm": "tuned",
        "data": {"counts": {"train": 60, "validation": 40, "test": 50}},
        "arms": arms,
        "cost": json.loads(json.dumps(cost_report(project, 3600.0, measured_costs(project, arms)))),
    }
    found = benefit(project, document, {name: answers([True, False]) for name in arms})
    for rival in ("base_few_shot", "hosted"):
        one = found["payback"][rival]
        assert one["saved_interval"] is not None and one["earliest"] < one["requests"] < one["latest"]
        assert "95 % interval" in one["sentence"]


def test_an_arm_that_does_not_predict_the_primary_metric_has_no_cost_of_a_right_answer() -> None:
    timed: dict[str, Any] = {"latency_ms_p50": 2.0, "correct_rate": 0.0}
    assert measured_costs(IOT, {"classical": timed}) == {}
    timed |= {"latency_ms_p50_interval": [1.0, 4.0]}
    found = measured_costs(IOT, {"classical": {**timed, IOT.task.primary_metric: 0.4}})
    assert found["classical"]["seconds_interval"] == [0.001, 0.004]
    assert found["classical"]["tokens_per_request"] == 0 and found["classical"]["seconds_per_request"] == 0.002


def test_a_measurement_tells_payback_against_the_classical_model() -> None:
    def arm(name: str, seconds: float, right: int, **training: Any) -> ArmResult:
        graded = answers([n < right for n in range(50)])
        timed = {"seconds_per_request": seconds, "seconds_interval": (0.9 * seconds, 1.1 * seconds)}
        return ArmResult(name, "", graded, graded, **timed, **training)

    arms = {
        "few_shot": arm("few_shot", 2.0, 25),
        "classical": arm("classical", 0.001, 30, training_seconds=1.0, training_examples=60),
        "tuned_25": arm("tuned_25", 1.0, 35, training_seconds=900.0, training_examples=15),
        "tuned": arm("tuned", 1.0, 40, training_seconds=3600.0, training_examples=60),
    }
    project = priced(machine_per_hour=2.0, label_per_example=1.0, value_per_corrected_error=0.1)
    found = paybacks(project, arms, {name: cost_of_arm(project, one) for name, one in arms.items()})
    assert [(one["against"], one["upfront"]) for one in found["tuned"]] == [
        ("few_shot", pytest.approx(62.0)),
        ("classical", pytest.approx(2.0, abs=0.01)),
    ]
    assert found["tuned"][0]["saved_per_1000"] == pytest.approx(1000 * 2.0 / 3600)
    half = 1000 * math.hypot(0.2, 0.1) * 2.0 / 3600
    assert found["tuned"][0]["saved_interval"] == pytest.approx((0.5556 - half, 0.5556 + half), abs=1e-3)
    assert [one["against"] for one in found["tuned_25"]] == ["few_shot"]  # it costs less upfront: nothing to pay back


@pytest.mark.parametrize("price", [float("inf"), float("nan"), -0.1])
def test_a_price_is_a_number_from_0_on(price: float) -> None:
    with pytest.raises(ValidationError):
        CostSection(machine_per_hour=price)
