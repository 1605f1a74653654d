"""What is left of a measurement: corrected by the steps that ended, kind by kind, and not by what was kept from before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.pipeline.measure_clock import Clock, Step

STEPS = [
    Step("A/A", "free", 100, 50),
    Step("prompt", "free", 200, 100),
    Step("tuned_50", "training", 60),
    Step("tuned_50", "short", 10, 40),
    Step("tuned", "training", 120),
]


def test_before_the_first_step_the_estimate_stands() -> None:
    assert Clock(STEPS).remaining_s() == 490


def test_a_step_corrects_those_of_its_kind_and_no_others() -> None:
    clock = Clock(STEPS)
    told = clock.ended("A/A", "free", 50, 50)
    assert clock.remaining_s() == 100 + 60 + 10 + 120
    assert told == "A/A: 50.0 s, 100.0 s expected; about 4 min 50 s left"
    clock.ended("tuned_50", "training", 90, 1)
    assert clock.remaining_s() == pytest.approx(100 + 10 + 180)


def test_kept_answers_are_no_sign_of_speed() -> None:
    clock = Clock(STEPS)
    clock.ended("A/A", "free", 40, 10)  # a fifth of its answers was missing: 20 s were expected for these
    assert clock.factor("free") == 2 and clock.remaining_s() == 400 + 190
    assert clock.ended("prompt", "free", 0.01, 0) == "prompt: kept from before; about 3 min 10 s left"
    assert clock.factor("free") == 2
    clock.ended("tuned_50", "training", 0.01, 0)
    assert clock.factor("training") == 1


def test_the_last_step_leaves_nothing_and_one_without_an_estimate_says_nothing() -> None:
    clock = Clock([Step("prompt", "free", 2, 4)])
    assert clock.ended("api_prompt", "free", 3, 4) is None
    assert clock.ended("prompt", "free", 3, 4) == "prompt: 3.0 s, 2.0 s expected"
    assert clock.remaining_s() == 0


@given(st.floats(0.1, 10), st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=2, max_size=6))
def test_a_machine_that_is_steadily_off_is_foretold_rightly_after_one_step(off: float, sizes: list[tuple[int, int]]) -> None:
    steps = [Step(str(number), "free", seconds, answers) for number, (seconds, answers) in enumerate(sizes)]
    clock = Clock(steps)
    clock.ended("0", "free", off * steps[0].seconds, steps[0].answers)
    assert clock.remaining_s() == pytest.approx(off * sum(step.seconds for step in steps[1:]))
