"""Sendings of one request to several servers on one database, which know of each other by the database alone."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from tests import tiny

from honekit import deploy, jobs
from honekit.api import idempotency
from honekit.api.errors import ApiError
from honekit.api.idempotency import Attempt, Overtaken
from honekit.registry import create_version
from honekit.store import files
from honekit.store.database import open_database

pytestmark = pytest.mark.both_databases


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sending looks before any other one is done, as on servers that are asked at the same time."""
    monkeypatch.setattr(idempotency, "_with_earlier", lambda made: made)


def sending(key: str | None = None, count: int = 0, digest: str = "d", arrived_at: float | None = None) -> Attempt:
    return Attempt("key_1", "/v1/files", digest, key, count, time.time() if arrived_at is None else arrived_at)


def note(made: Attempt, object_id: str) -> None:
    with open_database().write() as connection:
        made.note(connection, object_id)


def outcome(made: Attempt, object_id: str) -> str:
    """The object that the sending has in the end."""
    try:
        note(made, object_id)
    except Overtaken as first:
        return first.object_id
    return object_id


def test_the_second_with_a_key_gets_what_the_first_made() -> None:
    key = secrets.token_hex(8)
    assert outcome(sending(key), f"a{key}") == f"a{key}"
    assert outcome(sending(key), f"b{key}") == f"a{key}"
    with pytest.raises(ApiError) as caught:
        note(sending(key, digest="other"), f"c{key}")
    assert caught.value.code == "idempotency_key_reused"
    assert outcome(replace(sending(key), path="/v1/uploads"), f"d{key}") == f"d{key}"


def test_retries_and_the_request_that_they_overtake_make_one_object() -> None:
    began, digest = time.time(), secrets.token_hex(8)
    ids = iter(f"{digest}{number}" for number in range(9))
    first = outcome(sending(None, 2, digest, began), next(ids))
    assert outcome(sending(None, 0, digest, began), next(ids)) == first
    assert outcome(sending(None, 1, digest, began), next(ids)) == first
    assert outcome(sending(None, 3, digest, began), next(ids)) == first
    later = outcome(sending(None, 0, digest), next(ids))
    assert later != first  # a request of its own
    assert outcome(sending(None, 1, digest), next(ids)) == later
    assert outcome(sending("key " + digest, 1, digest), next(ids)) not in (first, later)


@pytest.mark.parametrize("by", ["key", "count"])
def test_of_many_at_once_one_is_first(by: str) -> None:
    began, name = time.time(), f"{by}{secrets.token_hex(8)}"
    barrier = threading.Barrier(6)

    def send(number: int) -> str:
        made = sending(name, 0, name) if by == "key" else sending(None, number, name, began)
        barrier.wait()
        return outcome(made, f"{name}{number}")

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(send, range(6)))) == 1


def test_what_is_made_is_made_by_one_server(alone: None, client: openai.OpenAI, connect: Any) -> None:
    lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
    file_id = client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id
    admin = connect(scope="admin")
    upload = client.uploads.create(filename="u", purpose="batch", bytes=1, mime_type="a/b").id
    config = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": False}
    check = {"type": "string_check", "name": "n", "input": "{{item.a}}", "reference": "a", "operation": "eq"}
    chat = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "store": True}
    requests: dict[str, Callable[[Any], Any]] = {
        "file": lambda own: client.files.create(file=("a", b"same"), purpose="user_data", extra_headers=own),
        "upload": lambda own: client.uploads.create(
            filename="u", purpose="batch", bytes=1, mime_type="a/b", extra_headers=own
        ),
        "part": lambda own: client.uploads.parts.create(upload, data=b"x", extra_headers=own),
        "job": lambda own: client.fine_tuning.jobs.create(model="tiny", training_file=file_id, extra_headers=own),
        "eval": lambda own: client.evals.create(
            data_source_config=config, testing_criteria=[check], extra_headers=own  # type: ignore[arg-type,list-item]
        ),
        "answer": lambda own: client.chat.completions.create(**chat, extra_headers=own),  # type: ignore[call-overload]
    }  # fmt: skip
    for name, send in requests.items():
        own = {"Idempotency-Key": f"several servers: {name}"}
        assert send(own).id == send(own).id, name
    own = {"Idempotency-Key": "several servers: key"}
    made = [
        admin.post("/organization/projects/default/api_keys", body={"name": "n"}, cast_to=object, options={"headers": own})
        for _ in range(2)
    ]
    assert made[0]["id"] == made[1]["id"]
    assert made[0]["value"] != made[1]["value"]


def test_what_is_changed_is_changed_by_one_server(alone: None, client: openai.OpenAI) -> None:
    lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
    file_id = client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file_id)
    own = {"Idempotency-Key": f"several servers: {job.id}"}
    assert client.fine_tuning.jobs.pause(job.id, extra_headers=own).status == "paused"
    client.fine_tuning.jobs.resume(job.id)
    assert client.fine_tuning.jobs.pause(job.id, extra_headers=own).status == "queued"
    names = [create_version("", f"{job.id}{n}", "tiny", "b", Path("/a"), f"f{n}").name for n in range(3)]
    for name in names:
        deploy.promote("several@servers", name, "x")
    for _ in range(2):
        moved: Any = client.post("/aliases/several@servers/rollback", body={}, cast_to=object, options={"headers": own})
        assert moved["model"] == names[1]
    jobs.request_stop(job.id, "cancel")


def test_content_that_was_not_kept_after_all_leaves_nothing(alone: None, client: openai.OpenAI) -> None:
    own = {"Idempotency-Key": "several servers: contents"}
    client.files.create(file=("a", b"first"), purpose="user_data", extra_headers=own)
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=("a", b"not kept"), purpose="user_data", extra_headers=own)
    assert not files.blobs.is_kept(hashlib.sha256(b"not kept").hexdigest())
