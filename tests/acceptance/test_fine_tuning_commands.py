"""The five calls as commands: the real `hone` against a real `hone serve`, named by HONE_BASE_URL.

Uploading, creating, watching and showing are processes of their own; what else is asked runs in this one, without their seconds.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests import tiny
from tests.acceptance.test_fine_tuning_api import Server, make_key, start

from honekit.cli.main import main

HONE = [sys.executable, "-m", "honekit.cli.main"]


@dataclass
class Client:
    """A user with a key; their own data directory is empty and stays so."""

    url: str
    key: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HONE_BASE_URL": self.url, "HONE_API_KEY": self.key, "HONE_HOME": str(self.home)}

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        out, err = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
        with patch.dict(os.environ, self.environment), redirect_stdout(out), redirect_stderr(err):
            done = main([*map(str, arguments)])
        printed = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
        assert done == code, printed + err.getvalue()
        assert "Traceback" not in err.getvalue()
        return printed

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def process(self, *arguments: str | Path) -> str:
        done = subprocess.run([*HONE, *map(str, arguments)], capture_output=True, text=True, env=self.environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("serve") / "home"
    home.mkdir()
    running = start(home, base)
    yield running
    running.stop()


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    home = tmp_path / "client"
    home.mkdir()
    return Client(server.url, make_key(server.home), home)


def test_the_five_calls_as_commands(client: Client, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    held_out = tiny.write_jsonl(tmp_path / "valid.jsonl", tiny.conversations(10, seed=1))
    uploaded = json.loads(client.process("files", "upload", training, "--json"))["files"][0]

    command = ["jobs", "create", training, "--validation", held_out, "--model", "tiny", "--suffix", "told", "--seed", "7"]
    created = json.loads(client.process(*command, "--epochs", "2", "--batch-size", "4", "--metadata", "team=pumps", "--json"))
    assert created["training_file"] == uploaded["id"]
    assert (created["status"], created["metadata"]) == ("queued", {"team": "pumps"})

    events = [json.loads(line) for line in client.process("jobs", "watch", created["id"], "--json").splitlines()]
    assert [event["data"]["step"] for event in events if event["type"] == "metrics"] == [1, 2, 3, 4, 5, 6]
    assert client.json("jobs", "events", created["id"])["events"] == events
    followed = client.run("jobs", "events", created["id"], "--follow", "--json").splitlines()
    assert [json.loads(line) for line in followed] == events

    job = json.loads(client.process("jobs", "show", created["id"], "--json"))
    assert (job["status"], len(job["checkpoints"])) == ("succeeded", 2)
    assert client.json("jobs", "list")["jobs"][0]["fine_tuned_model"] == job["fine_tuned_model"]
    assert client.run("files", "content", job["result_files"][0]).startswith("step,train_loss")
    assert f"hone chat {job['fine_tuned_model']}" in client.run("jobs", "watch", created["id"])

    assert job["fine_tuned_model"] in [model["id"] for model in client.json("models", "list")["models"]]
    assert client.json("models", "show", job["fine_tuned_model"])["id"] == job["fine_tuned_model"]
    assert client.run("models", "show", "tiny").splitlines()[:2] == [f"{'model':<20} tiny", f"{'owner':<20} base"]
    assert client.json("models", "show", "none", code=2)["error"]["code"] == "api.model_not_found"
    promoted = client.json("models", "promote", job["fine_tuned_model"])
    assert (promoted["alias"], promoted["version"]) == ("told@production", job["fine_tuned_model"])
    assert client.run("models", "show", "told@production").splitlines()[0] == f"{'model':<20} told@production"
    assert client.json("models", "delete", job["fine_tuned_model"], code=1)["error"]["code"] == "api.model_in_use"
    again = [*command, "--epochs", "1", "--batch-size", "4"]
    second_job = client.json(*again)["id"]
    client.run("jobs", "watch", second_job)
    second = client.json("jobs", "show", second_job)["fine_tuned_model"]
    assert client.run("models", "promote", second, "--alias", "told@production").strip() == f"told@production -> {second}"
    assert client.run("models", "rollback", "told@production").strip() == f"told@production -> {job['fine_tuned_model']}"
    assert client.json("models", "rollback", "told@production", code=1)["error"]["code"] == "api.nothing_before"
    assert client.json("models", "rollback", "none@production", code=2)["error"]["code"] == "api.alias_not_found"
    assert client.json("models", "delete", second)["deleted"] is True
    assert second not in client.run("models", "list")
    assert client.json("models", "delete", "tiny", code=1)["error"]["code"] == "api.model_is_base"
    assert list(client.home.glob("*.db")) == []


def test_a_job_is_paused_resumed_and_cancelled_on_the_server(client: Client, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(60, seed=2))
    long = ("--model", "tiny", "--epochs", "50", "--batch-size", "1")
    job = client.json("jobs", "create", training, *long)["id"]
    assert client.json("jobs", "pause", job)["id"] == job
    assert "is paused" in client.run("jobs", "watch", job, code=1)
    assert client.json("jobs", "resume", job)["status"] == "queued"
    assert job in client.run("jobs", "cancel", job)
    assert client.run("jobs", "watch", job, code=1).rstrip().endswith("cancelled")
    error = client.json("jobs", "resume", job, code=1)["error"]
    assert error["code"] == "api.invalid_state"
    assert "cancelled" in error["what"]


def test_keys_and_projects_bound_what_commands_reach(server: Server, client: Client, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))
    mine = client.json("files", "upload", training)["files"][0]["id"]
    reader = Client(server.url, make_key(server.home, "--scope", "read"), client.home)
    assert mine in reader.run("files", "list")
    error = reader.json("files", "delete", mine, code=1)["error"]
    assert (error["code"], "scope" in error["mend"]) == ("api.insufficient_scope", True)
    stranger = Client(server.url, make_key(server.home, "--project", "team-b"), client.home)
    assert stranger.json("files", "show", mine, code=2)["error"]["code"] == "api.file_not_found"
    nobody = Client(server.url, "hone-wrong", client.home)
    assert nobody.json("files", "list", code=1)["error"]["code"] == "api.invalid_api_key"


def test_an_administrator_keeps_the_keys_of_a_project_on_the_server(server: Server, client: Client) -> None:
    assert client.json("keys", "list", code=1)["error"]["code"] == "api.insufficient_scope"
    admin = Client(server.url, make_key(server.home, "--project", "team-k", "--scope", "admin"), client.home)
    made = admin.json("keys", "create", "--name", "ci", "--scope", "read")
    assert (made["project"], made["scope"], made["name"]) == ("team-k", "read", "ci")
    reader = Client(server.url, made["key"], client.home)
    assert reader.json("files", "list")["files"] == []
    listed = admin.json("keys", "list")["keys"]
    assert [(key["id"] == made["id"], key["scope"]) for key in listed] == [(True, "read"), (False, "admin")]
    assert {name for key in listed for name in key} == set(made) - {"key"}
    assert "ci" in admin.run("keys", "list")
    error = admin.json("keys", "create", "--project", "team-z", code=2)["error"]
    assert (error["code"], "--project" in error["mend"]) == ("api.project_not_found", True)
    revoked = admin.json("keys", "revoke", made["key"])
    assert revoked["revoked_at"] > 0
    assert reader.json("files", "list", code=1)["error"]["code"] == "api.invalid_api_key"
    assert admin.json("keys", "revoke", made["key"]) == revoked
    unknown = f"{made['key'][:-4]}AAAA"
    error = admin.json("keys", "revoke", unknown, code=2)["error"]
    assert (error["code"], unknown in json.dumps(error)) == ("serve.unknown_key", False)
    assert list(client.home.glob("*.db")) == []


@pytest.mark.slow
def test_watching_outlives_a_killed_server(tmp_path: Path, base: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first = start(home, base)
    port = first.url.rsplit(":", 1)[1]
    client = Client(first.url, make_key(home), tmp_path)
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(60, seed=2))
    job = client.json("jobs", "create", training, "--model", "tiny", "--epochs", "3", "--batch-size", "4")["id"]
    watching = subprocess.Popen(
        [*HONE, "jobs", "watch", job, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=client.environment
    )
    assert watching.stdout is not None
    lines = [watching.stdout.readline()]
    first.stop(signal.SIGKILL)
    second = start(home, base, "--port", port)
    try:
        out, err = watching.communicate(timeout=300)
        lines += out.splitlines()
        assert watching.returncode == 0, err
        events = [json.loads(line) for line in lines]
        assert [event["data"]["step"] for event in events if event["type"] == "metrics"] == list(range(1, 46))
        assert len({event["id"] for event in events}) == len(events)
    finally:
        second.stop()
