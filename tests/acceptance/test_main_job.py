"""The main job through the real command, on the classification example and a tiny random model: behaviour, not quality.

Runs that are killed, and those that go on after them, are processes of their own. The others run in this one, which has imported
already what a new one takes seconds for; their jobs train in worker processes, as ever.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.waiting import until

from honekit import settings
from honekit.cli.main import main
from honekit.jobs import checkpoints, list_jobs

ARMS = {"classical", "base", "base_few_shot", "tuned"}


@dataclass(frozen=True)
class Ran:
    """A run that nothing disturbed: its project, the data directory, what it printed."""

    project: Path
    home: Path
    document: dict[str, Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture(scope="module")
def undisturbed(tiny_base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(folder / "home"))
        project = make_project(folder / "project")
        return Ran(project, folder / "home", json_here(*arguments(project, tiny_base_dir)))


def make_project(folder: Path) -> Path:
    """The bundled support-routing example with one short epoch."""
    shutil.copytree(settings.examples_dir() / "support-routing", folder, ignore=shutil.ignore_patterns(".hone"))
    text = (folder / "hone.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("epochs", "few_shot_k", "max_new_tokens"))]
    joined = "\n".join(lines)
    joined = joined.replace("[train]\n", "[train]\nepochs = 1\ncheckpoint_steps = 2\n")
    joined = joined.replace("[evaluate]\n", "[evaluate]\nfew_shot_k = [2]\nchoice_examples = 6\nbootstrap_resamples = 200\n")
    joined = joined.replace("[task]\n", "[task]\nmax_new_tokens = 8\n")
    (folder / "hone.toml").write_text(joined)
    return folder


def hone(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "honekit.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if check and done.returncode != 0:
        raise AssertionError(f"hone {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done


def arguments(project: Path, base: Path) -> list[str]:
    return ["run", str(project), "--base", str(base), "--subset", "0.25"]


def run_json(project: Path, base: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(hone(*arguments(project, base), "--json").stdout)
    return document


def json_here(*arguments: str) -> dict[str, Any]:
    """What a command prints in this process."""
    with redirect_stdout(io.StringIO()) as out:
        assert main([*arguments, "--json"]) == 0
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def test_a_run_measures_every_arm_and_the_second_run_repeats_nothing(
    undisturbed: Ran, tiny_base_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HONE_HOME", str(undisturbed.home))
    project, first = undisturbed.project, undisturbed.document
    assert set(first["arms"]) == ARMS
    assert first["verdict"] in ("ship", "don't ship", "not enough evidence")
    assert first["reasons"]
    assert first["parity"] == {"items": 20, "equal": 20, "different": [], "holds": True}
    assert Path(first["report"]).read_text().startswith("<!")
    metric = first["primary_metric"]
    for arm in first["arms"].values():
        low, high = arm["intervals"][metric]
        assert low <= arm[metric] <= high
    tuned = first["arms"]["tuned"]["fingerprints"]
    assert tuned["adapter"]
    assert first["arms"]["base"]["fingerprints"]["adapter"] is None
    assert tuned["base"] == first["arms"]["base"]["fingerprints"]["base"]
    if first["verdict"] != "ship":
        assert first["alias"] is None

    data = json_here("data", "versions", str(project / ".hone" / "data" / "train.jsonl"))
    assert [made["action"] for made in data["made"]] == ["prepared"]
    assert [Path(parent["path"]).name for parent in data["made_of"]] == ["train.jsonl"]
    assert data["used_by"]["models"] == [first["model"]]
    assert data["used_by"]["evaluations"] == [first["report"]]

    stages = {stage["name"]: stage for stage in first["stages"]}
    bounded = {name for name, stage in stages.items() if stage["floor_seconds"]}
    assert {"train", "tuned", "tuned: answers alone (latency)"} <= bounded
    for name, stage in stages.items():
        assert len(stage["readings"]) == (2 if name in bounded else 0)
        assert all(reading["gflops"] > 0 and reading["memory_gb_s"] > 0 for reading in stage["readings"])
    assert first["floor"]["seconds"] == sum(stage["floor_seconds"] for stage in stages.values())
    assert first["floor"]["reading_seconds"] > 0

    answers = {path: path.read_bytes() for path in (project / ".hone" / "answers").iterdir()}
    second = json_here(*arguments(project, tiny_base_dir))
    assert second["floor"]["seconds"] == 0
    assert second["model"] == first["model"]
    assert {path: path.read_bytes() for path in answers} == answers
    assert {name: arm[metric] for name, arm in second["arms"].items()} == {n: a[metric] for n, a in first["arms"].items()}


@pytest.mark.slow
def test_completing_the_test_set_keeps_the_answers_that_are_there(project: Path, tiny_base_dir: Path) -> None:
    part = run_json(project, tiny_base_dir)
    before = {p.name: p.read_text().splitlines() for p in (project / ".hone" / "answers").glob("*.jsonl")}
    whole = json.loads(hone("run", str(project), "--base", str(tiny_base_dir), "--json").stdout)
    assert whole["test"]["examples"] == whole["test"]["of"] > part["test"]["examples"]
    after = {p.name: p.read_text().splitlines() for p in (project / ".hone" / "answers").glob("*.jsonl")}
    for name, lines in before.items():
        assert after[name][: len(lines)] == lines
        assert len({json.loads(line)["key"] for line in after[name]}) == len(after[name])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the error of a command."""
    capsys.readouterr()
    code = main([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    error: dict[str, Any] = json.loads(printed.out)["error"]
    assert error["what"] and error["mend"]
    return code, error


def test_a_base_that_writes_no_text_is_refused_before_training(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, error = refused(capsys, "run", project, "--base", tiny.save_encoder(tmp_path / "encoder"))
    assert error["code"] == "model.encoder"
    assert "hone bases list" in error["mend"]
    assert list_jobs() == []


def test_a_second_run_in_the_same_folder_is_refused(
    project: Path, tiny_base_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    (project / ".hone").mkdir()
    with FileLock(project / ".hone" / "run.lock"):
        code, error = refused(capsys, "run", project, "--base", tiny_base_dir)
    assert (code, error["code"]) == (2, "run.already_running")


def test_a_run_that_was_killed_ends_like_one_that_was_not(project: Path, tiny_base_dir: Path, undisturbed: Ran) -> None:
    command = [sys.executable, "-m", "honekit.cli.main", *arguments(project, tiny_base_dir)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def training() -> bool:
        return any(checkpoints(job.id) for job in list_jobs())

    def answering() -> bool:
        return any(file.stat().st_size for file in (project / ".hone" / "answers").glob("*.jsonl"))

    for reached in (training, answering):
        assert not reached()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        until(lambda reached=reached, process=process: reached() or process.poll() is not None, 300)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    survivor, twin = run_json(project, tiny_base_dir), undisturbed.document
    metric = survivor["primary_metric"]
    assert survivor["train"]["fingerprint"] == twin["train"]["fingerprint"]
    assert [r["train_loss"] for r in survivor["train"]["history"]] == [r["train_loss"] for r in twin["train"]["history"]]
    assert {n: a[metric] for n, a in survivor["arms"].items()} == {n: a[metric] for n, a in twin["arms"].items()}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("primary_metric", "primary_metrik"), "settings.project_invalid"),
        (("[task]\n", "[task\n"), "settings.toml_syntax"),
        (("train.jsonl", "no-such.jsonl"), "data."),
    ],
)
def test_a_broken_project_gets_one_clear_error(
    project: Path, tiny_base_dir: Path, change: tuple[str, str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "hone.toml"
    file.write_text(file.read_text().replace(*change))
    exit_code, error = refused(capsys, "run", project, "--base", tiny_base_dir)
    assert exit_code in (1, 2)
    assert error["code"].startswith(code)


def test_a_base_that_does_not_exist_gets_one_clear_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = refused(capsys, "run", project, "--base", "no-such/base")
    assert (code, error["code"].partition(".")[0]) == (1, "model")
