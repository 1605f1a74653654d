"""`hone jobs create` and `watch` on this machine: the real application, and a tiny base that is really trained."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.train.test_preference_job import preferences
from tests.train.test_reinforcement_job import SAYS_A, prompts

from honekit import jobs
from honekit.cli.main import main

HONE = [sys.executable, "-m", "honekit.cli.main"]
FEW = ("--epochs", "2", "--batch-size", "4", "--seed", "3")


def create(hone: Any, training: Path, base: Path, *options: str | Path) -> dict[str, Any]:
    job: dict[str, Any] = hone("jobs", "create", training, "--model", base, *FEW, *options)
    return job


def test_a_job_is_created_watched_to_its_end_and_its_model_is_there(
    training: Path, validation: Path, small_base: Path, hone: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["jobs", "create", training, "--validation", validation, "--model", small_base, *FEW, "--suffix", "twin"]
    assert main([*map(str, command), "--metadata", "team=pumps", "--watch", "--json"]) == 0
    first, *events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (first["object"], first["status"], first["seed"]) == ("fine_tuning.job", "queued", 3)
    assert first["metadata"] == {"team": "pumps"}
    assert first["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    assert {event["object"] for event in events} == {"fine_tuning.job.event"}
    assert [event["data"]["step"] for event in events if event["type"] == "metrics"] == [1, 2, 3, 4, 5, 6]
    assert len({event["id"] for event in events}) == len(events)
    assert not any("path" in event["data"] for event in events)
    model = jobs.get_job(first["id"]).result
    assert model is not None
    assert ":twin:" in model["fine_tuned_model"]
    assert model["fine_tuned_model"] in [one["id"] for one in hone("models", "list")["models"]]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Worker processes that were begun, each with a check that it was before there was a job."""
    begun: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def noting(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        process = begin(command, **options)
        if "honekit.jobs.warm" in command:
            assert all(job.final for job in jobs.list_jobs())
            begun.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", noting)
    return begun


def test_the_worker_begins_before_there_is_a_job_and_ends_with_the_command(
    training: Path, small_base: Path, workers: list[subprocess.Popen[bytes]]
) -> None:
    command = ["jobs", "create", str(training), "--model", str(small_base), *FEW, "--json"]
    assert main([*command, "--watch"]) == 0
    assert [process.poll() is None for process in workers] == [False]
    assert [job.attempt for job in jobs.list_jobs()] == [1]
    assert main([*command, "--epochs", "0", "--watch"]) == 2
    assert [process.poll() is None for process in workers] == [False, False]
    assert main(command) == 0
    assert len(workers) == 2


def test_a_base_that_writes_no_text_is_refused_with_cause_and_remedy(hone: Any, training: Path, tmp_path: Path) -> None:
    fault = hone("jobs", "create", training, "--model", tiny.save_encoder(tmp_path / "encoder"), code=2)["error"]
    assert (fault["code"], fault["where"]) == ("api.model_not_available", "--model")
    assert "encoder" in fault["what"] and "hone bases list" in fault["mend"]
    assert hone("jobs", "list")["jobs"] == []


def test_the_same_file_is_not_uploaded_twice(hone: Any, training: Path, small_base: Path, tmp_path: Path) -> None:
    first, second = create(hone, training, small_base), create(hone, training, small_base)
    assert first["training_file"] == second["training_file"]
    assert create(hone, Path(first["training_file"]), small_base)["training_file"] == first["training_file"]
    same_size = training.read_bytes().replace(b"Item 0", b"Item X", 1)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "train.jsonl"
    other.write_bytes(same_size)
    assert create(hone, other, small_base)["training_file"] != first["training_file"]
    assert len(hone("files", "list")["files"]) == 2


def test_people_are_told_the_numbers_and_who_will_run_it(
    training: Path, small_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "create", str(training), "--model", str(small_base), "--epochs", "auto", "--batch-size", "4"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"batch_size 4, learning_rate_multiplier 1, n_epochs 8, seed \d+", out)
    assert "`hone serve`" in out
    assert re.search(r"`hone jobs watch ftjob-\w+ --run`", out)


def test_a_table_is_sent_to_what_makes_chat_jsonl_of_it(
    small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "my tickets.csv"
    table.write_text("text,team\n" + "".join(f"a {n},x\n" for n in range(12)))
    assert main(["jobs", "create", str(table), "--model", str(small_base)]) == 1
    assert f"`hone data convert '{table}' --to chat --out 'my tickets.jsonl'`" in capsys.readouterr().err


def test_jobs_of_every_method_are_created(
    hone: Any, training: Path, small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tiny.write_jsonl(tmp_path / "pairs.jsonl", preferences(12))
    preferring = create(hone, pairs, small_base, "--method", "dpo", "--beta", "0.2")["method"]
    assert (preferring["type"], preferring["dpo"]["hyperparameters"]["beta"]) == ("dpo", 0.2)
    asked = tiny.write_jsonl(tmp_path / "prompts.jsonl", prompts(12))
    (tmp_path / "grader.json").write_text(json.dumps(SAYS_A))
    rewarded = create(hone, asked, small_base, "--method", "reinforcement", "--grader", tmp_path / "grader.json")["method"]
    assert (rewarded["type"], rewarded["reinforcement"]["grader"]) == ("reinforcement", SAYS_A)
    assert rewarded["reinforcement"]["hyperparameters"]["n_epochs"] == 2
    numbers = ("--compute-multiplier", "0.5", "--eval-interval", "7", "--eval-samples", "2", "--reasoning-effort", "default")
    options = ("--method", "reinforcement", "--grader", tmp_path / "grader.json", *numbers)
    chosen = create(hone, asked, small_base, *options)["method"]["reinforcement"]["hyperparameters"]
    assert (chosen["compute_multiplier"], chosen["eval_interval"], chosen["eval_samples"]) == (0.5, 7, 2)
    command = ["jobs", "create", asked, "--model", small_base, "--method", "reinforcement", "--grader", tmp_path / "grader.json"]
    assert main(list(map(str, command))) == 0
    assert "reasoning_effort default" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "exit_code", "code", "where"),
    [
        (["--epochs", "many"], 2, "cli.usage", None),
        (["--learning-rate-multiplier", "x"], 2, "cli.usage", None),
        (["--metadata", "team"], 2, "cli.usage", None),
        (["--epochs", "0"], 2, "api.invalid_value", "--epochs"),
        (["--method", "magic"], 2, "api.invalid_value", "--method"),
        (["--method", "reinforcement"], 2, "api.missing_required_parameter", "--grader"),
        (["--method", "dpo", "--beta", "3"], 2, "api.invalid_value", "--beta"),
        (["--method", "dpo", "--epochs", "0"], 2, "api.invalid_value", "--epochs"),
        (["--method", "dpo", "--beta", "nan"], 2, "cli.usage", None),
        (["--beta", "0.1"], 2, "api.unknown_parameter", "--beta"),
        (["--eval-interval", "3"], 2, "api.unknown_parameter", "--eval-interval"),
        (["--compute-multiplier", "many"], 2, "cli.usage", None),
        (["--grader", "nothing.json"], 2, "cli.usage", "nothing.json"),
        (["--seed", "-1"], 2, "api.invalid_value", "--seed"),
        (["--validation", "file-nothing"], 2, "api.file_not_found", "--validation"),
        (["--validation", "nothing.jsonl"], 2, "cli.no_such_file", None),
    ],
)
def test_what_cannot_become_a_job_is_named(
    hone: Any, training: Path, small_base: Path, options: list[str], exit_code: int, code: str, where: str | None
) -> None:
    error = hone("jobs", "create", training, "--model", small_base, *options, code=exit_code)["error"]
    assert error["code"] == code
    assert where in (None, error["where"])
    assert jobs.list_jobs() == []


def test_each_hyperparameter_of_the_contract_has_an_option() -> None:
    from honekit.api.openai import method_schema as schema
    from honekit.cli.api_fault import _OPTIONS
    from honekit.cli.commands import load_command

    there = {option for parameter in load_command("jobs").commands["create"].params for option in parameter.opts}
    blocks = {
        "supervised": schema.Hyperparameters,
        "dpo": schema.DpoHyperparameters,
        "reinforcement": schema.ReinforcementHyperparameters,
    }
    for kind, block in blocks.items():
        for name in block.model_fields:
            assert _OPTIONS[f"method.{kind}.hyperparameters.{name}"] in there


@pytest.mark.parametrize(
    ("option", "given"),
    [("--compute-multiplier", "0"), ("--eval-interval", "0"), ("--eval-samples", "0"), ("--reasoning-effort", "high")],
)
def test_a_number_of_reinforcement_out_of_bounds_is_named(
    hone: Any, training: Path, small_base: Path, tmp_path: Path, option: str, given: str
) -> None:
    (tmp_path / "grader.json").write_text(json.dumps(SAYS_A))
    command = ("--method", "reinforcement", "--grader", tmp_path / "grader.json", option, given)
    assert hone("jobs", "create", training, "--model", small_base, *command, code=2)["error"]["where"] == option


def test_the_embedded_base_is_meant_beside_a_folder_of_its_name(
    hone: Any, training: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "smollm2-135m").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert hone("jobs", "create", str(training), "--model", "smollm2-135m")["model"] == "smollm2-135m"
    assert hone("jobs", "create", str(training), "--model", "", code=2)["error"]["where"] == "--model"


def test_an_unknown_model_and_bad_lines_are_named(hone: Any, training: Path, small_base: Path) -> None:
    assert hone("jobs", "create", training, "--model", "nothing", code=2)["error"]["code"] == "api.model_not_found"
    training.write_text(training.read_text() + '{"messages": []}\n')
    error = hone("jobs", "create", training, "--model", small_base, code=1)["error"]
    assert (error["code"], error["where"]) == ("api.invalid_training_file", str(training))
    assert "Line 13" in error["what"]
    assert error["mend"]


def test_watching_a_job_that_is_over_prints_it_and_how_it_ended(
    hone: Any, training: Path, small_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = create(hone, training, small_base)
    jobs.request_stop(job["id"], "pause")
    assert main(["jobs", "watch", job["id"]]) == 1
    assert f"hone jobs resume {job['id']}" in capsys.readouterr().out
    jobs.resume(job["id"])
    jobs.fail(job["id"], {"code": "data.empty", "what": "no examples", "where": "x", "mend": "add some"})
    assert main(["jobs", "watch", job["id"], "--run"]) == 1
    assert "no examples. To mend it: add some [invalid_training_file]" in capsys.readouterr().out
    assert hone("jobs", "watch", "ftjob-nothing", code=2)["error"]["code"] == "job.unknown"
    other = jobs.create_job("selftest", {"steps": 1})
    error = hone("jobs", "watch", other.id, code=1)["error"]
    assert (error["code"], "hone jobs events" in error["mend"]) == ("job.not_fine_tuning", True)


def test_the_job_of_any_project_of_this_machine_is_watched(
    hone: Any, training: Path, small_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HONE_PROJECT", "team-a")
    job = create(hone, training, small_base)
    monkeypatch.delenv("HONE_PROJECT")
    jobs.request_stop(job["id"], "pause")
    assert main(["jobs", "watch", job["id"]]) == 1
    assert "is paused" in capsys.readouterr().out


def test_run_is_for_this_machine(hone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_BASE_URL", "http://127.0.0.1:8000")
    assert hone("jobs", "watch", "ftjob-x", "--run", code=2)["error"]["code"] == "cli.usage"


def test_ctrl_c_stops_watching_and_leaves_the_job(hone: Any, training: Path, small_base: Path) -> None:
    job = create(hone, training, small_base)
    process = subprocess.Popen([*HONE, "jobs", "watch", job["id"]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "Job created" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no longer watching; the job is left as it is" in err
    assert "Traceback" not in err
    assert jobs.get_job(job["id"]).status == "queued"


def test_a_terminal_gets_a_live_view_with_a_curve(hone: Any, training: Path, validation: Path, small_base: Path) -> None:
    job = create(hone, training, small_base, "--validation", validation)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen([*HONE, "jobs", "watch", job["id"], "--run"], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "step 6 of 6" in text
    assert "validation loss" in text
    assert "tokens/s" in text
    assert re.search("[\u2801-\u28ff]", text), "no curve was drawn"
    assert b"\x1b[1A" in shown, "nothing was refreshed in place"
    assert f"{job['id']} succeeded: ft:" in text
