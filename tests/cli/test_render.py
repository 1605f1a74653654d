from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from honekit.cli import render


def test_json_has_no_values_that_json_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_json({"path": Path("a/b"), "loss": math.nan, "arms": [{"x": math.inf}, (1, 2.5)], "Ü": "ß"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"path": "a/b", "loss": None, "arms": [{"x": None}, [1, 2.5]], "Ü": "ß"}
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_read_like_speech(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


def test_a_stage_tells_its_time_and_whether_it_was_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with render.stage("Training [1/2]"):
        pass
    with pytest.raises(ValueError, match="x"), render.stage("Evaluation"):
        raise ValueError("x")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "Training [1/2]\n  done in 0.0 s\nEvaluation\n  stopped after 0.0 s\n"


def test_without_a_terminal_progress_is_a_few_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(render.time, "monotonic", lambda: clock[0])
    with render.progress("training", 100) as report:
        for done in range(1, 101):
            clock[0] += 0.2
            report(done, note=f"loss {1 / done:.2f}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[0] == "  training  25/100  25%  15 s left  loss 0.04"
    assert lines[-1] == "  training  100/100  100%  loss 0.01"


def test_work_that_was_done_before_does_not_count_as_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(render.time, "monotonic", lambda: clock[0])
    with render.progress("training", 100) as report:
        for done in range(60, 64):
            clock[0] += 2.0
            report(done)
    assert capsys.readouterr().err.splitlines() == ["  training  62/100  62%  1 min 16 s left"]
