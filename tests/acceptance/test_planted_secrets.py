"""Prompts, answers, keys and rows that went through the server, on good ways and on faulty ones, stand in no log and no table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

SECRET = "zebra-4711-quill"
"""Planted in every text; a file that a client uploads is the only place that it may be found in."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, tiny_base_dir: Path) -> dict[str, bytes]:
    """What a server leaves behind after requests with secrets in them: its output, and every file of its data directory."""
    folder = tmp_path_factory.mktemp("secrets")
    environment = {**os.environ, "HONE_HOME": str(folder / "home")}
    hone = [sys.executable, "-m", "honekit.cli.main"]
    created = subprocess.run([*hone, "keys", "create", "--json"], capture_output=True, text=True, check=True, env=environment)
    key = json.loads(created.stdout)["key"]
    with open(folder / "log", "wb") as log:
        command = [*hone, "serve", "--port", "0", "--json", "--base", f"tiny={tiny_base_dir}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process:
            assert process.stdout
            try:
                _ask(json.loads(process.stdout.readline())["url"], key)
            finally:
                process.terminate()
                process.wait(60)
    found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {**found, "key": key.encode()}


def _ask(url: str, key: str) -> None:
    message = {"role": "user", "content": SECRET}
    chat = {"model": "tiny", "messages": [message], "max_tokens": 4, "stop": SECRET, "user": SECRET}
    grader = {"type": "string_check", "name": SECRET, "input": "{{sample.output_text}}", "reference": SECRET, "operation": "eq"}
    faulty = "\n".join(json.dumps({"messages": [message, {"role": SECRET, "content": SECRET}]}) for _ in range(12)).encode()
    with httpx.Client(base_url=f"{url}/v1", headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:

        def post(path: str, status: int, body: Any = None, **options: Any) -> httpx.Response:
            answer = client.post(path, json=body, **options) if body is not None else client.post(path, **options)
            assert answer.status_code == status, (path, answer.text)
            return answer

        post("/chat/completions", 200, chat)
        post("/chat/completions", 200, {**chat, "stream": True})
        post("/chat/completions", 400, {**chat, "messages": [{"role": SECRET, "content": SECRET}]})
        post("/chat/completions", 404, {**chat, "model": SECRET})
        post("/chat/completions", 400, content=f'{{"model": "{SECRET}'.encode(), headers={"Content-Type": "application/json"})
        post("/responses", 200, {"model": "tiny", "input": SECRET, "max_output_tokens": 16, "store": False})
        post("/embeddings", 200, {"model": "tiny", "input": SECRET})
        post("/fine_tuning/alpha/graders/run", 200, {"grader": grader, "model_sample": SECRET})
        post("/fine_tuning/alpha/graders/run", 400, {"grader": {**grader, "operation": SECRET}, "model_sample": SECRET})
        file = post("/files", 200, files={"file": ("rows.jsonl", faulty)}, data={"purpose": "fine-tune"}).json()["id"]
        refused = post("/fine_tuning/jobs", 400, {"model": "tiny", "training_file": file})
        assert "Line" in refused.text
        assert client.get(f"/files/{SECRET}").status_code == 404
        assert httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer hone-{SECRET}"}).status_code == 401


def test_what_was_asked_and_answered_is_nowhere(left: dict[str, bytes]) -> None:
    holding = [name for name, data in left.items() if SECRET.encode() in data]
    # The uploaded rows themselves, which their owner may fetch and delete.
    assert [name for name in holding if not name.startswith("home/blobs/")] == []
    assert len(holding) == 1


def test_the_key_is_nowhere(left: dict[str, bytes]) -> None:
    assert len(left) > 3
    assert [name for name, data in left.items() if left["key"] in data] == ["key"]
