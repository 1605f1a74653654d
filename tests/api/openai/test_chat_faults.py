"""Chat completions when things go wrong, with an engine under the test's control (see conftest) behind a real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.waiting import until

from honekit.api import batcher, engines, server
from honekit.api.openai import answering
from honekit.api.openai.chat_schema import ChatCompletionRequest
from honekit.api.openai.conversation import Run
from honekit.errors import ModelError
from honekit.jobs import queue
from honekit.registry import create_version

BODY = {"model": "one", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
TOOL = {"type": "function", "function": {"name": "f"}}
SCHEMA_FORMAT = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}


@pytest.fixture
def load(controlled: Any, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """What loading a model does: the list's only entry, which a test may replace."""
    loads: list[Callable[[], Any]] = [lambda: controlled]
    monkeypatch.setattr("honekit.inference.engine.load_engine", lambda *_args, **_options: loads[0]())
    return loads


@pytest.fixture
def url(load: Any, controlled: Any, tmp_path: Path) -> Iterator[str]:
    names = {name: str(tmp_path / name) for name in ("one", "two")}
    with server.running(engines.Engines(max_loaded=1, extra_bases=names)) as url:
        yield url
        controlled.go.set()


@pytest.fixture
def http(url: str, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=10) as client:
        yield client


def post(http: httpx.Client, **changes: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={**BODY, **changes})


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Starts `work` in a thread; calling the result waits for what it returned."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def wait() -> Any:
        thread.join(10)
        return results[0]

    return wait


def test_a_full_queue_is_a_429_that_says_when_to_come_back(
    http: httpx.Client, controlled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher.Worker.__init__, "__kwdefaults__", {"batch_size": 64, "limit": 1})
    running = in_background(lambda: post(http))
    until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    for stream in (False, True):
        refused = post(http, stream=stream)
        assert refused.status_code == 429
        assert refused.json()["error"]["type"] == "rate_limit_exceeded"
        assert int(refused.headers["retry-after"]) >= 1
    controlled.go.set()
    assert running().json()["choices"][0]["message"]["content"] == "aaa"
    assert post(http).status_code == 200


def test_others_are_answered_while_the_first_request_loads_torch(
    http: httpx.Client, controlled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, loaded = threading.Event(), threading.Event()
    monkeypatch.setattr(answering, "_import_torch", lambda: (begun.set(), loaded.wait(10)))
    controlled.go.set()
    first = in_background(lambda: post(http))
    assert begun.wait(10)
    assert http.get("/v1/models").status_code == 200
    assert not controlled.sessions
    loaded.set()
    assert first().status_code == 200


def test_a_server_that_stops_tells_those_who_still_wait(
    controlled: Any, load: Any, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "SHUTDOWN_S", 0.3)
    monkeypatch.setattr(engines, "STOP_TIMEOUT_S", 0.1)
    with httpx.Client(headers={"authorization": f"Bearer {key}"}, timeout=10) as http:
        with server.running(engines.Engines(extra_bases={"one": str(tmp_path / "one")})) as url:
            http.base_url = httpx.URL(url)
            running = in_background(lambda: post(http))
            stream = in_background(lambda: broken(http))
            until(lambda: bool(controlled.sessions) and len(controlled.sessions[0].left) > 0)
        answer = running()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stopping")
        assert stream()
    assert "Traceback" not in caplog.text and "Exception in ASGI application" not in caplog.text


def broken(http: httpx.Client) -> bool:
    """Whether a stream ends as no whole one does."""
    try:
        with http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
            return response.status_code == 503 or "[DONE]" not in response.read().decode()
    except httpx.RemoteProtocolError:
        return True


def test_a_model_that_is_answering_is_not_unloaded_for_another(http: httpx.Client, controlled: Any) -> None:
    running = in_background(lambda: post(http))
    until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    assert post(http, model="two").status_code == 429
    controlled.go.set()
    assert running().status_code == 200
    assert post(http, model="two").json()["model"] == "two"
    assert len(controlled.sessions) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_nobody_waits_for_is_dropped(http: httpx.Client, controlled: Any, stream: bool) -> None:
    controlled.step_s = 0.05
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json={**BODY, "max_tokens": 400, "stream": stream}, timeout=1.0)
    controlled.go.set()  # 400 steps would take 20 s
    until(lambda: not controlled.sessions[0].busy)
    assert len(controlled.sessions[0].cancelled) == 1
    assert post(http).status_code == 200


def test_a_client_that_goes_in_the_middle_of_a_stream_frees_the_model(http: httpx.Client, controlled: Any) -> None:
    controlled.step_s = 0.02
    controlled.go.set()
    with http.stream("POST", "/v1/chat/completions", json={**BODY, "max_tokens": 400, "stream": True}) as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(5)][4].startswith("data: ")
        assert controlled.sessions[0].busy
    until(lambda: not controlled.sessions[0].busy)
    assert len(controlled.sessions[0].cancelled) == 1
    assert post(http, model="two").status_code == 200  # its place is free


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_cannot_be_loaded_is_a_503_and_is_tried_again(
    http: httpx.Client, controlled: Any, load: list[Callable[[], Any]], stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    working = load[0]

    def broken() -> Any:
        raise ModelError("model.unloadable", what="damaged", where="/home/someone/model", mend="fetch it again")

    load[0] = broken
    refused = post(http, stream=stream)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "model_unavailable"
    assert "model.unloadable" in refused.text
    assert "someone" not in refused.text
    assert "someone" in caplog.text
    assert refused.headers["x-should-retry"] == "false"
    load[0] = working
    controlled.go.set()
    assert post(http, stream=stream).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_is_deleted_while_it_is_loaded_is_unknown(
    http: httpx.Client, load: list[Callable[[], Any]], tmp_path: Path, stream: bool
) -> None:
    job = queue.create_job("fine_tuning", {})
    queue.request_stop(job.id, "cancel")
    name = create_version("", job.id, "one", "b", tmp_path, "f").name

    def delete_and_load() -> Any:
        assert http.delete(f"/v1/models/{name}").status_code == 200
        raise FileNotFoundError(tmp_path / "adapter_model.safetensors")

    load[0] = delete_and_load
    refused = post(http, model=name, stream=stream)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    assert post(http, model=name, stream=stream).text == refused.text


def test_a_bug_while_loading_shows_nothing(http: httpx.Client, load: list[Callable[[], Any]]) -> None:
    load[0] = lambda: 1 // 0
    for stream in (False, True):
        refused = post(http, stream=stream)
        assert (refused.status_code, refused.json()["error"]["code"]) == (500, "internal_error")


def test_a_stream_is_kept_alive_while_the_model_loads(
    http: httpx.Client, controlled: Any, load: list[Callable[[], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "KEEP_ALIVE_S", 0.05)
    loaded = threading.Event()
    load[0] = lambda: loaded.wait(10) and controlled
    controlled.go.set()
    lines = []
    with http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            lines.append(line)
            loaded.set()
    assert lines[0].startswith(":")
    assert lines[-2:] == ["data: [DONE]", ""]


def test_a_fault_after_the_start_is_an_event_that_the_client_raises(
    url: str, key: str, controlled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "KEEP_ALIVE_S", 0.05)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(**BODY, stream=True)  # type: ignore[call-overload]
        controlled.sessions[0].fails = True
        controlled.go.set()
        with pytest.raises(openai.APIError, match="failed to answer"):
            list(stream)


def test_an_engine_that_fails_is_a_500_and_the_next_request_is_answered(http: httpx.Client, controlled: Any) -> None:
    controlled.go.set()
    assert post(http).status_code == 200
    controlled.sessions[0].fails = True
    failed = post(http)
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "engine_failed")
    assert post(http).status_code == 200


def test_many_choices_of_one_request_are_one_batch(http: httpx.Client, controlled: Any) -> None:
    running = in_background(lambda: post(http, n=128))
    until(lambda: bool(controlled.sessions) and len(controlled.sessions[0].left) == 128)
    controlled.go.set()
    answer = json.loads(running().text)
    assert [choice["index"] for choice in answer["choices"]] == list(range(128))
    assert answer["usage"]["completion_tokens"] == 3 * 128
    assert controlled.sessions[0].most_at_once == 128


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "tools"),
        ({"tools": [TOOL], "response_format": SCHEMA_FORMAT}, "response_format.json_schema.schema"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_the_parameter_that_holds_an_answer_is_known(asked: dict[str, Any], param: str) -> None:
    body = ChatCompletionRequest.model_validate({**BODY, **asked})
    assert Run(body, "one", "", 0, None, [], [], 0).held_by == param  # type: ignore[arg-type]


def test_an_answer_that_cannot_be_held_to_its_schema_is_a_400_or_an_event(url: str, key: str, controlled: Any) -> None:
    controlled.go.set()
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        client.chat.completions.create(**BODY)  # type: ignore[call-overload]
        controlled.sessions[0].last_reason = "error"
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**BODY)  # type: ignore[call-overload]
        assert (caught.value.code, caught.value.param) == ("schema_too_complex", "response_format")
        with pytest.raises(openai.APIError) as raised:
            list(client.chat.completions.create(**BODY, stream=True))  # type: ignore[call-overload]
        assert raised.value.code == "schema_too_complex"


def test_an_engine_that_cannot_embed_is_a_500_and_goes_on_answering(http: httpx.Client, controlled: Any) -> None:
    controlled.go.set()
    failed = http.post("/v1/embeddings", json={"model": "one", "input": "x"})
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "engine_failed")
    assert post(http).status_code == 200


def test_completions_and_embeddings_wait_in_the_same_queue(
    http: httpx.Client, controlled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher.Worker.__init__, "__kwdefaults__", {"batch_size": 64, "limit": 1})
    running = in_background(lambda: post(http))
    until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    for path, body in (("completions", {"prompt": "x"}), ("embeddings", {"input": "x"})):
        refused = http.post(f"/v1/{path}", json={"model": "one", **body})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    controlled.go.set()
    assert running().status_code == 200
