"""Stored chat completions through the official client, a real server and a real (tiny, random) model."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from honekit.store import answers

pytestmark = pytest.mark.both_databases

USER = [{"role": "user", "content": "what does code E41 mean?"}]
Connect = Callable[..., openai.OpenAI]


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{"model": "tiny", "messages": USER, "max_tokens": 8, "store": True, **changes})


def test_only_what_was_asked_to_be_stored_is(connect: Connect) -> None:
    client = connect("only-asked")
    for given in ({"store": False}, {"store": None}):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.retrieve(ask(client, **given).id)
        assert caught.value.code == "chat_completion_not_found"
    body = {"model": "tiny", "messages": USER, "max_tokens": 8}
    httpx.post(f"{client.base_url}chat/completions", json=body, headers={"authorization": f"Bearer {client.api_key}"})
    assert answers.list_answers("only-asked", "chat.completion") == []


@pytest.mark.conformance("GET /v1/chat/completions/{completion_id}")
@pytest.mark.conformance("POST /v1/chat/completions", "store")
def test_a_stored_answer_comes_back_as_it_was_sent(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    made = ask(client, n=2, logprobs=True, metadata={"team": "a"})
    assert client.chat.completions.retrieve(made.id) == made
    without = ask(client)
    found = client.chat.completions.retrieve(without.id)
    assert found.model_dump(exclude={"metadata"}) == without.model_dump(exclude={"metadata"})
    assert found.metadata is None  # type: ignore[attr-defined]
    assert "tool_calls" not in found.choices[0].message.model_fields_set


def test_a_stream_is_stored_as_the_plain_answer_would_be(connect: Connect) -> None:
    client = connect()
    chunks = list(ask(client, stream=True, temperature=0, metadata={"a": "b"}, stream_options={"include_usage": True}))
    found = client.chat.completions.retrieve(chunks[0].id)
    plain = ask(client, temperature=0, metadata={"a": "b"}, store=False)
    assert found.model_dump(exclude={"id", "created"}) == plain.model_dump(exclude={"id", "created"})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == found.choices[0].message.content
    assert found.created == chunks[0].created


def test_a_stream_that_nobody_read_to_its_end_is_not_stored(connect: Connect, byte_tokenizer: Any) -> None:
    end_of_turn = byte_tokenizer.token_to_id("<|im_end|>")
    client = connect("cut-off")
    never_ends = {str(end_of_turn): -100}  # or a random model may have ended before the stream is closed
    stream = ask(client, model="roomy", stream=True, max_tokens=3000, logit_bias=never_ends)
    assert next(iter(stream)).id
    stream.close()
    time.sleep(0.5)
    assert ask(client, store=False).choices  # the engine has gone on to something else
    assert list(client.chat.completions.list()) == []


@pytest.mark.conformance("GET /v1/chat/completions")
@pytest.mark.conformance("GET /v1/chat/completions", "after", "limit", "order", "model", "metadata")
def test_a_list_has_pages_and_filters(connect: Connect) -> None:
    client = connect("lists", _strict_response_validation=True)
    made = [ask(client, model=model, metadata={"run": run, "x": "1"}).id for model, run in
            (("tiny", "one"), ("tiny", "two"), ("roomy", "one"), ("roomy", "two"), ("tiny", "one"))]  # fmt: skip

    def ids(**given: Any) -> list[str]:
        return [one.id for one in client.chat.completions.list(**given)]

    assert ids(limit=2) == made
    assert ids(limit=2, order="desc") == made[::-1]
    assert ids(model="roomy") == made[2:4]
    assert ids(metadata={"run": "one"}, limit=1) == [made[0], made[2], made[4]]
    assert ids(metadata={"run": "one", "x": "1"}, model="roomy") == [made[2]]
    assert ids(metadata={"run": "ONE"}) == ids(metadata={"other": "one"}) == ids(model="other") == []
    first = client.chat.completions.list(limit=2)
    assert (first.has_more, first.first_id, first.last_id) == (True, made[0], made[1])  # type: ignore[attr-defined]
    assert ids(after=made[2]) == made[3:]
    client.chat.completions.delete(made[3])
    assert ids() == [*made[:3], made[4]]
    assert ids(after=made[3]) == [made[4]]
    with pytest.raises(openai.BadRequestError) as caught:
        ids(after="chatcmpl-never")
    assert caught.value.param == "after"


@pytest.mark.parametrize("key", ["", "a" * 65])
def test_a_metadata_key_that_cannot_be_looked_up_is_refused(connect: Connect, key: str) -> None:
    client = connect()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.list(metadata={key: "x"})
    assert caught.value.param == "metadata"


@pytest.mark.conformance("POST /v1/chat/completions/{completion_id}")
@pytest.mark.conformance("POST /v1/chat/completions/{completion_id}", "metadata")
def test_metadata_with_any_key_can_be_kept_and_changed(connect: Connect) -> None:
    client = connect("any-key")
    odd = {'a"b': "1", "ключ": "é", "a.b[0]": "2", "$.x": "'"}
    made = ask(client, metadata=odd)
    assert client.chat.completions.retrieve(made.id).metadata == odd  # type: ignore[attr-defined]
    for key in ("ключ", "a.b[0]", "$.x"):
        assert [one.id for one in client.chat.completions.list(metadata={key: odd[key]})] == [made.id]
    changed = client.chat.completions.update(made.id, metadata={"new": "yes"})
    assert changed == client.chat.completions.retrieve(made.id)
    assert changed.metadata == {"new": "yes"}  # type: ignore[attr-defined]
    assert changed.choices == made.choices
    assert client.chat.completions.update(made.id, metadata=None).metadata is None  # type: ignore[attr-defined]
    for bad in ({"a": "x" * 513}, {"a": 5}, {"a": "\0"}):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.update(made.id, metadata=bad)  # type: ignore[arg-type]


@pytest.mark.conformance("GET /v1/chat/completions/{completion_id}/messages")
@pytest.mark.conformance("GET /v1/chat/completions/{completion_id}/messages", "after", "limit", "order")
def test_the_messages_come_back_in_pages(connect: Connect) -> None:
    client = connect()
    call = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    parts = [{"type": "text", "text": "what "}, {"type": "text", "text": "time?\0"}]
    messages = [
        {"role": "system", "content": "be short", "name": "boss"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "noon", "tool_call_id": "call_1"},
    ]
    made = ask(client, model="roomy", messages=messages, tools=[{"type": "function", "function": {"name": "now"}}])
    found: list[Any] = list(client.chat.completions.messages.list(made.id, limit=1))
    assert [one.role for one in found] == ["system", "user", "assistant", "tool"]
    assert [one.content for one in found] == ["be short", "what time?\0", None, "noon"]
    assert [one.name for one in found] == ["boss", None, None, None]
    assert [part.text for part in found[1].content_parts] == ["what ", "time?\0"]
    assert [one.content_parts for one in (found[0], found[2])] == [None, None]
    assert [one.model_dump() for one in found[2].tool_calls] == [call]
    assert found[3].tool_call_id == "call_1"
    assert "tool_calls" not in found[0].model_fields_set
    backwards = client.chat.completions.messages.list(made.id, order="desc", after=found[3].id)
    assert [one.id for one in backwards] == [one.id for one in found[2::-1]]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.messages.list(made.id, after="chatcmpl-x-0")


@pytest.mark.conformance("DELETE /v1/chat/completions/{completion_id}")
def test_a_deleted_answer_is_gone(connect: Connect) -> None:
    client = connect("deletes", _strict_response_validation=True)
    made, other = ask(client), ask(client)
    gone = client.chat.completions.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "chat.completion.deleted")
    calls: list[Callable[[], Any]] = [
        lambda: client.chat.completions.retrieve(made.id),
        lambda: client.chat.completions.update(made.id, metadata={}),
        lambda: client.chat.completions.delete(made.id),
        lambda: client.chat.completions.messages.list(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "chat_completion_not_found"
    assert [one.id for one in answers.list_answers("deletes", "chat.completion")] == [other.id]


def test_projects_see_nothing_of_each_other(connect: Connect) -> None:
    own, other = connect("mine"), connect("theirs", scope="admin")
    made = ask(own, metadata={"a": "b"})
    calls: list[Callable[[], Any]] = [
        lambda: other.chat.completions.retrieve(made.id),
        lambda: other.chat.completions.update(made.id, metadata={"a": "c"}),
        lambda: other.chat.completions.delete(made.id),
        lambda: other.chat.completions.messages.list(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.NotFoundError):
            call()
    with pytest.raises(openai.BadRequestError):
        other.chat.completions.list(after=made.id)
    assert other.chat.completions.list().data == []
    assert own.chat.completions.retrieve(made.id) == made
    assert connect("mine", scope="read").chat.completions.retrieve(made.id) == made


def test_a_read_key_may_ask_and_look_but_not_store(connect: Connect) -> None:
    made, reader = ask(connect("scopes")), connect("scopes", scope="read")
    assert ask(reader, store=False).choices
    assert reader.chat.completions.messages.list(made.id).data
    calls: list[Callable[[], Any]] = [
        lambda: ask(reader),
        lambda: ask(reader, stream=True),
        lambda: reader.chat.completions.update(made.id, metadata={}),
        lambda: reader.chat.completions.delete(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            call()
        assert caught.value.code == "insufficient_scope"
    assert [one.id for one in reader.chat.completions.list()] == [made.id]


def test_a_request_that_is_sent_again_stores_once(connect: Connect) -> None:
    client = connect("again")
    headers = {"Idempotency-Key": "k1"}
    first, again = ask(client, extra_headers=headers), ask(client, extra_headers=headers)
    assert again.id == first.id and again.choices == first.choices
    lost = ask(client, max_tokens=7)
    assert ask(client, max_tokens=7).id != lost.id
    assert ask(client, max_tokens=7, extra_headers={"x-stainless-retry-count": "1"}).id != first.id
    assert len(answers.list_answers("again", "chat.completion")) == 3
    client.chat.completions.delete(first.id)
    assert ask(client, extra_headers=headers).id != first.id
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, extra_headers=headers, max_tokens=9)
    assert caught.value.code == "idempotency_key_reused"


def test_an_id_that_no_database_takes_is_not_found(connect: Connect) -> None:
    with pytest.raises(openai.NotFoundError):
        connect().chat.completions.retrieve("chatcmpl-\0")


def test_answers_are_deleted_while_they_are_listed(connect: Any) -> None:
    client = connect("clean-up")
    for _ in range(5):
        ask(client, store=True)
    assert [client.chat.completions.delete(one.id).deleted for one in client.chat.completions.list(limit=2)] == [True] * 5
    assert client.chat.completions.list().data == []
