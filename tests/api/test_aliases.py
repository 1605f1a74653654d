"""Aliases over HTTP: each project moves its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from honekit import registry

pytestmark = pytest.mark.both_databases

_numbers = itertools.count()
Send = Callable[..., httpx.Response]


def version(owner: str, project: str = "tickets") -> str:
    number = next(_numbers)
    made = registry.create_version(project, f"ftjob-alias-{number}", "tiny", "x", Path("/a"), f"y{number}", owner=owner)
    return made.name


@pytest.fixture
def send(server: str) -> Send:
    from honekit.api.auth import create_key

    keys: dict[tuple[str, str], str] = {}

    def send(owner: str, method: str, path: str, scope: Any = "write", **options: Any) -> httpx.Response:
        key = keys.get((owner, scope)) or create_key(project=owner, scope=scope)[0]
        keys[owner, scope] = key
        headers = {"authorization": f"Bearer {key}", **options.pop("headers", {})}
        return httpx.request(method, f"{server}/v1/aliases{path}", headers=headers, **options)

    return send


def test_an_alias_is_promoted_shown_asked_and_rolled_back(send: Send, connect: Any) -> None:
    old, new = version("al-a"), version("al-a")
    first = send("al-a", "POST", "", json={"model": old})
    assert (first.status_code, first.json()["id"], first.json()["model"]) == (200, "tickets@production", old)
    moved = send("al-a", "POST", "", json={"model": new, "alias": "tickets@production", "reason": "better"}).json()
    assert moved["model"] == new
    assert send("al-a", "POST", "", json={"model": "tickets@production", "alias": "tickets@staging"}).json()["model"] == new
    assert [(one["id"], one["model"]) for one in send("al-a", "GET", "").json()["data"]] == [
        ("tickets@production", new),
        ("tickets@staging", new),
    ]
    client: openai.OpenAI = connect("al-a")
    assert client.models.retrieve("tickets@production").owned_by == "local"
    assert send("al-a", "POST", "/tickets@production/rollback", json={"reason": "worse"}).json()["model"] == old
    history = send("al-a", "GET", "/tickets@production").json()["history"]
    assert [(one["action"], one["model"], one["previous"], one["reason"]) for one in history] == [
        ("rollback", old, new, "worse"),
        ("promote", new, old, "better"),
        ("promote", old, None, "promoted by hand"),
    ]


def test_two_projects_may_each_have_an_alias_of_one_name(send: Send, connect: Any) -> None:
    mine, theirs = version("al-b"), version("al-c")
    for owner, model in (("al-b", mine), ("al-c", theirs)):
        assert send(owner, "POST", "", json={"model": model}).json()["model"] == model
    newer = version("al-b")
    send("al-b", "POST", "", json={"model": newer})
    assert send("al-c", "GET", "/tickets@production").json()["model"] == theirs
    assert len(send("al-c", "GET", "/tickets@production").json()["history"]) == 1
    assert send("al-c", "POST", "/tickets@production/rollback", json={}).json()["error"]["code"] == "nothing_before"
    assert send("al-b", "POST", "/tickets@production/rollback", json={}).json()["model"] == mine
    assert connect("al-c").models.retrieve("tickets@production").id == "tickets@production"


def test_what_is_anothers_is_answered_like_what_is_nobodys(send: Send) -> None:
    theirs = version("al-d", "pumps")
    send("al-d", "POST", "", json={"model": theirs})
    for alias, model in (("pumps@production", theirs), ("valves@production", theirs[:-4] + "none")):
        answers = [
            send("al-e", "GET", f"/{alias}"),
            send("al-e", "POST", f"/{alias}/rollback", json={}),
            send("al-e", "POST", "", json={"model": model}),
            send("al-e", "POST", "", json={"model": alias}),
        ]
        assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [
            (404, "alias_not_found"),
            (404, "alias_not_found"),
            (404, "model_not_found"),
            (404, "model_not_found"),
        ]
    assert send("al-e", "GET", "").json()["data"] == []


def test_a_rollback_that_is_sent_twice_goes_back_once(send: Send) -> None:
    names = [version("al-f") for _ in range(3)]
    for name in names:
        send("al-f", "POST", "", json={"model": name})
    twice = {"headers": {"idempotency-key": "a"}, "json": {}}
    for _ in range(2):
        assert send("al-f", "POST", "/tickets@production/rollback", **twice).json()["model"] == names[1]
    assert send("al-f", "POST", "/tickets@production/rollback", json={}).json()["model"] == names[0]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"model": "tiny"}, "not_a_tuned_model", "model"),
        ({"alias": "tickets@production"}, "missing_required_parameter", "model"),
        ({"alias": "tickets"}, "invalid_alias", "alias"),
        ({"alias": "other@production"}, "invalid_alias", "alias"),
        ({"more": 1}, "unknown_parameter", "more"),
        ({"reason": "x" * 2001}, "invalid_value", "reason"),
    ],
)
def test_a_faulty_promotion_is_refused(send: Send, body: dict[str, Any], code: str, param: str) -> None:
    given = body if "model" in body or code == "missing_required_parameter" else {"model": version("al-g"), **body}
    answer = send("al-g", "POST", "", json=given)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


def test_a_reader_sees_aliases_and_moves_none(send: Send) -> None:
    model = version("al-h")
    send("al-h", "POST", "", json={"model": model})
    assert send("al-h", "GET", "/tickets@production", scope="read").json()["model"] == model
    for path in ("", "/tickets@production/rollback"):
        assert send("al-h", "POST", path, scope="read", json={}).status_code == 403


def test_a_model_without_a_suffix_goes_behind_any_name(send: Send) -> None:
    model = version("al-i", "")
    assert send("al-i", "POST", "", json={"model": model}).json()["error"]["code"] == "invalid_alias"
    assert send("al-i", "POST", "", json={"model": model, "alias": "mine@production"}).json()["model"] == model
    odd = version("al-i", "Night_Shift 2")
    assert send("al-i", "POST", "", json={"model": odd}).json()["id"] == "night-shift-2@production"
