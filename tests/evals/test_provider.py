"""The provider's side is a real HTTP server with OpenAI's contract, made for the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from honekit.data import read_examples
from honekit.errors import EvalError
from honekit.evals.answers import AnswerStore
from honekit.evals.prompting import Prompting, Sources
from honekit.evals.provider import EndpointAsker
from honekit.project import load_project

PROJECT = load_project(Path(__file__).parents[2] / "examples" / "support-routing")
EXAMPLES = read_examples(PROJECT, PROJECT.data.validation)[:6]


class Provider(ThreadingHTTPServer):
    asked: list[dict[str, Any]]
    status = 200


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        reply = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "billing"}}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42},
        }
        raw = json.dumps(reply if self.server.status == 200 else {"error": {"message": "no such model"}}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), _Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asker(provider: Provider, folder: Path, seed: int = 0) -> EndpointAsker:
    url = f"http://127.0.0.1:{provider.server_port}/v1"
    sources = Sources.of(PROJECT, None, EXAMPLES)
    return EndpointAsker(PROJECT, sources, AnswerStore(folder, "api"), url, "some-model", "PROVIDER_KEY", seed)


def test_answers_are_asked_once_and_kept(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    prompting = Prompting("Sort it.", "own")
    first = asker(provider, tmp_path).answer_each([prompting], EXAMPLES)[0]
    assert [answer.text for answer in first] == ["billing"] * 6
    assert first[0].prompt_tokens + first[0].new_tokens == 42
    assert {body["temperature"] for body in provider.asked} == {0}
    assert asker(provider, tmp_path).answer_each([prompting], EXAMPLES)[0] == first
    assert len(provider.asked) == 6
    asker(provider, tmp_path, seed=1).answer_each([prompting], EXAMPLES)
    assert len(provider.asked) == 12


def test_the_constrained_arm_sends_the_schema(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    asker(provider, tmp_path).answer_each([Prompting("Sort it.", "own", constrained=True)], EXAMPLES[:1])
    assert provider.asked[0]["response_format"]["type"] == "json_schema"


def test_latency_comes_from_requests_asked_alone(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    one, prompting = asker(provider, tmp_path), Prompting("Sort it.", "own")
    one.answer_first(prompting, EXAMPLES, 2, lambda done, total: None)
    answers = one.answer_each([prompting], EXAMPLES)[0]
    assert [answer.seconds is not None for answer in answers] == [True, True, False, False, False, False]
    assert len(provider.asked) == 6


def test_a_missing_key_and_a_refusal_say_what_to_do(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROVIDER_KEY", raising=False)
    with pytest.raises(EvalError) as caught:
        asker(provider, tmp_path).answer_each([Prompting("Sort it.", "own")], EXAMPLES[:1])
    assert caught.value.code == "eval.endpoint_key"
    monkeypatch.setenv("PROVIDER_KEY", "secret")
    provider.status = 404
    with pytest.raises(EvalError) as caught:
        asker(provider, tmp_path).answer_each([Prompting("Sort it.", "own")], EXAMPLES[:1])
    assert caught.value.code == "eval.endpoint"
    assert "secret" not in caught.value.what
