"""The page's server: who may call it, and what it forbids the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests import tiny

from honekit.api.label.app import create_label_app
from honekit.data.label import Session, form_of_answers, items_of_chat

TOKEN = "a-secret"
CALL = {"x-hone-label": "1"}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    source = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(3))
    made = Session(items_of_chat(source), form_of_answers([]), tmp_path / "out.jsonl", source=source)
    yield made
    made.close()


@pytest.fixture
def finished() -> list[Any]:
    return []


@pytest.fixture
def client(session: Session, finished: list[Any]) -> TestClient:
    return TestClient(create_label_app(session, TOKEN, finished.append), base_url="http://127.0.0.1:9")


@pytest.mark.parametrize("path", ["/", "/label.js", "/api/session", "/wrong/", f"/{TOKEN}", f"/{TOKEN}/../api/session"])
def test_without_the_secret_there_is_nothing(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["", "label.js", "label.css"])
def test_the_page_forbids_the_browser_everything_foreign(client: TestClient, name: str) -> None:
    answer = client.get(f"/{TOKEN}/{name}")
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "http://" not in answer.text and "https://" not in answer.text


def test_another_host_name_is_refused(client: TestClient) -> None:
    assert client.get(f"/{TOKEN}/api/session", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{}, {**CALL, "origin": "http://evil.example"}, {**CALL, "sec-fetch-site": "cross-site"}, {**CALL, "origin": "null"}],
)
def test_a_foreign_page_changes_nothing(client: TestClient, session: Session, headers: dict[str, str]) -> None:
    answer = client.put(f"/{TOKEN}/api/items/1", json={"state": "rejected"}, headers=headers)
    assert answer.status_code == 403
    assert session.progress()["rejected"] == 0


def test_the_page_s_own_calls_pass(client: TestClient, session: Session) -> None:
    headers = {**CALL, "origin": "http://127.0.0.1:9", "sec-fetch-site": "same-origin"}
    assert client.put(f"/{TOKEN}/api/items/1", json={"state": "rejected"}, headers=headers).json()["state"] == "rejected"
    assert session.progress()["rejected"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("items/99", {"state": "accepted"}, 404),
        ("items/1", {"state": "perhaps"}, 422),
        ("items/1", {"answer": "", "state": "accepted"}, 409),
        ("items/1", {"contents": {"7": "x"}}, 404),
    ],
)
def test_a_wrong_change_is_refused_in_words_and_not_kept(
    client: TestClient, session: Session, path: str, body: dict[str, Any], status: int
) -> None:
    answer = client.put(f"/{TOKEN}/api/{path}", json=body, headers=CALL)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error.get("what") or error.get("message")
    assert session.progress()["undecided"] == 3


def test_finishing_writes_the_file_and_says_so(client: TestClient, finished: list[Any], tmp_path: Path) -> None:
    client.put(f"/{TOKEN}/api/items/2", json={"state": "accepted"}, headers=CALL)
    written = client.post(f"/{TOKEN}/api/finish", json={"with_undecided": False}, headers=CALL).json()
    assert written["written"] == 1
    assert finished == [written]
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1
