"""Requests and replies are lost on the way; each request, sent again with its key until an answer comes, has one effect."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, TypeVar

import httpx
import openai
import pytest
from tests import tiny
from tests.tiers import shown, trials

from honekit.jobs import queue
from honekit.store import files
from honekit.store.tables import DEFAULT_OWNER

T = TypeVar("T")


class Lossy(httpx.HTTPTransport):
    """Loses some requests before they reach the server, and some replies after it has done what they tell of."""

    def __init__(self, draw: random.Random, share: float) -> None:
        super().__init__()
        self.draw, self.share, self.lost_requests, self.lost_replies = draw, share, 0, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.draw.random() < self.share:
            self.lost_requests += 1
            raise httpx.ConnectError("lost by the test", request=request)
        answer = super().handle_request(request)
        if self.draw.random() < self.share:
            answer.read()
            self.lost_replies += 1
            raise httpx.ReadError("lost by the test", request=request)
        return answer


class Caller:
    """Sends each request with a key of its own, again and again, until an answer comes; the model of what it wanted is here."""

    def __init__(self, url: str, key: str, draw: random.Random, share: float) -> None:
        self.transport = Lossy(draw, share)
        http = httpx.Client(transport=self.transport)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=http)
        self.draw, self.states, self.said, self.number = draw, dict[str, str](), dict[str, list[str]](), 0
        self.files = set[str]()

    def close(self) -> None:
        self.client.close()

    def key(self) -> dict[str, str]:
        self.number += 1
        return {"Idempotency-Key": f"operation-{self.number}"}

    def send(self, path: str, **options: Any) -> Any:
        headers = self.key()
        return until_answered(lambda: self.client.post(path, cast_to=object, options={"headers": headers}, **options))

    def create(self, file_id: str) -> None:
        job = self.send("/fine_tuning/jobs", body={"model": "tiny", "training_file": file_id})
        assert job["id"] not in self.states
        self.states[job["id"]], self.said[job["id"]] = "queued", ["Job created"]

    def change(self, job_id: str) -> None:
        before = self.states[job_id]
        possible = {"queued": ["pause", "pause", "cancel"], "paused": ["resume", "resume", "cancel"], "cancelled": ["cancel"]}
        how = self.draw.choice(possible[before])
        after = {"pause": "paused", "resume": "queued", "cancel": "cancelled"}[how]
        assert self.send(f"/fine_tuning/jobs/{job_id}/{how}")["status"] == after
        if after != before:
            self.said[job_id].append("Job resumed" if how == "resume" else f"Job {after}")
        self.states[job_id] = after

    def upload(self) -> None:
        headers, content = self.key(), f"the {self.number}th request".encode()
        file = until_answered(
            lambda: self.client.files.create(file=("notes.txt", content), purpose="user_data", extra_headers=headers)
        )
        assert file.id not in self.files
        self.files.add(file.id)

    def delete(self, file_id: str) -> None:
        """Without a key: a file that is gone is told of as unknown, so that a second deletion has no effect."""
        with suppress(openai.NotFoundError):
            until_answered(lambda: self.client.files.delete(file_id))
        self.files.remove(file_id)


def until_answered(call: Callable[[], T]) -> T:
    while True:
        try:
            return call()
        except openai.APIConnectionError:
            continue


@trials(small=100, gate=10_000, night=100_000)
def test_every_key_has_one_effect_whatever_is_lost(server: str, key: str, client: openai.OpenAI, trials: int) -> None:
    lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
    file_id = client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id
    earlier = {job.id for job in queue.list_jobs(limit=100_000)} | uploaded()
    caller = Caller(server, key, random.Random(trials), share=0.15)
    with closing(caller):
        for _ in shown(range(trials), trials):
            match caller.draw.choices(["create", "change", "upload", "delete"], [2, 6, 1, 1])[0]:
                case "create":
                    caller.create(file_id)
                case "change" if caller.states:
                    caller.change(caller.draw.choice(list(caller.states)))
                case "delete" if caller.files:
                    caller.delete(caller.draw.choice(sorted(caller.files)))
                case _:
                    caller.upload()
    assert {job.id: job.status for job in queue.list_jobs(limit=100_000) if job.id not in earlier} == caller.states
    assert {job_id: [event.message for event in queue.events(job_id)] for job_id in caller.states} == caller.said
    assert uploaded() - earlier == caller.files
    assert caller.transport.lost_requests > trials // 20
    assert caller.transport.lost_replies > trials // 20


def uploaded() -> set[str]:
    return {file.id for file in files.list_files(DEFAULT_OWNER, purpose="user_data", limit=100_000)}


def test_without_a_key_of_its_own_a_change_is_made_each_time(server: str, key: str, client: openai.OpenAI) -> None:
    """The control: a reply that is lost and a request that is sent again is then a second request."""
    lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
    file_id = client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file_id)
    client.fine_tuning.jobs.pause(job.id)
    client.fine_tuning.jobs.resume(job.id)
    with pytest.raises(openai.BadRequestError, match="resume"):
        client.fine_tuning.jobs.resume(job.id, extra_headers={"x-stainless-retry-count": "1"})


def test_a_resume_sent_again_does_not_undo_a_later_pause(server: str, key: str, client: openai.OpenAI) -> None:
    lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
    file_id = client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file_id)
    client.fine_tuning.jobs.pause(job.id)
    mine = {"Idempotency-Key": f"resume {job.id}"}
    assert client.fine_tuning.jobs.resume(job.id, extra_headers=mine).status == "queued"
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert client.fine_tuning.jobs.resume(job.id, extra_headers=mine).status == "paused"
