"""`hone decide measure` through the real command, on the classification example and a tiny random model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from honekit import settings

ARMS = ("zero_shot", "prompt", "few_shot", "few_shot_retrieved", "constrained", "classical", "tuned_50", "tuned")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The bundled support-routing example with one short epoch and short answers."""
    folder = tmp_path / "project"
    shutil.copytree(settings.examples_dir() / "support-routing", folder, ignore=shutil.ignore_patterns(".hone"))
    text = (folder / "hone.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("epochs", "few_shot_k", "max_new_tokens"))]
    joined = "\n".join(lines)
    joined = joined.replace("[train]\n", "[train]\nepochs = 1\n")
    joined = joined.replace("[evaluate]\n", "[evaluate]\nfew_shot_k = [1, 2]\nbootstrap_resamples = 200\n")
    joined = joined.replace("[task]\n", "[task]\nmax_new_tokens = 6\n")
    (folder / "hone.toml").write_text(joined + "\n[decide.measure]\nshares = [0.5]\nmargin = 0.1\n")
    return folder


def hone(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "honekit.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def measure(project: Path, base: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    done = hone("decide", "measure", str(project), "--base", str(base), "--json", *more)
    assert done.returncode in (0, 1), done.stderr[-3000:]
    document: dict[str, Any] = json.loads(done.stdout)
    assert "error" not in document, document
    return done.returncode, document, done.stderr


@pytest.mark.slow
def test_every_arm_is_measured_once_and_the_choice_is_explained(project: Path, tiny_base_dir: Path, tmp_path: Path) -> None:
    code, first, told = measure(project, tiny_base_dir, "--limit", "12")
    assert tuple(first["arms"]) == ARMS
    assert told.index("Estimate") < told.index("Base model")
    assert (code == 0) == (first["choice"] is not None)
    assert first["reasons"]
    assert first["examples"]["validation"] == first["examples"]["test"] == 12
    metric = first["primary_metric"]
    for arm in first["arms"].values():
        for part in ("validation", "test"):
            low, high = arm[part]["intervals"][metric]
            assert low <= arm[part]["scores"][metric] <= high
        assert arm["cost"]["over_requests"] >= arm["cost"]["training"] >= 0
    assert first["arms"]["constrained"]["test"]["scores"]["schema_validity"] == 1
    assert len(first["arms"]["prompt"]["tried"]) >= 5
    assert first["arms"]["tuned"]["fingerprint"] != first["arms"]["tuned_50"]["fingerprint"]
    assert [point["examples"] for point in first["learning_curve"]["points"]] == [30, 60]
    assert first["learning_curve"]["note"]
    assert {one["against"] for one in first["payback"]["tuned"]} >= {"zero_shot", "few_shot"}
    (noise,) = first["noise"]
    assert noise["items"] == 12
    page = Path(first["report"]).read_text()
    assert page.startswith("<!doctype html>")
    assert all(arm in page.replace("<wbr>", "") for arm in ARMS)

    kept = {path: path.read_bytes() for path in (project / ".hone" / "answers").iterdir()}
    _, second, _ = measure(project, tiny_base_dir, "--resume")
    assert {path: path.read_bytes() for path in kept} == kept
    assert second["selection"]["best"] == first["selection"]["best"]
    for name in ARMS:
        assert second["arms"][name]["test"] == first["arms"][name]["test"]

    answers = tmp_path / "answers.json"
    answers.write_text("{}")
    assert hone("decide", "record", "--answers", str(answers), "--project", str(project)).returncode == 0
    page = (project / "decision.md").read_text()
    assert "## Measured evidence" in page
    assert "| few_shot_retrieved |" in page
