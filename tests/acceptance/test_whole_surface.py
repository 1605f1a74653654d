"""The official clients against the real command: every operation of the contract, each to the answer that it is there for, and
the five calls from Node with their errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from tests import contract, tiny
from tests.acceptance.node import ASSETS, modules, node
from tests.acceptance.test_fine_tuning_api import Server, make_key, start, upload, wait

__all__ = ["modules", "node"]  # fixtures

CHECK = {"type": "string_check", "name": "exact", "input": "{{sample.output_text}}", "reference": "fan", "operation": "eq"}
EVAL = {
    "data_source_config": {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True},
    "testing_criteria": [CHECK],
}
GIVEN = [{"item": {"a": "fan"}, "sample": {"output_text": "fan"}}]
RUN = {"data_source": {"type": "jsonl", "source": {"type": "file_content", "content": GIVEN}}}
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_base_dir: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("surface") / "home"
    home.mkdir()
    running = start(home, tiny_base_dir)
    yield running
    running.stop()


def judge(calls: list[tuple[str, str, int]]) -> None:
    """Every operation was called, and every call was answered as it should be."""
    # The clients cancel a run at a path of their own, which is served beside the contract's.
    known = [(method, re.sub(r"^/v1|(?<=/runs/)([^/]+)/cancel$", r"\1", path), status) for method, path, status in calls]
    answers = [(contract.operation_of(method, path), status) for method, path, status in known]
    assert {name for name, _ in answers} == set(contract.operations())
    assert [one for one in answers if one[1] not in (200, 201)] == []


def test_the_python_client_reaches_every_operation(server: Server) -> None:
    calls: list[tuple[str, str, int]] = []

    def note(answer: Any) -> None:
        calls.append((answer.request.method, answer.request.url.raw_path.decode().partition("?")[0], answer.status_code))

    http = openai.DefaultHttpxClient(event_hooks={"response": [note]})
    with server.client(make_key(server.home, "--scope", "admin"), http_client=http) as client:
        drive(client)
    judge(calls)


def test_the_node_client_reaches_every_operation(server: Server, node: Path, modules: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    key = make_key(server.home, "--scope", "admin", "--project", "from-node")
    # The client keeps a key of its own for what needs an administrator, such as checkpoint permissions.
    keys = {"OPENAI_API_KEY": key, "OPENAI_ADMIN_KEY": key}
    environment = {**os.environ, "OPENAI_BASE_URL": f"{server.url}/v1", **keys}
    command = [node / "bin" / "node", ASSETS / "whole_surface.mjs", modules, training, json.dumps({"eval": EVAL, "run": RUN})]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=180, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    judge([(method, path, status) for method, path, status in json.loads(done.stdout)])


def test_the_five_calls_from_node(server: Server, node: Path, modules: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    key = make_key(server.home, "--project", "five-calls")
    environment = {**os.environ, "OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": key}
    done = subprocess.run(
        [str(node / "bin" / "node"), str(ASSETS / "five_calls.mjs"), str(modules), str(training)],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["ready"] == "processed" and seen["content"] == training.read_text()
    assert seen["created"] == {"status": "queued", "epochs": 2}
    assert seen["status"] == "succeeded" and seen["listed"]
    assert seen["steps"] == [6, 5, 4, 3, 2, 1]
    assert seen["checkpoints"] == [6, 3]
    assert seen["model"] == seen["tuned"] == seen["answeredBy"] and ":from-node:" in seen["model"]
    assert seen["streamed"] == seen["answer"] and seen["tokens"] == seen["plainTokens"] > 0
    expected = {
        "model": ("NotFoundError", 404, "model_not_found", "model"),
        "temperature": ("BadRequestError", 400, "invalid_value", "temperature"),
        "key": ("AuthenticationError", 401, "invalid_api_key", None),
    }
    for what, fields in expected.items():
        refused = seen["refused"][what]
        assert (refused["name"], refused["status"], refused["code"], refused["param"]) == fields
        assert refused["id"].startswith("req_")
    assert seen["deleted"] is True


def drive(client: Any) -> None:
    """A user of everything."""
    tune(client)
    uploads(client)
    ask(client)
    evaluate(client)


def tune(client: Any) -> None:
    file = upload(client)
    assert client.files.retrieve(file.id).purpose == "fine-tune"
    assert client.files.content(file.id).read().count(b"\n") == 11
    jobs, permissions = client.fine_tuning.jobs, client.fine_tuning.checkpoints.permissions
    job = jobs.create(model="tiny", training_file=file.id, hyperparameters={"n_epochs": 1})
    waiting = jobs.create(model="tiny", training_file=file.id, hyperparameters={"n_epochs": 50, "batch_size": 1})
    jobs.pause(waiting.id)
    wait(client, waiting.id, "paused")
    assert jobs.resume(waiting.id).status == "queued"
    assert jobs.cancel(waiting.id).id == waiting.id
    model = wait(client, job.id).fine_tuned_model
    assert {one.id for one in jobs.list(limit=1)} == {job.id, waiting.id}
    assert [event.message for event in jobs.list_events(job.id, limit=2)][-1] == "Job created"
    checkpoint = jobs.checkpoints.list(job.id).data[0].fine_tuned_model_checkpoint
    (shared,) = permissions.create(checkpoint, project_ids=["team-b"])
    assert [one.project_id for one in permissions.list(checkpoint)] == ["team-b"]
    assert permissions.delete(shared.id, fine_tuned_model_checkpoint=checkpoint).deleted
    graders = client.fine_tuning.alpha.graders
    assert graders.validate(grader=CHECK).grader.name == "exact"
    assert graders.run(grader=CHECK, model_sample="fan").reward == 1
    assert {model, "tiny"} <= {one.id for one in client.models.list()}
    assert client.models.retrieve(model).id == model
    assert client.chat.completions.create(**{**CHAT, "model": model}).model == model
    assert client.models.delete(model).deleted
    assert file.id in [one.id for one in client.files.list(limit=1)]
    assert client.files.delete(file.id).deleted


def uploads(client: Any) -> None:
    told = {"filename": "a.txt", "bytes": 7, "mime_type": "text/plain", "purpose": "batch"}
    joined = client.uploads.upload_file_chunked(file=b"one two", part_size=4, **told)
    assert client.files.content(joined.file.id).read() == b"one two"
    begun = client.uploads.create(**told)
    assert client.uploads.cancel(begun.id).status == "cancelled"


def ask(client: Any) -> None:
    chats, responses = client.chat.completions, client.responses
    kept = chats.create(**CHAT, store=True)
    assert chats.retrieve(kept.id).choices == kept.choices
    assert chats.update(kept.id, metadata={"team": "a"}).metadata == {"team": "a"}
    assert [one.id for one in chats.list(metadata={"team": "a"})] == [kept.id]
    assert [one.content for one in chats.messages.list(kept.id)] == ["hello"]
    assert chats.delete(kept.id).deleted
    assert client.completions.create(model="tiny", prompt="one", max_tokens=2).usage.completion_tokens <= 2
    assert len(client.embeddings.create(model="tiny", input=["one", "two"]).data) == 2
    answer = responses.create(model="tiny", input="hello", max_output_tokens=16, store=True)
    assert responses.retrieve(answer.id).output_text == answer.output_text
    assert len(list(responses.input_items.list(answer.id))) == 1
    responses.delete(answer.id)
    queued = responses.create(model="tiny", input="hello", max_output_tokens=400, background=True)
    assert responses.cancel(queued.id).status in ("cancelled", "completed", "incomplete")
    *_, last = responses.create(model="tiny", input="hello", max_output_tokens=16, background=True, stream=True)
    assert responses.retrieve(last.response.id) == last.response


def evaluate(client: Any) -> None:
    evals = client.evals
    made = evals.create(**EVAL)
    assert evals.update(made.id, name="fans").name == evals.retrieve(made.id).name == "fans"
    assert made.id in [one.id for one in evals.list()]
    run = evals.runs.create(made.id, **RUN)
    while (done := evals.runs.retrieve(run.id, eval_id=made.id)).status in ("queued", "in_progress"):
        time.sleep(0.05)
    assert (done.status, done.result_counts.passed) == ("completed", 1)
    (item,) = evals.runs.output_items.list(run.id, eval_id=made.id)
    assert evals.runs.output_items.retrieve(item.id, eval_id=made.id, run_id=run.id).status == "pass"
    assert [one.id for one in evals.runs.list(made.id)] == [run.id]
    asked = {"type": "completions", "model": "tiny", "source": {"type": "file_content", "content": [{"item": {}}] * 200},
             "input_messages": {"type": "template", "template": [{"role": "user", "content": "hello"}]}}  # fmt: skip
    stopped = evals.runs.create(made.id, data_source=asked)
    assert evals.runs.cancel(stopped.id, eval_id=made.id).status == "canceled"
    evals.runs.delete(run.id, eval_id=made.id)
    assert evals.delete(made.id).deleted
