"""The end of a run on the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from honekit.cli.summary import print_summary
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
