"""The five calls with the official client against the real command: upload, create, monitor, wait, retrieve and use."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import openai
import pytest
from tests import tiny
from tests.train.test_preference_job import preferences
from tests.train.test_reinforcement_job import prompts

from honekit.cli.main import main


@dataclass
class Server:
    """`hone serve` in a process of its own, and the clients that talk to it until it stops."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    clients: list[openai.OpenAI] = field(default_factory=list)

    def client(self, key: str, **options: Any) -> openai.OpenAI:
        self.clients.append(openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=60, **options))
        return self.clients[-1]

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
        for client in self.clients:
            client.close()
        assert self.process.stdout
        self.process.stdout.close()


def start(home: Path, base: Path, *options: str) -> Server:
    environment = {**os.environ, "HONE_HOME": str(home), "WANDB_MODE": "offline"}
    command = [sys.executable, "-m", "honekit.cli.main", "serve", "--port", "0", "--json", "--base", f"tiny={base}", *options]
    with open(home.parent / "serve.log", "a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout
    return Server(process, json.loads(process.stdout.readline())["url"], home)


def make_key(home: Path, *options: str) -> str:
    with patch.dict(os.environ, {"HONE_HOME": str(home)}), redirect_stdout(io.StringIO()) as out:
        assert main(["keys", "create", "--json", *options]) == 0
    return str(json.loads(out.getvalue())["key"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_base_dir: Path) -> Iterator[Server]:
    """With the base `brief` too: of so few words that answers of hundreds of tokens take moments."""
    home = tmp_path_factory.mktemp("serve") / "home"
    home.mkdir()
    running = start(home, tiny_base_dir, "--base", f"brief={tiny.save_base(home.parent / 'brief')}")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.client(make_key(server.home))


def upload(client: openai.OpenAI, count: int = 12, seed: int = 0, kind: Any = tiny.conversations) -> openai.types.FileObject:
    lines = "\n".join(json.dumps(record) for record in kind(count, seed=seed)).encode()
    return client.files.create(file=("train.jsonl", lines), purpose="fine-tune")


def wait(client: openai.OpenAI, job_id: str, until: str = "succeeded", seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status == until:
            return job
        assert job.status not in ("failed", "cancelled", "succeeded"), job
        time.sleep(0.2)
    raise AssertionError(f"still {job.status}, not {until}, after {seconds} s")


@pytest.mark.conformance("GET /v1/fine_tuning/jobs/{fine_tuning_job_id}")
@pytest.mark.conformance("GET /v1/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "suffix", "seed", "method", "method.supervised", "validation_file")
@pytest.mark.conformance("DELETE /v1/models/{model}")
def test_the_five_calls(client: openai.OpenAI) -> None:
    training, held_out = upload(client), upload(client, 10, seed=1)
    assert client.files.wait_for_processing(training.id).status == "processed"
    job = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=training.id,
        validation_file=held_out.id,
        suffix="five-calls",
        seed=7,
        metadata={"team": "pumps"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 4}}},
    )
    assert (job.status, job.fine_tuned_model, job.seed) == ("queued", None, 7)
    assert job.hyperparameters.n_epochs == 2

    job = wait(client, job.id)
    assert job.trained_tokens and job.finished_at >= job.created_at
    assert job.fine_tuned_model.startswith("ft:") and ":five-calls:" in job.fine_tuned_model

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))  # pages of three
    steps = [event for event in events if event.type == "metrics"]
    assert [event.data["step"] for event in steps] == [6, 5, 4, 3, 2, 1]
    validated = [event.data["step"] for event in steps if event.data.get("valid_loss") is not None]
    assert validated == [6, 3] == [event.data["step"] for event in steps if "valid_mean_token_accuracy" in event.data]
    assert steps[0].message == f"Step 6/6: training loss={steps[0].data['train_loss']:.2f}"
    assert all(earlier.created_at >= later.created_at for earlier, later in itertools.pairwise(events))

    result = client.files.content(job.result_files[0]).text.splitlines()
    assert result[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(result) == 7
    assert client.files.retrieve(job.result_files[0]).purpose == "fine-tune-results"

    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [one.step_number for one in checkpoints] == [6, 3]
    assert checkpoints[0].metrics.full_valid_loss is not None
    asked = {"messages": [{"role": "user", "content": "one"}], "max_tokens": 4, "temperature": 0}
    for name in (job.fine_tuned_model, checkpoints[1].fine_tuned_model_checkpoint):
        answer = client.chat.completions.create(model=name, **asked)
        assert answer.model == name and answer.usage.completion_tokens > 0
    assert job.fine_tuned_model in [model.id for model in client.models.list()]

    found = client.fine_tuning.jobs.list(extra_query={"metadata[team]": "pumps"})
    assert [one.id for one in found] == [job.id]
    assert client.fine_tuning.jobs.list(extra_query={"metadata[team]": "valves"}).data == []

    assert client.models.delete(job.fine_tuned_model).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=job.fine_tuned_model, **asked)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=checkpoints[1].fine_tuned_model_checkpoint, **asked)


def test_a_tuned_model_is_tuned_further_and_by_preferences(client: openai.OpenAI) -> None:
    brief = {"n_epochs": 1, "batch_size": 8}
    first = wait(client, create(client, model="tiny", hyperparameters=brief).id)
    second = wait(client, create(client, model=first.fine_tuned_model, hyperparameters=brief).id)
    assert second.model == first.fine_tuned_model != second.fine_tuned_model
    pairs, held_out = upload(client, kind=preferences), upload(client, 10, seed=1, kind=preferences)
    method = {"type": "dpo", "dpo": {"hyperparameters": {**brief, "beta": 0.2}}}
    third = create(client, model=second.fine_tuned_model, training_file=pairs.id, validation_file=held_out.id, method=method)
    third = wait(client, third.id)
    events = client.fine_tuning.jobs.list_events(third.id, limit=100).data
    rewards = [event.data for event in events if event.type == "metrics"]
    assert all("train_reward_accuracy" in row for row in rewards) and rewards
    asked = {"messages": [{"role": "user", "content": "one"}], "max_tokens": 4}
    assert client.chat.completions.create(model=third.fine_tuned_model, **asked).model == third.fine_tuned_model


@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "method.reinforcement")
def test_a_model_is_tuned_by_a_grader(client: openai.OpenAI) -> None:
    # A random model writes something else each time, so how alike it is to a text differs within each group.
    grader = {"type": "text_similarity", "name": "like", "evaluation_metric": "fuzzy_match", "input": "{{sample.output_text}}",
              "reference": "{{item.wanted}}"}  # fmt: skip
    hyperparameters = {"n_epochs": 1, "batch_size": 5, "compute_multiplier": 0.25, "eval_interval": 1, "eval_samples": 1}
    method = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": hyperparameters}}
    training, held_out = upload(client, 10, kind=prompts), upload(client, 1, seed=1, kind=prompts)
    job = create(client, model="brief", training_file=training.id, validation_file=held_out.id, method=method)
    job = wait(client, job.id)
    assert job.trained_tokens
    events = client.fine_tuning.jobs.list_events(job.id, limit=100).data
    steps = [event.data for event in events if event.type == "metrics"]
    assert [row["step"] for row in steps] == [2, 1]
    assert all(row["train_signal_share"] > 0 for row in steps)
    assert sum("validation reward" in event.message for event in events) == 3
    result = client.files.content(job.result_files[0]).text.splitlines()
    assert result[0].endswith("train_reward_mean,valid_reward_mean")
    asked = {"messages": [{"role": "user", "content": "one"}], "max_tokens": 4}
    assert client.chat.completions.create(model=job.fine_tuned_model, **asked).model == job.fine_tuned_model


def create(client: openai.OpenAI, **options: Any) -> Any:
    return client.fine_tuning.jobs.create(**{"training_file": upload(client).id, "seed": 1, **options})


@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "hyperparameters")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "integrations")
def test_the_metrics_of_a_job_go_to_weights_and_biases_as_well(server: Server, client: openai.OpenAI) -> None:
    asked = {"type": "wandb", "wandb": {"project": "pumps", "name": "first", "entity": None, "tags": ["night"]}}
    made = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=upload(client, seed=9).id,
        hyperparameters={"n_epochs": 2},
        integrations=cast(Any, [asked]),
    )
    assert made.hyperparameters.n_epochs == 2
    job = wait(client, made.id)
    assert [one.to_dict() for one in job.integrations] == [asked]
    (run,) = (server.home / "jobs" / job.id).glob(f"wandb/offline-run-*/run-{job.id}.wandb")
    sent = _run_records(run)
    events = client.fine_tuning.jobs.list_events(job.id, limit=1000).data
    steps = {event.data["step"]: event.data["train_loss"] for event in events if event.type == "metrics"}
    assert {step: values["train_loss"] for step, values in sent.history.items() if "train_loss" in values} == steps
    assert (sent.project, sent.name) == ("pumps", "first")
    assert {"night", "hone/tiny"} <= set(sent.tags)


@dataclass
class RunRecords:
    """What the client of Weights & Biases has written for its server."""

    project: str
    name: str
    tags: list[str]
    history: dict[int, dict[str, Any]]


def _run_records(file: Path) -> RunRecords:
    from wandb.proto import wandb_internal_pb2

    record, found = wandb_internal_pb2.Record(), RunRecords("", "", [], {})
    for data in _logged(file.read_bytes()):
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "run":
            found.project, found.name, found.tags = record.run.project, record.run.display_name, list(record.run.tags)
        elif record.WhichOneof("record_type") == "history":
            values = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            found.history[record.history.step.num] = values
    return found


def _logged(data: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format, behind a header of seven bytes."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, part = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if part in (1, 4):  # the only part of a record, or its last one
            yield whole
            whole = b""


def test_a_killed_server_loses_nothing_and_repeats_no_event(tmp_path: Path, tiny_base_dir: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first = start(home, tiny_base_dir)
    key = make_key(home)
    client = first.client(key)
    job = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=upload(client, 40).id,
        seed=1,
        hyperparameters={"n_epochs": 6, "batch_size": 4},
    )
    steps = wait_for_steps(client, job.id, 2)
    first.stop(signal.SIGKILL)  # its worker lives on, as an orphan
    second = start(home, tiny_base_dir)
    try:
        client = second.client(key)
        job = wait(client, job.id)
        events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
        assert [e.data["step"] for e in events if e.type == "metrics"] == list(range(60, 0, -1))
        assert len(steps) >= 2 and set(steps) <= {e.id for e in events}
        assert len({e.id for e in events}) == len(events)
        assert client.models.retrieve(job.fine_tuned_model).id == job.fine_tuned_model
    finally:
        second.stop()


def test_a_stopped_server_puts_its_job_back_and_the_next_one_goes_on(tmp_path: Path, tiny_base_dir: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first = start(home, tiny_base_dir)
    key = make_key(home)
    client = first.client(key)
    job = client.fine_tuning.jobs.create(
        model="tiny", training_file=upload(client, 40).id, seed=1, hyperparameters={"n_epochs": 20, "batch_size": 4}
    )
    wait_for_steps(client, job.id, 3)
    first.stop()
    second = start(home, tiny_base_dir)
    try:
        client = second.client(key)
        paused = wait(client, client.fine_tuning.jobs.pause(job.id).id, until="paused")
        assert paused.estimated_finish is None
        assert client.fine_tuning.jobs.resume(job.id).status == "queued"
        before = len(wait_for_steps(client, job.id, 3))
        wait_for_steps(client, job.id, before + 3)
        client.fine_tuning.jobs.cancel(job.id)
        wait(client, job.id, until="cancelled")
        with pytest.raises(openai.BadRequestError, match="does not take 'resume'"):
            client.fine_tuning.jobs.resume(job.id)
        events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
        assert any("Resumed at step" in event.message for event in events), [event.message for event in events]
        steps = [event.data["step"] for event in events if event.type == "metrics"]
        assert steps == list(range(len(steps), 0, -1))
    finally:
        second.stop()


def wait_for_steps(client: openai.OpenAI, job_id: str, count: int) -> list[str]:
    """Ids of the step events, once there are `count` of them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [e.id for e in client.fine_tuning.jobs.list_events(job_id, limit=100) if e.type == "metrics"]
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {count} steps within a minute")
