"""The end of a run on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from honekit.cli import summary
from honekit.cli.summary import print_summary
from honekit.pipeline import Outcome


def outcome(stages: list[dict[str, Any]], **changes: Any) -> Outcome:
    document: dict[str, Any] = {
        "verdict": "ship",
        "reasons": ["it is better"],
        "test": {"share": 1.0, "examples": 40, "of": 40},
        "metrics": ["accuracy"],
        "primary_metric": "accuracy",
        "chosen_arm": "tuned",
        "arms": {"tuned": {"accuracy": 0.9, "intervals": {"accuracy": [0.8, 0.95]}, "latency_ms_p50": 120.0}},
        "stages": stages,
        "timings_s": {"train": 300.0, "statistics": 12.0, "total": 320.0},
        "floor": {"seconds": 200.0, "ratio": 1.6, "reading_seconds": 0.8},
        "folder": "project",
        "snippet": "client = OpenAI()",
    }
    return Outcome(document | changes, "tuned-v1", None, Path("report.html"))


def test_a_stage_has_its_ratio_and_the_speeds_that_it_goes_by(capsys: pytest.CaptureFixture[str]) -> None:
    readings = [{"gflops": 89.2, "memory_gb_s": 14.1}, {"gflops": 175.4, "memory_gb_s": 20.6}]
    stages = [
        {"name": "train", "seconds": 300.0, "floor_seconds": 200.0, "note": "199 unique tokens/s", "readings": readings},
        {"name": "statistics", "seconds": 12.0, "floor_seconds": 0.0, "note": "", "readings": []},
    ]
    print_summary(outcome(stages))
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.split()}
    assert lines["train"][1:8] == ["300.0", "200.0", "1.50", "89", "175", "14", "21"]
    assert lines["statistics"][1:] == ["12.0"]
    assert " ".join(lines["Whole"]).startswith("Whole run 320 s, floor 200 s, ratio 1.60;")


ARM: dict[str, Any] = {
    "accuracy": 0.9, "json_validity": 0.99, "field_exact_match": 0.5, "latency_ms_p50": 120.0,
    "intervals": {"accuracy": [0.8, 0.95], "json_validity": [0.97, 1.0], "field_exact_match": [0.4, 0.6]},
    "slices": {"new_codes": {"accuracy": 0.75}},
    "slice_intervals": {"new_codes": {"accuracy": [0.5, 0.85]}},
}  # fmt: skip
SIX = ("classical", "base", "base_few_shot", "base_few_shot_rag", "tuned", "tuned_rag")


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    arms = dict.fromkeys(SIX, ARM) | {"classical": {"accuracy": 0.4, "intervals": {"accuracy": [0.3, 0.5]}}}
    tests = {"by_slice": {"new_codes": {"tuned - base": {"items": 22}}}}
    names = ["json_validity", "accuracy", "field_exact_match"]
    print_summary(outcome([], arms=arms, metrics=names, tests=tests), ["accuracy"])
    return capsys.readouterr().out


def test_every_rate_of_every_arm_has_its_interval_and_every_arm_its_whole_name(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).splitlines()
    heading = next(number for number, line in enumerate(lines) if line.split()[:1] == ["classical"])
    assert lines[heading].split() == [*SIX[:4], "tuned", "*", "tuned_rag"]
    assert lines[heading + 1].split() == ["accuracy", "0.40", "(0.30-0.50)", *["0.90", "(0.80-0.95)"] * 5]
    assert lines[heading + 2].split() == ["json", "validity", "-", *["0.99", "(0.97-1.00)"] * 5]
    of_slice = lines.index(next(line for line in lines if line.startswith("new_codes (22)")))
    assert lines[of_slice + 1].split() == ["accuracy", "-", *["0.75", "(0.50-0.85)"] * 5]


def test_a_narrow_terminal_has_the_intervals_below_their_rates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "tables", lambda: Console(highlight=False, width=80))
    out = shown(capsys)
    tables = out[out.index("Measured") : out.index("Whole run")]
    assert max(map(len, tables.splitlines())) <= 80
    assert out.count("0.80-0.95") == out.count("0.97-1.00") == 5
    assert "…" not in out
