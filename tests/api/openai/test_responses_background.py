"""Responses in the background, with real (tiny, random) models and with an engine under the test's control (see conftest)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from sqlalchemy import update
from tests import waiting
from tests.api.openai.test_responses import NOW, SMALL, WEATHER, ask, schema_format

from honekit.api import engines, server
from honekit.api.openai import responses_background
from honekit.store import answers, background
from honekit.store.database import open_database
from honekit.store.tables import background_responses

until = partial(waiting.until, seconds=10)
Connect = Callable[..., openai.OpenAI]
BODY: dict[str, Any] = {"model": "one", "input": "hello", "max_output_tokens": 400, "background": True}
LONG = schema_format(
    {"type": "object", "properties": {"text": {"type": "string", "minLength": 1500}}, "required": ["text"]}, False
)
OPEN = ("queued", "in_progress")
OWN_FIELDS = {"id", "created_at", "completed_at", "background", "store", "output"}
"""What two answers to one question do not share; of the output only the ids differ."""


def ended(client: openai.OpenAI, made: Any) -> Any:
    deadline = time.monotonic() + 30
    while made.status in OPEN:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        made = client.responses.retrieve(made.id)
    return made


def said(response: Any) -> Any:
    return [item.model_dump(exclude={"id", "call_id"}) for item in response.output]


@pytest.mark.conformance("POST /v1/responses", "background")
@pytest.mark.parametrize(
    "changes",
    [
        {"instructions": "be short", "metadata": {"a": "b"}, "user": "u", "truncation": "auto"},
        {"text": schema_format(SMALL), "max_output_tokens": 200},
        {"tools": [WEATHER, NOW], "tool_choice": "required", "parallel_tool_calls": False},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        {
            "input": [
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "hi"},
                {"role": "user", "content": "?"},
            ]
        },
    ],
    ids=["text", "schema", "call", "logprobs", "conversation"],
)
def test_it_answers_what_would_be_waited_for(connect: Connect, changes: dict[str, Any]) -> None:
    client = connect(_strict_response_validation=True)
    made = ask(client, background=True, **changes)
    assert (made.status, made.output, made.background, made.store) == ("queued", [], True, True)
    whole, waited_for = ended(client, made), ask(client, **changes)
    assert whole.to_dict().keys() == waited_for.to_dict().keys()
    assert whole.model_dump(exclude=OWN_FIELDS) == waited_for.model_dump(exclude=OWN_FIELDS)
    assert said(whole) == said(waited_for)
    assert client.responses.input_items.list(made.id).data[-1].type == "message"
    if "tools" not in changes:
        assert ask(client, previous_response_id=made.id, truncation="auto").usage.input_tokens > whole.usage.input_tokens


def test_the_stream_of_it_can_be_left_and_taken_up_again(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    whole = list(ask(client, background=True, stream=True, temperature=1, max_output_tokens=100, text=LONG))
    assert [event.sequence_number for event in whole] == list(range(len(whole)))
    kinds = [event.type for event in whole]
    assert kinds[:4] == ["response.created", "response.queued", "response.in_progress", "response.output_item.added"]
    assert kinds[-1] == "response.incomplete" and kinds.count("response.output_text.delta") > 5
    assert [event.response.status for event in whole[:3]] == ["queued", "queued", "in_progress"]
    answer = whole[-1].response
    assert client.responses.retrieve(answer.id) == answer
    assert list(client.responses.retrieve(answer.id, stream=True)) == whole
    assert list(client.responses.retrieve(answer.id, stream=True, starting_after=6)) == whole[7:]


def test_one_that_was_not_asked_for_as_a_stream_can_be_had_as_one(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    made = ask(client, background=True)
    events = list(client.responses.retrieve(made.id, stream=True))
    assert [event.type for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert events[-1].response == client.responses.retrieve(made.id)
    assert list(client.responses.retrieve(made.id, stream=True, starting_after=2)) == events[3:]


def test_only_keys_that_may_store_may_ask_and_only_for_what_is_there(connect: Connect) -> None:
    client = connect()
    for given, param in (
        ({"store": False}, "store"),
        ({"previous_response_id": "resp_none"}, "previous_response_id"),
        ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input[0].call_id"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, background=True, **given)
        assert caught.value.param == param
    with pytest.raises(openai.NotFoundError):
        ask(client, background=True, model="none")
    with pytest.raises(openai.PermissionDeniedError):
        ask(connect(scope="read"), background=True)
    assert ask(client, background=True, store=None).store is True


def test_what_shows_only_when_the_model_is_asked_fails_it(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    made = ended(client, ask(client, background=True, input="x" * 9000))
    assert (made.status, made.error.code, made.output) == ("failed", "invalid_prompt", [])
    assert "context" in made.error.message
    last = list(client.responses.retrieve(made.id, stream=True))[-1]
    assert (last.type, last.response) == ("response.failed", made)


def test_a_request_that_is_sent_again_makes_no_second_one(connect: Connect) -> None:
    client = connect()
    headers = {"Idempotency-Key": f"k{time.time_ns()}"}
    first = ask(client, background=True, extra_headers=headers)
    assert ask(client, background=True, extra_headers=headers).id == first.id
    headers = {"Idempotency-Key": f"s{time.time_ns()}"}
    streamed = [list(ask(client, background=True, stream=True, extra_headers=headers)) for _ in range(2)]
    assert streamed[0] == streamed[1]


@pytest.fixture
def serve(controlled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Servers with the model `one`, whose engine the test controls."""
    monkeypatch.setattr("honekit.inference.engine.load_engine", lambda *_args, **_options: controlled)
    controlled.step_s = 0.005
    return lambda: server.running(engines.Engines(extra_bases={"one": str(tmp_path / "one")}))


@pytest.fixture
def client(serve: Any, key: str) -> Iterator[openai.OpenAI]:
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        yield client


@pytest.mark.conformance("POST /v1/responses/{response_id}/cancel")
@pytest.mark.parametrize("stream", [False, True])
def test_a_cancelled_one_frees_the_model_and_stays_cancelled(client: openai.OpenAI, controlled: Any, stream: bool) -> None:
    made = client.responses.create(**BODY, stream=stream)
    events: list[Any] = []
    if stream:
        controlled.go.set()
        events += [next(made) for _ in range(8)]
        controlled.go.clear()
    made_id = events[0].response.id if stream else made.id
    until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    assert client.responses.retrieve(made_id).status == "in_progress"
    stopped = client.responses.cancel(made_id)
    assert (stopped.status, stopped.output) == ("cancelled", [])
    controlled.go.set()
    until(lambda: not controlled.sessions[0].busy)
    assert len(controlled.sessions[0].cancelled) == 1
    assert client.responses.cancel(made_id) == stopped == client.responses.retrieve(made_id)
    if stream:
        last = [*events, *made][-1]  # the model may have written nothing since
        assert last.type == "response.output_text.delta"
    told = [event.type for event in client.responses.retrieve(made_id, stream=True)]
    assert told == ["response.created", "response.queued", "response.in_progress"]


def test_one_that_is_over_is_not_cancelled(client: openai.OpenAI, controlled: Any) -> None:
    controlled.go.set()
    over = ended(client, client.responses.create(**{**BODY, "max_output_tokens": 16}))
    assert over.status == "incomplete" and client.responses.cancel(over.id) == over


def test_a_deleted_one_is_not_made_any_longer(client: openai.OpenAI, controlled: Any) -> None:
    made = client.responses.create(**BODY)
    until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    client.responses.delete(made.id)
    controlled.go.set()
    until(lambda: len(controlled.sessions[0].cancelled) == 1)
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel(made.id)


def test_one_that_is_being_made_cannot_be_gone_on_from(client: openai.OpenAI, controlled: Any) -> None:
    made = client.responses.create(**BODY)
    with pytest.raises(openai.BadRequestError, match="still being made") as caught:
        client.responses.create(model="one", input="and?", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"
    client.responses.cancel(made.id)
    controlled.go.set()


@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_of_the_engine_fails_it_and_is_kept(client: openai.OpenAI, controlled: Any, stream: bool) -> None:
    controlled.go.set()
    ended(client, client.responses.create(**{**BODY, "max_output_tokens": 16}))
    controlled.sessions[0].fails = True
    made = client.responses.create(**BODY, stream=stream)
    made = ended(client, list(made)[-1].response if stream else made)
    assert (made.status, made.error.code) == ("failed", "server_error")
    assert client.responses.retrieve(made.id) == made


def test_one_waits_for_room(client: openai.OpenAI, controlled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from honekit.api import batcher

    monkeypatch.setattr(batcher.Worker.__init__, "__kwdefaults__", {"batch_size": 64, "limit": 1})
    monkeypatch.setattr(responses_background, "RETRY_S", 0.05)
    made = [client.responses.create(**{**BODY, "max_output_tokens": 16}) for _ in range(3)]
    controlled.go.set()
    assert {ended(client, one).status for one in made} == {"incomplete"}
    assert controlled.sessions[0].most_at_once == 1


def left_by_a_stopped_server(serve: Any, key: str, controlled: Any) -> Any:
    """A response that was begun."""
    controlled.step_s = 0.05
    controlled.go.set()
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        made = client.responses.create(**BODY)
        until(lambda: bool(controlled.sessions) and controlled.sessions[0].busy)
    left = answers.get("default", "response", made.id)
    assert left is not None and left.body["status"] == "in_progress", left
    controlled.step_s = 0
    return made


def test_what_a_stopped_server_leaves_the_next_one_makes(serve: Any, key: str, controlled: Any) -> None:
    made = left_by_a_stopped_server(serve, key, controlled)
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        assert ended(client, made).status == "incomplete"


@pytest.mark.parametrize(("deaths", "status"), [(1, "incomplete"), (responses_background.ATTEMPTS, "failed")])
def test_what_killed_servers_leave_is_made_but_not_for_ever(
    serve: Any, key: str, controlled: Any, deaths: int, status: str
) -> None:
    made = left_by_a_stopped_server(serve, key, controlled)
    for _ in range(deaths):
        assert background.claim("killed", -1, ["one"])
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        over = ended(client, made)
        assert over.status == status and (over.error is None or over.error.code == "server_error")


@pytest.mark.parametrize("has_changed", [False, True], ids=["same model", "another model"])
def test_what_was_streamed_is_not_taken_back_where_the_next_server_draws_other_words(
    roomy_bases: dict[str, str], key: str, tmp_path: Path, has_changed: bool
) -> None:
    base = tmp_path / "base"
    shutil.copytree(roomy_bases["roomy"], base)

    def serve() -> Any:
        return server.running(engines.Engines(device="cpu", precision="fp32", extra_bases={"roomy": str(base)}))

    asked = {
        **BODY,
        "model": "roomy",
        "max_output_tokens": 2000,
        "temperature": 1,
        "stream": True,
        "text": LONG,
    }
    told = []
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        for event in client.responses.create(**asked):
            told.append(event)
            if len(told) > 60:
                break
    made = told[0].response
    with open_database().write() as connection:
        one = background_responses.c.answer_id == made.id
        assert connection.execute(update(background_responses).where(one).values(seed=1)).rowcount
    if has_changed:
        shutil.copy(Path(roomy_bases["native"]) / "config.json", base)
        shutil.copy(Path(roomy_bases["native"]) / "model.safetensors", base)
    with serve() as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        rest = list(client.responses.retrieve(made.id, stream=True, starting_after=told[-1].sequence_number))
        over = ended(client, made)
    whole = [*told, *rest]
    if has_changed:
        assert (over.status, over.error.code) == ("failed", "server_error") and "has changed" in over.error.message
        assert rest == []  # the events end before those that were told
        return
    assert [event.sequence_number for event in whole] == list(range(len(whole)))
    assert whole[-1].response == over and over.status in ("completed", "incomplete")
    assert "".join(event.delta for event in whole if event.type == "response.output_text.delta") == over.output_text


def test_another_server_follows_cancels_and_takes_over(
    serve: Any, key: str, controlled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses_background.Background.__init__, "__kwdefaults__", {"lease_s": 0.6})
    with (
        serve() as first,
        serve() as second,
        openai.OpenAI(base_url=f"{first}/v1", api_key=key, max_retries=0, timeout=30) as one,
        openai.OpenAI(base_url=f"{second}/v1", api_key=key, max_retries=0, timeout=30) as two,
    ):
        stream = one.responses.create(**{**BODY, "max_output_tokens": 30}, stream=True)
        begun = next(stream).response.id
        controlled.go.set()
        seen = list(two.responses.retrieve(begun, stream=True))
        assert [event.type for event in seen[1:]] == [event.type for event in stream]
        controlled.go.clear()
        made = one.responses.create(**BODY)
        until(lambda: any(session.busy for session in controlled.sessions))
        assert two.responses.cancel(made.id).status == "cancelled"  # wherever it is made
        controlled.go.set()
        until(lambda: not any(session.busy for session in controlled.sessions))
        assert one.responses.retrieve(made.id).status == "cancelled"


def test_projects_see_nothing_of_each_other(connect: Connect) -> None:
    made = ask(connect(), background=True)
    stranger = connect(project="another")
    for call in (
        stranger.responses.cancel,
        stranger.responses.retrieve,
        lambda one: list(stranger.responses.retrieve(one, stream=True)),
    ):
        with pytest.raises(openai.NotFoundError):
            call(made.id)
