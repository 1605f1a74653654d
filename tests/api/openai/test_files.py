"""Files and uploads with the official client, and by hand where the client would not send it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest

from honekit.api.auth import create_key
from honekit.api.engines import Engines
from honekit.api.server import running
from honekit.jobs import Scheduler
from honekit.store import blobs, files, uploads

pytestmark = pytest.mark.both_databases

CONTENT = b'{"messages": []}\n' * 40


def send(client: openai.OpenAI, content: bytes = CONTENT, name: str = "a.jsonl", **options: object) -> openai.types.FileObject:
    return client.files.create(file=(name, content), purpose="fine-tune", **options)  # type: ignore[arg-type]


def blob_exists(content: bytes) -> bool:
    return (blobs._root() / hashlib.sha256(content).hexdigest()[:2] / hashlib.sha256(content).hexdigest()).exists()


@pytest.mark.conformance("POST /v1/files")
@pytest.mark.conformance("POST /v1/files", "file", "purpose")
@pytest.mark.conformance("GET /v1/files/{file_id}")
@pytest.mark.conformance("GET /v1/files/{file_id}/content")
def test_a_file_comes_back_as_it_was_sent(client: openai.OpenAI) -> None:
    made = send(client)
    assert (made.bytes, made.filename, made.purpose, made.status) == (len(CONTENT), "a.jsonl", "fine-tune", "processed")
    assert made.expires_at is None
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == CONTENT


def test_training_files_have_a_worker_got_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[str] = []
    monkeypatch.setattr(Scheduler, "expect", lambda _self, kind: expected.append(kind))
    held = files.any_with("fine-tune")  # by an earlier test of this file
    for _ in range(2):
        with running(Engines(device="cpu"), training_jobs=1) as url:
            assert expected == ["fine_tuning"] * held
            with openai.OpenAI(base_url=f"{url}/v1", api_key=create_key()[0], max_retries=0) as client:
                client.files.create(file=("b.txt", b"b"), purpose="user_data")
                in_parts(client, "batch")
                assert len(expected) == held
                send(client)
                in_parts(client, "fine-tune")
        assert expected == ["fine_tuning"] * (held + 2)
        expected.clear()
        held = True


def in_parts(client: openai.OpenAI, purpose: Literal["batch", "fine-tune"]) -> None:
    upload = client.uploads.create(purpose=purpose, filename="a.jsonl", mime_type="text/jsonl", bytes=len(CONTENT))
    part = client.uploads.parts.create(upload.id, data=CONTENT)
    client.uploads.complete(upload.id, part_ids=[part.id])


def test_a_large_file_goes_to_the_disk_in_pieces(client: openai.OpenAI) -> None:
    content = b"x" * (9 * 1024 * 1024)  # more than a JSON body may have
    assert client.files.content(send(client, content).id).read() == content


@pytest.mark.conformance("GET /v1/files")
@pytest.mark.conformance("GET /v1/files", "purpose", "limit", "order", "after")
def test_files_are_listed_in_pages_by_purpose_and_order(connect: Callable[..., openai.OpenAI]) -> None:
    own = connect(project="pages")
    made = [send(own, name=f"{i}.jsonl") for i in range(5)]
    other = own.files.create(file=("b.txt", b"b"), purpose="user_data")
    ids = [one.id for one in made]
    assert [one.id for one in own.files.list(limit=2, purpose="fine-tune")] == ids[::-1]
    assert [one.id for one in own.files.list(limit=2, order="asc")] == [*ids, other.id]
    first = own.files.list(limit=2)
    assert first.has_more and (first.first_id, first.last_id) == (other.id, ids[4])  # type: ignore[attr-defined]
    assert own.files.list(purpose="batch").data == []


@pytest.mark.conformance("DELETE /v1/files/{file_id}")
def test_a_deleted_file_takes_its_content_along_unless_another_has_the_same(client: openai.OpenAI) -> None:
    content = b"only here"
    first, second = send(client, content), send(client, content)
    assert client.files.delete(first.id).deleted
    assert client.files.content(second.id).read() == content
    client.files.delete(second.id)
    assert not blob_exists(content)
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.retrieve(second.id)
    assert caught.value.code == "file_not_found"


class TestContentOfJobs:
    """A job keeps the content of a file that was deleted since, until it is over."""

    def waiting(self, client: openai.OpenAI, number: int) -> tuple[openai.types.FileObject, str, bytes]:
        pair = [{"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": "answer"}]
        content = "\n".join([json.dumps({"messages": pair})] * 10).encode()
        file = send(client, content)
        return file, client.fine_tuning.jobs.create(model="tiny", training_file=file.id).id, content

    def test_the_end_of_the_last_job_takes_it_along(self, client: openai.OpenAI) -> None:
        file, job, content = self.waiting(client, 1)
        second = client.fine_tuning.jobs.create(model="tiny", training_file=file.id).id
        client.files.delete(file.id)
        client.fine_tuning.jobs.cancel(job)
        assert blob_exists(content)
        client.fine_tuning.jobs.cancel(second)
        assert not blob_exists(content)

    def test_a_file_that_is_still_there_keeps_it(self, client: openai.OpenAI) -> None:
        file, job, content = self.waiting(client, 2)
        client.fine_tuning.jobs.cancel(job)
        files.drop_left_over(0.0)
        assert client.files.content(file.id).read() == content

    def test_what_a_kill_left_goes_later(self, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
        file, job, content = self.waiting(client, 3)
        client.files.delete(file.id)
        with monkeypatch.context() as patch:
            patch.setattr(files, "drop_after", lambda *_: None)
            client.fine_tuning.jobs.cancel(job)
        files.drop_left_over(time.time() + 60)
        assert blob_exists(content)
        files.drop_left_over(time.time() - 60)
        assert not blob_exists(content)


@pytest.mark.conformance("POST /v1/files", "expires_after[anchor]", "expires_after[seconds]")
def test_a_file_goes_when_its_time_is_over(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"for an hour"
    made = send(client, content, expires_after={"anchor": "created_at", "seconds": 3600})
    assert made.expires_at == made.created_at + 3600
    now = files.time.time()
    with monkeypatch.context() as patch:
        patch.setattr(files.time, "time", lambda: now + 3601)
        assert made.id not in [file.id for file in files.list_files("default")]
        assert files.remove_expired() >= 1
    assert not blob_exists(content)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({}, "purpose"),
        ({"purpose": "fine-tune", "expires_after[anchor]": "created_at"}, "expires_after[seconds]"),
        ({"purpose": "fine-tune", "expires_after[anchor]": ""}, "expires_after[anchor]"),
        ({"purpose": "fine-tune", "expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "60"},
            "expires_after[seconds]",
        ),
        (
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": ["3600", "7200"]},
            "expires_after[seconds]",
        ),
        ({"purpose": ["fine-tune", "batch"]}, "purpose"),
        ({"purpose": "fine-tune", "expires_after[days]": "3"}, "expires_after[days]"),
        ({"purpose": "fine-tune", "expires_after": '{"anchor": "created_at", "seconds": 3600}'}, "expires_after"),
    ],
)
def test_what_is_wrong_with_an_upload_is_named(server: str, key: str, fields: dict[str, Any], param: str) -> None:
    answer = httpx.post(
        f"{server}/v1/files", data=fields, files={"file": ("a", b"x")}, headers={"Authorization": f"Bearer {key}"}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def test_a_form_with_two_files_is_refused(server: str, key: str) -> None:
    twice = [("file", ("a", b"x")), ("file", ("b", b"y"))]
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{server}/v1/files", data={"purpose": "batch"}, files=twice, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file"), answer.text


def test_a_file_needs_a_form(server: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.post(f"{server}/v1/files", json={"purpose": "fine-tune"}, headers=headers).status_code == 415
    answer = httpx.post(f"{server}/v1/files", data={"purpose": "fine-tune"}, files={"other": ("a", b"x")}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "a\x00b\n", "é" * 300, "", "..", "%2e%2e"]
)
def test_a_name_is_never_a_path(server: str, key: str, name: str, shared_home: Path) -> None:
    before = elsewhere(shared_home)
    made = files.create("default", name, "fine-tune", [b"y"])
    assert "/" not in made.filename and "\\" not in made.filename and made.filename.isprintable()
    assert 1 <= len(made.filename) <= 255
    assert elsewhere(shared_home) - before == set()


@pytest.mark.parametrize(("name", "kept"), [("..", "file"), (".", "file"), ("a/..", "file"), (" .. ", "file"), ("..a", "..a")])
def test_a_name_of_a_folder_is_none(name: str, kept: str) -> None:
    assert files.plain_name(name) == kept


def elsewhere(home: Path) -> set[str]:
    """Everything beside and in the home that is no blob and no database's own."""
    found = {entry.name for entry in os.scandir(home.parent)}
    for folder, folders, names in os.walk(home):
        folders[:] = [name for name in folders if name != "blobs"]
        found |= {os.path.join(folder, name) for name in [*folders, *names] if not name.startswith("hone.db")}
    return found


class TestIdempotency:
    def post(self, server: str, key: str, content: bytes = b"same", **headers: str) -> httpx.Response:
        return httpx.post(
            f"{server}/v1/files",
            data={"purpose": "fine-tune"},
            files={"file": ("a", content)},
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    def test_a_retry_gets_the_file_of_the_first_sending(self, server: str, key: str) -> None:
        first = self.post(server, key, **{"x-stainless-retry-count": "0"}).json()["id"]
        assert self.post(server, key, **{"x-stainless-retry-count": "1"}).json()["id"] == first
        assert self.post(server, key, **{"x-stainless-retry-count": "2"}).json()["id"] == first
        assert self.post(server, key, **{"x-stainless-retry-count": "0"}).json()["id"] != first
        assert self.post(server, key, b"other", **{"x-stainless-retry-count": "1"}).json()["id"] != first
        assert self.post(server, create_key()[0], **{"x-stainless-retry-count": "1"}).json()["id"] != first

    def test_a_retry_whose_first_sending_is_long_ago_makes_a_new_file(
        self, server: str, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from honekit.api import idempotency

        first = self.post(server, key, b"old").json()["id"]
        monkeypatch.setattr(idempotency, "REMEMBERED_S", 0.0)
        assert self.post(server, key, b"old", **{"x-stainless-retry-count": "1"}).json()["id"] != first

    def test_a_key_of_the_callers_own_stands_for_one_file(self, server: str, key: str) -> None:
        first = self.post(server, key, **{"Idempotency-Key": "k-1"}).json()["id"]
        assert self.post(server, key, **{"Idempotency-Key": "k-1"}).json()["id"] == first
        assert self.post(server, key, **{"Idempotency-Key": "k-2"}).json()["id"] != first
        reused = self.post(server, key, b"other", **{"Idempotency-Key": "k-1"})
        assert (reused.status_code, reused.json()["error"]["code"]) == (400, "idempotency_key_reused")

    def test_the_same_request_twenty_times_at_once_makes_one_file(self, server: str, key: str) -> None:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: self.post(server, key, b"once", **{"Idempotency-Key": "once"}), range(20)))
        assert len({answer.json()["id"] for answer in answers}) == 1

    @pytest.mark.parametrize(
        "headers", [({"Idempotency-Key": "gone"},) * 2, ({}, {"x-stainless-retry-count": "1"})], ids=["key", "count"]
    )
    def test_what_was_deleted_since_is_not_made_again(
        self, server: str, key: str, client: openai.OpenAI, headers: tuple[dict[str, str], dict[str, str]]
    ) -> None:
        first, again = headers
        made = self.post(server, key, b"deleted since", **first).json()["id"]
        client.files.delete(made)
        before = [one.id for one in client.files.list()]
        for _ in range(2):
            answer = self.post(server, key, b"deleted since", **again)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "already_deleted")
        assert [one.id for one in client.files.list()] == before
        assert self.post(server, key, b"deleted since").json()["id"] not in {made, *before}

    def test_the_part_of_an_upload_that_was_completed_since_is_not_made_again(self, client: openai.OpenAI) -> None:
        upload = client.uploads.create(filename="u", purpose="batch", bytes=1, mime_type="a/b")
        mine = {"Idempotency-Key": "part"}
        part = client.uploads.parts.create(upload.id, data=b"x", extra_headers=mine)
        client.uploads.complete(upload.id, part_ids=[part.id])
        with pytest.raises(openai.BadRequestError) as caught:
            client.uploads.parts.create(upload.id, data=b"x", extra_headers=mine)
        assert caught.value.code == "already_deleted"

    @pytest.mark.parametrize("count", [b"\xb2", b"-1", b"x", b"999999999", b""])
    def test_a_count_that_is_no_number_is_none(self, server: str, key: str, count: bytes) -> None:
        headers = {b"Authorization": f"Bearer {key}".encode(), b"x-stainless-retry-count": count}
        body = {"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "a"}
        made = {httpx.post(f"{server}/v1/uploads", json=body, headers=headers).json()["id"] for _ in range(2)}
        assert len(made) == 2

    def test_a_request_that_its_own_retry_has_overtaken_gets_the_retrys_file(self, server: str, key: str) -> None:
        """The body of the first sending is still on its way when the second one is answered."""
        whole = httpx.Request("POST", server, data={"purpose": "batch"}, files={"file": ("a", b"slow" * 100)})
        content = whole.read()
        retry: list[str] = []

        def slowly() -> Iterator[bytes]:
            yield content[:-50]
            time.sleep(0.2)
            own = {**headers, "x-stainless-retry-count": "1", "content-length": str(len(content))}
            retry.append(httpx.post(f"{server}/v1/files", content=content, headers=own).json()["id"])
            yield content[-50:]

        headers = {"Authorization": f"Bearer {key}", "content-type": whole.headers["content-type"]}
        first = httpx.post(f"{server}/v1/files", content=slowly(), headers=headers).json()["id"]
        assert [first] == retry
        assert httpx.post(f"{server}/v1/files", content=content, headers=headers).json()["id"] != first


def test_files_are_deleted_while_they_are_listed(connect: Any) -> None:
    client = connect("clean-up")
    made = [client.files.create(file=("a.txt", b"a"), purpose="user_data").id for _ in range(7)]
    assert [client.files.delete(one.id).id for one in client.files.list(limit=2)] == made[::-1]
    assert client.files.list().data == []
    with pytest.raises(openai.BadRequestError) as caught:
        client.files.list(after="file-never")
    assert (caught.value.code, caught.value.param) == ("file_not_found", "after")
    with pytest.raises(openai.BadRequestError):
        connect("another").files.list(after=made[0])


def test_a_file_that_expired_since_is_gone_on_from(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect("short-lived")
    kept = client.files.create(file=("a.txt", b"a"), purpose="user_data").id
    lifetime: Any = {"anchor": "created_at", "seconds": 3600}
    gone = client.files.create(file=("b.txt", b"b"), purpose="user_data", expires_after=lifetime).id
    now = files.time.time()
    monkeypatch.setattr(files.time, "time", lambda: now + 3601)
    assert [one.id for one in client.files.list(after=gone)] == [kept]
    assert files.remove_expired() >= 1
    assert [one.id for one in client.files.list(after=gone)] == [kept]


class TestUploads:
    @pytest.mark.conformance("POST /v1/uploads")
    @pytest.mark.conformance("POST /v1/uploads", "filename", "purpose", "bytes", "mime_type")
    @pytest.mark.conformance("POST /v1/uploads/{upload_id}/parts")
    @pytest.mark.conformance("POST /v1/uploads/{upload_id}/parts", "data")
    @pytest.mark.conformance("POST /v1/uploads/{upload_id}/complete")
    @pytest.mark.conformance("POST /v1/uploads/{upload_id}/complete", "part_ids", "md5")
    def test_parts_sent_side_by_side_are_joined_in_the_wanted_order(self, client: openai.OpenAI) -> None:
        pieces = [bytes([65 + i]) * 1000 for i in range(5)]
        upload = client.uploads.create(filename="u.jsonl", purpose="fine-tune", bytes=5000, mime_type="text/jsonl")
        assert (upload.status, upload.expires_at - upload.created_at) == ("pending", 3600)
        with ThreadPoolExecutor(5) as pool:
            parts = list(pool.map(lambda piece: client.uploads.parts.create(upload.id, data=piece).id, pieces))
        whole = b"".join(pieces[::-1])
        done = client.uploads.complete(upload.id, part_ids=parts[::-1], md5=hashlib.md5(whole).hexdigest())
        assert done.status == "completed" and done.file and done.file.bytes == 5000
        assert client.files.content(done.file.id).read() == whole
        again = client.uploads.complete(upload.id, part_ids=parts[::-1])
        assert again.file and again.file.id == done.file.id
        other_requests: list[tuple[dict[str, Any], str]] = [
            ({"part_ids": parts}, "part_ids"),
            ({"part_ids": ["part_other"]}, "part_ids"),
            ({"part_ids": parts[::-1], "md5": "0" * 32}, "md5"),
        ]
        for body, param in other_requests:
            with pytest.raises(openai.BadRequestError) as caught:
                client.uploads.complete(upload.id, **body)
            assert caught.value.param == param
        with pytest.raises(openai.BadRequestError, match="completed"):
            client.uploads.parts.create(upload.id, data=b"late")

    @pytest.mark.conformance("POST /v1/uploads", "expires_after")
    def test_the_file_of_an_upload_may_have_its_time(self, client: openai.OpenAI) -> None:
        upload = client.uploads.create(
            filename="u", purpose="batch", bytes=1, mime_type="a/b", expires_after={"anchor": "created_at", "seconds": 7200}
        )
        done = client.uploads.complete(upload.id, part_ids=[client.uploads.parts.create(upload.id, data=b"x").id])
        assert done.file and done.file.expires_at == done.file.created_at + 7200

    def test_the_clients_own_helper_uploads_a_file(self, client: openai.OpenAI) -> None:
        done = client.uploads.upload_file_chunked(
            file=CONTENT,
            filename="c.jsonl",
            bytes=len(CONTENT),
            mime_type="text/jsonl",
            purpose="fine-tune",
            part_size=100,
        )
        assert done.file and client.files.content(done.file.id).read() == CONTENT

    @pytest.mark.parametrize(
        ("fault", "param"), [("size", "part_ids"), ("md5", "md5"), ("unknown", "part_ids"), ("twice", "part_ids")]
    )
    def test_what_does_not_fit_is_refused_and_can_be_mended(self, client: openai.OpenAI, fault: str, param: str) -> None:
        upload = client.uploads.create(filename="u", purpose="fine-tune", bytes=10, mime_type="text/plain")
        parts = [client.uploads.parts.create(upload.id, data=data).id for data in (b"0123456", b"789")]
        wrong: dict[str, dict[str, object]] = {
            "size": {"part_ids": parts[:1]},
            "md5": {"part_ids": parts, "md5": "0" * 32},
            "unknown": {"part_ids": ["part_unknown"]},
            "twice": {"part_ids": [parts[0], parts[0]]},
        }
        with pytest.raises(openai.BadRequestError) as caught:
            client.uploads.complete(upload.id, **wrong[fault])  # type: ignore[arg-type]
        assert caught.value.param == param
        assert client.uploads.complete(upload.id, part_ids=parts).status == "completed"

    def test_a_part_for_which_there_is_no_room_is_refused_at_once(self, client: openai.OpenAI) -> None:
        upload = client.uploads.create(filename="u", purpose="batch", bytes=10, mime_type="text/plain")
        first = client.uploads.parts.create(upload.id, data=b"01234").id
        with pytest.raises(openai.BadRequestError) as caught:
            client.uploads.parts.create(upload.id, data=b"more than is left")
        assert (caught.value.code, caught.value.param, caught.value.type) == (
            "upload_part_size", "data", "invalid_request_error",
        )  # fmt: skip
        assert not blob_exists(b"more than is left")
        last = client.uploads.parts.create(upload.id, data=b"56789").id
        assert client.uploads.complete(upload.id, part_ids=[first, last]).status == "completed"

    def test_of_parts_sent_side_by_side_those_are_kept_that_fit(self, client: openai.OpenAI) -> None:
        upload = client.uploads.create(filename="u", purpose="batch", bytes=20, mime_type="text/plain")

        def send(number: int) -> str | None:
            try:
                return client.uploads.parts.create(upload.id, data=f"{number:05d}".encode()).id
            except openai.BadRequestError as refused:
                refusals.append(refused.code)
                return None

        refusals: list[str | None] = []
        with ThreadPoolExecutor(8) as pool:
            kept = [part for part in pool.map(send, range(12)) if part]
        assert (len(kept), refusals) == (4, ["upload_part_size"] * 8)
        assert client.uploads.complete(upload.id, part_ids=kept).status == "completed"

    def test_the_last_part_sent_again_needs_no_room(self, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also where it is told only in the transaction, as when another server took the first sending."""
        from honekit.api import idempotency

        monkeypatch.setattr(idempotency, "_with_earlier", lambda made: made)
        upload = client.uploads.create(filename="u", purpose="batch", bytes=5, mime_type="text/plain")
        first = client.uploads.parts.create(upload.id, data=b"01234").id
        again = client.uploads.parts.create(upload.id, data=b"01234", extra_headers={"x-stainless-retry-count": "1"})
        assert again.id == first

    @pytest.mark.conformance("POST /v1/uploads/{upload_id}/cancel")
    def test_a_cancelled_upload_leaves_nothing(self, client: openai.OpenAI) -> None:
        upload = client.uploads.create(filename="u", purpose="fine-tune", bytes=4, mime_type="text/plain")
        part = client.uploads.parts.create(upload.id, data=b"gone")
        assert client.uploads.cancel(upload.id).status == "cancelled"
        assert not blob_exists(b"gone")
        with pytest.raises(openai.BadRequestError):
            client.uploads.complete(upload.id, part_ids=[part.id])

    def test_an_upload_that_is_never_completed_goes_after_an_hour(
        self, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = client.uploads.create(filename="u", purpose="fine-tune", bytes=4, mime_type="text/plain")
        client.uploads.parts.create(upload.id, data=b"late")
        now = uploads.time.time()
        with monkeypatch.context() as patch:
            patch.setattr(uploads.time, "time", lambda: now + 3601)
            assert uploads.remove_expired() >= 1
        assert not blob_exists(b"late")
        found = uploads.get("default", upload.id)
        assert found and found.status == "expired"
