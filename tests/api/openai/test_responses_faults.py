"""Responses when things go wrong, with an engine under the test's control (see conftest) behind a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.waiting import until

from honekit.api import engines, server
from honekit.store import answers
from honekit.store.database import open_database

BODY = {"model": "one", "input": "hello", "max_output_tokens": 400}
KINDS = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("responses", BODY),
        ("chat/completions", {"model": "one", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 400}),
    ],
)


@pytest.fixture
def url(controlled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("honekit.inference.engine.load_engine", lambda *_args, **_options: controlled)
    controlled.step_s = 0.01
    controlled.go.set()
    with server.running(engines.Engines(extra_bases={"one": str(tmp_path / "one")})) as url:
        yield url


@pytest.fixture
def client(url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        yield client


def kept() -> int:
    return len(answers.list_answers("default", "response")) + len(answers.list_answers("default", "chat.completion"))


def test_a_fault_in_the_middle_of_a_stream_is_the_event_failed(client: openai.OpenAI, controlled: Any) -> None:
    before = kept()
    stream = client.responses.create(**BODY, stream=True, store=True)  # type: ignore[call-overload]
    events = [next(stream) for _ in range(8)]
    controlled.sessions[0].fails = True
    events += list(stream)
    last = events[-1]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (last.type, last.response.status, last.response.error.code) == ("response.failed", "failed", "server_error")
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert last.response.output[0].content[0].text == said != ""
    assert kept() == before
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(last.response.id)
    controlled.step_s = 0.0
    assert client.responses.create(**BODY).status == "incomplete"  # type: ignore[call-overload]


@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_first_token_is_a_plain_error(client: openai.OpenAI, controlled: Any, stream: bool) -> None:
    client.responses.create(**{**BODY, "max_output_tokens": 16})  # type: ignore[call-overload]
    before = kept()
    controlled.sessions[0].fails = True
    with pytest.raises(openai.InternalServerError) as caught:
        client.responses.create(**BODY, stream=stream, store=True)  # type: ignore[call-overload]
    assert caught.value.code == "engine_failed"
    assert kept() == before


def test_an_answer_that_cannot_be_held_to_its_schema_fails(client: openai.OpenAI, controlled: Any) -> None:
    client.responses.create(**{**BODY, "max_output_tokens": 16})  # type: ignore[call-overload]
    controlled.sessions[0].last_reason = "error"
    small = {**BODY, "max_output_tokens": 16}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**small)  # type: ignore[call-overload]
    assert (caught.value.code, caught.value.param) == ("schema_too_complex", "text.format")
    last = list(client.responses.create(**small, stream=True))[-1]  # type: ignore[call-overload]
    assert (last.type, last.response.error.code) == ("response.failed", "invalid_prompt")


@KINDS
@pytest.mark.parametrize("stream", [False, True])
def test_what_nobody_waited_for_is_not_stored(
    url: str, key: str, controlled: Any, path: str, body: dict[str, Any], stream: bool
) -> None:
    before = kept()
    controlled.go.clear()
    headers = {"authorization": f"Bearer {key}"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/v1/{path}", json={**body, "store": True, "stream": stream}, headers=headers, timeout=1)
    controlled.go.set()
    until(lambda: bool(controlled.sessions) and not controlled.sessions[0].busy)
    assert controlled.sessions[0].cancelled
    assert kept() == before


@KINDS
def test_a_store_that_fails_is_not_passed_over(url: str, key: str, controlled: Any, path: str, body: dict[str, Any]) -> None:
    """The caller must not think that the answer is kept."""
    controlled.step_s = 0.0
    headers = {"authorization": f"Bearer {key}"}
    with open_database().write() as connection:
        connection.exec_driver_sql("ALTER TABLE stored_answers RENAME TO away")
    try:
        for stream in (False, True):
            response = httpx.post(f"{url}/v1/{path}", json={**body, "store": True, "stream": stream}, headers=headers, timeout=60)
            fault = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
            assert (response.status_code, fault["error"]["type"]) == (200 if stream else 503, "server_error")
            assert "stored_answers" not in response.text
    finally:
        with open_database().write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO stored_answers")
