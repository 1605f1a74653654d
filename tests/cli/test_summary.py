"""The end of a run on the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from honekit.cli.summary import _arms, print_summary
from honekit.pipeline import Outcome


def test_a_stage_has_its_ratio_and_the_speeds_that_it_goes_by(capsys: pytest.CaptureFixture[str]) -> None:
    readings = [{"gflops": 89.2, "memory_gb_s": 14.1}, {"gflops": 175.4, "memory_gb_s": 20.6}]
    stages = [
        {"name": "train", "seconds": 300.0, "floor_seconds": 200.0, "note": "199 unique tokens/s", "readings": readings},
        {"name": "statistics", "seconds": 12.0, "floor_seconds": 0.0, "note": "", "readings": []},
    ]
    document = {
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
    print_summary(Outcome(document, "tuned-v1", None, Path("report.html")))
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.split()}
    assert lines["train"][1:8] == ["300.0", "200.0", "1.50", "89", "175", "14", "21"]
    assert lines["statistics"][1:] == ["12.0"]
    assert " ".join(lines["Whole"]).startswith("Whole run 320 s, floor 200 s, ratio 1.60;")


@pytest.mark.parametrize(("width", "metrics"), [(140, 4), (60, 2), (45, 1)])
def test_a_narrow_terminal_has_fewer_metrics_and_no_cut_names(width: int, metrics: int) -> None:
    quality = {"category_macro_f1": 0.5, "category_lenient_accuracy": 0.25, "severity_accuracy": 0.75, "cause_accuracy": 1.0}
    arm = {**quality, "intervals": {"category_macro_f1": [0.4, 0.6]}, "latency_ms_p50": 10_000.0}
    document = {
        "metrics": list(quality),
        "primary_metric": "category_macro_f1",
        "chosen_arm": "tuned",
        "arms": {"base_few_shot_rag": arm, "tuned": arm},
    }
    out = io.StringIO()
    Console(file=out, width=width).print(_arms(document, width))
    lines = out.getvalue().splitlines()
    cells = ["base_few_shot_rag", "0.50", "(0.40-0.60)", *["0.25", "0.75", "1.00"][: metrics - 1], "10000"]
    assert lines[-2].split() == cells
    assert all(len(line) <= width for line in lines)
