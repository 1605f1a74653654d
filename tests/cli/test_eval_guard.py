"""`hone eval guard` on a model that a real job made from a tiny base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from honekit import jobs
from honekit.cli.main import main


def test_a_tuned_model_is_compared_with_its_base_and_the_verdict_is_told(
    training: Path, small_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hone: Any
) -> None:
    monkeypatch.setattr("honekit.evals.guard.MAX_NEW_TOKENS", 2)
    command = ["jobs", "create", str(training), "--model", str(small_base), "--epochs", "2", "--seed", "3"]
    assert main([*command, "--learning-rate-multiplier", "8", "--watch"]) == 0
    (job,) = jobs.list_jobs()
    assert job.result is not None
    model = str(job.result["fine_tuned_model"])
    found = hone("eval", "guard", "--model", model)
    assert found["model"] == model and found["divergence"] > 0 and found["probes"] >= 150
    assert not found["is_evidence"] and found["forgetting"] is None  # a tiny base passes nothing
    assert main(["eval", "guard", "--model", model]) == 0
    told = capsys.readouterr().out
    assert "base passes" in told and "forgetting cannot be told: the base passes 0 probes, 100 are needed" in told
    # What cannot be told is no reason to promote.
    assert main(["eval", "guard", "--model", model, "--max-forgetting", "0.5"]) == 1
    assert "failed: what cannot be told is not let pass" in capsys.readouterr().out


def test_a_base_has_nothing_to_forget(small_base: Path, hone: Any) -> None:
    document = hone("eval", "guard", "--model", str(small_base), code=2)
    assert document["error"]["code"] == "eval.not_tuned"
