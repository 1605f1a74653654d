"""The floor of a stage by the speeds read beside it; the speeds are given here, as a host would change them."""

from __future__ import annotations

import pytest

from honekit import stages
from honekit.models.precision import Measured
from honekit.stages import LeastWork, Stages


class Host:
    """Gives one speed after another and counts how often it was asked."""

    def __init__(self, *fp32_gflops: float) -> None:
        self.speeds, self.asked = fp32_gflops, 0

    def read(self) -> Measured:
        self.asked += 1
        fp32 = self.speeds[self.asked - 1]
        return Measured(fp32, 10 * fp32, fp32 / 10, threads=2)


def run_stage(run: Stages, work: LeastWork) -> stages.Stage:
    before = run.speed_before()
    with run.time("stage") as stage:
        pass
    run.set_floor(stage, before, work)
    return stage


def test_the_floor_goes_by_the_mean_of_the_speeds_before_and_after_the_stage() -> None:
    run = Stages(Host(80.0, 160.0).read)
    stage = run_stage(run, LeastWork("fp32", 1200e9, weight_bytes=36e9))
    assert [(r.gflops, r.memory_gb_s) for r in stage.readings] == [(80.0, 8.0), (160.0, 16.0)]
    assert stage.floor_seconds == pytest.approx(1200 / 120 + 36 / 12)
    assert run.floor_seconds() == stage.floor_seconds
    assert run.as_list()[0]["readings"] == [{"gflops": 80.0, "memory_gb_s": 8.0}, {"gflops": 160.0, "memory_gb_s": 16.0}]


def test_the_peak_is_that_of_the_precision_that_was_computed_in() -> None:
    stage = run_stage(Stages(Host(80.0, 160.0).read), LeastWork("bf16", 1200e9))
    assert stage.floor_seconds == pytest.approx(1.0)


def test_equal_work_has_the_same_ratio_when_host_and_stage_slow_down_together() -> None:
    run = Stages(Host(200.0, 200.0, 100.0, 100.0).read)
    fast = run_stage(run, LeastWork("fp32", 400e9))
    run._newest = None  # as if other stages had passed
    slow = run_stage(run, LeastWork("fp32", 400e9))
    assert 6.0 / slow.floor_seconds == 3.0 / fast.floor_seconds


def test_a_fresh_reading_serves_the_next_stage_and_an_old_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(*(100.0 + i for i in range(9)))
    run = Stages(host.read)
    first, second = (run_stage(run, LeastWork("fp32", 1.0)) for _ in range(2))
    assert host.asked == 3
    assert first.readings[1] == second.readings[0]
    monkeypatch.setattr(stages, "FRESH_S", -1.0)
    run_stage(run, LeastWork("fp32", 1.0))
    assert host.asked == 5


def test_a_stage_that_computed_nothing_has_no_floor_and_costs_no_second_reading() -> None:
    host = Host(100.0)
    run = Stages(host.read)
    stage = run_stage(run, LeastWork("fp32", 0.0))
    assert (stage.floor_seconds, stage.readings, host.asked) == (0.0, [], 1)


def test_readings_belong_to_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(stages.time, "perf_counter", lambda: clock[0])

    def read() -> Measured:
        clock[0] += 0.25
        return Measured(100.0, 100.0, 10.0, threads=2)

    run = Stages(read)
    stage = run_stage(run, LeastWork("fp32", 1.0))
    assert (stage.seconds, run.reading_seconds) == (0.0, 0.5)


def test_stages_of_one_name_are_counted_together() -> None:
    run = Stages(Host().read)
    for name in ("train", "answers", "train"):
        with run.time(name):
            pass
    first, answers, second = run.stages
    assert run.seconds() == {"train": first.seconds + second.seconds, "answers": answers.seconds}
