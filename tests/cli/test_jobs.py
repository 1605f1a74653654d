"""`hone jobs`: tables for people, one document for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from honekit.cli.jobs import app
from honekit.errors import HoneError
from honekit.jobs import leases, queue


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_names_each_job_and_its_state() -> None:
    assert "No jobs yet" in _run("list")
    job = queue.create_job("selftest", {"steps": 2})
    assert job.id in _run("list")
    assert "queued" in _run("list")
    assert [found["id"] for found in json.loads(_run("list", "--json"))["jobs"]] == [job.id]


def test_show_gives_the_error_and_its_remedy() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    queue.fail(job.id, {"code": "data.empty", "what": "no examples", "where": "a.jsonl", "mend": "add some"})
    assert "add some" in _run("show", job.id)
    assert json.loads(_run("show", job.id, "--json"))["error"] == {
        "code": "invalid_training_file", "message": "no examples. To mend it: add some", "param": "training_file",
    }  # fmt: skip


def test_events_are_printed_oldest_first_with_their_numbers() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    queue.add_event(job.id, "warn", "Step 1", {"step": 1, "train_loss": 0.123456}, type="metrics")
    lines = _run("events", job.id).splitlines()
    assert lines[0].endswith("Job created")
    assert lines[1].endswith("warn: Step 1  train_loss 0.1235")
    told = json.loads(_run("events", job.id, "--json"))["events"]
    assert [(event["object"], event["data"].get("step")) for event in told] == [
        ("fine_tuning.job.event", None), ("fine_tuning.job.event", 1),
    ]  # fmt: skip


def test_jobs_of_every_kind_have_the_apis_shape(tmp_path: Path) -> None:
    from honekit.project import TrainSection
    from honekit.registry import create_version
    from honekit.train import TrainSpec

    recipe = TrainSection(base="smollm2-135m", epochs=3, batch_size=4, learning_rate=2e-3, seed=5)
    spec = TrainSpec(
        training_file="/t.jsonl", training_sha256="a" * 64, validation_file=None, validation_sha256=None,
        base="smollm2-135m", project="iot", recipe=recipe,
    )  # fmt: skip
    job = queue.create_job("train", spec.as_dict())
    queue.create_job("selftest", {"steps": 2})
    queue.transition(job.id, "running", message="")
    queue.finish(job.id, {"trained_tokens": 70})
    version = create_version("iot", job.id, "smollm2-135m", "x", tmp_path, "y").name
    test, trained = json.loads(_run("list", "--json"))["jobs"]
    assert set(test) == set(trained)
    assert (test["method"], test["fine_tuned_model"]) == ({"type": "selftest", "selftest": {"hyperparameters": {}}}, None)
    assert (trained["object"], trained["status"], trained["seed"]) == ("fine_tuning.job", "succeeded", 5)
    assert (trained["model"], trained["fine_tuned_model"], trained["trained_tokens"]) == ("smollm2-135m", version, 70)
    assert trained["hyperparameters"] == {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 2.0}
    assert json.loads(_run("show", job.id, "--json")) == {**trained, "checkpoints": []}


def test_following_shows_all_events() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    done = CliRunner().invoke(app, ["events", job.id, "--follow", "--limit", "1"])
    assert done.exit_code == 2


def test_following_ends_with_the_job_and_prints_a_document_a_line() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    queue.request_stop(job.id, "cancel")
    lines = [json.loads(line) for line in _run("events", job.id, "--follow", "--json").splitlines()]
    assert [event["message"] for event in lines] == ["Job created", "Job cancelled"]


def test_a_job_is_paused_resumed_and_run_to_its_end() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    assert json.loads(_run("pause", job.id, "--json"))["status"] == "paused"
    assert "hone jobs resume" in _run("resume", job.id)
    done = CliRunner().invoke(app, ["resume", job.id, "--wait", "--json"], catch_exceptions=False)
    assert json.loads(done.stdout)["status"] == "succeeded"
    assert "The job has completed" in done.stderr
    with pytest.raises(HoneError, match="illegal_transition"):
        _run("pause", job.id)


def test_cancelling_a_running_job_says_that_it_will_stop() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    assert leases.claim(job.id, "elsewhere:1:x")
    assert "asked to cancel" in _run("cancel", job.id)


def test_a_dead_worker_is_noticed_when_jobs_are_listed() -> None:
    job = queue.create_job("selftest", {"steps": 2})
    assert leases.claim(job.id, "elsewhere:1:x", lease_s=-1)
    assert json.loads(_run("list", "--json"))["jobs"][0]["status"] == "queued"
