"""A NUL in any text of any request: no route fails over it, on no database."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import openai
import pytest
from tests import contract
from tests.api.openai.seeds import EVAL, RECIPES, Recipe, Seeds

from honekit.api.auth import create_key

pytestmark = pytest.mark.both_databases

OPTIONAL: dict[str, dict[str, Any]] = {
    "POST /chat/completions": {"user": "u", "store": True},
    "POST /evals": {"name": "n"},
    "POST /evals/{eval_id}/runs": {"name": "n"},
    "POST /fine_tuning/jobs": {"suffix": "s", "validation_file": "file-a"},
    "POST /responses": {"user": "u", "store": True, "previous_response_id": "resp_a"},
}
"""Fields beside those of the recipes that may reach the database."""


@pytest.fixture
def seeds(server: str, tmp_path: Path) -> Iterator[Seeds]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=create_key(scope="admin")[0], max_retries=0) as client:
        yield Seeds(client, tmp_path)


@pytest.fixture
def http(server: str, seeds: Seeds) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server}/v1", headers={"Authorization": f"Bearer {seeds.client.api_key}"}, timeout=60) as client:
        yield client


def with_nul(value: Any) -> Iterator[Any]:
    """Copies of a value, each with a NUL in another one of its texts."""
    if isinstance(value, str):
        yield value + "\0"
    elif isinstance(value, dict | list):
        for place, inner in value.items() if isinstance(value, dict) else enumerate(value):
            for changed in with_nul(inner):
                whole = copy.copy(value)
                whole[place] = changed
                yield whole


def sent(http: httpx.Client, name: str, recipe: Recipe, path: dict[str, str], **request: Any) -> httpx.Response:
    method, at = name.split()
    for parameter, value in path.items():
        at = at.replace(f"{{{parameter}}}", quote(value, safe=""))
    return http.request(method, at, **request)


def queries(name: str) -> list[str]:
    parameters = contract.operations()[name].get("parameters", [])
    return [one["name"] for one in parameters if one["in"] == "query" and one["schema"].get("type") != "integer"]


def test_no_route_fails_over_a_nul(http: httpx.Client, seeds: Seeds) -> None:
    failed = []

    def look(what: str, answer: httpx.Response, *, of_path: bool = False) -> None:
        if answer.status_code >= 500 or (of_path and answer.status_code != 404):
            failed.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    for name, recipe_of in RECIPES.items():
        recipe = recipe_of(seeds)
        for path in with_nul(recipe.path):
            form = {"files": {"data": b"four"}} if name.endswith("/parts") else {"json": recipe.body} if recipe.body else {}
            look(f"{name} {path}", sent(http, name, recipe, path, **form), of_path=True)
        for parameter in queries(name):
            look(f"{name} {parameter}", sent(http, name, recipe, recipe.path, params={parameter: "\0"}))
        if recipe.body and not any(isinstance(value, bytes) for value in recipe.body.values()):
            for body in with_nul({**recipe.body, **OPTIONAL.get(name, {})}):
                look(f"{name} {body}", sent(http, name, recipe, recipe.path, json=body))
    assert failed == []


@pytest.mark.parametrize(
    ("request_line", "body", "param"),
    [
        ("GET /files?purpose=%00", None, "purpose"),
        ("GET /chat/completions?model=%00", None, "model"),
        ("POST /uploads", {"filename": "u", "purpose": "batch", "bytes": 1, "mime_type": "a\0"}, "mime_type"),
        ("POST /fine_tuning/jobs", {"model": "tiny", "training_file": "{file}", "suffix": "a\0b"}, "suffix"),
        ("POST /fine_tuning/checkpoints/{checkpoint}/permissions", {"project_ids": ["\0"]}, "project_ids[0]"),
        ("GET /fine_tuning/checkpoints/{checkpoint}/permissions?project_id=%00", None, "project_id"),
        ("POST /organization/projects/default/api_keys", {"name": "\0"}, "name"),
        ("POST /aliases", {"model": "{model}", "reason": "\0"}, "reason"),
        ("POST /evals", {**EVAL, "name": "\0"}, "name"),
    ],
)
def test_a_value_with_a_nul_is_refused_by_its_name(
    http: httpx.Client, seeds: Seeds, request_line: str, body: dict[str, Any] | None, param: str
) -> None:
    method, path = request_line.split()
    if "{checkpoint}" in path:
        path = path.replace("{checkpoint}", quote(seeds.checkpoint, safe=""))
    made = {"{file}": lambda: seeds.training_file, "{model}": seeds.tuned_model}
    body = body and {name: made[value]() if value in ("{file}", "{model}") else value for name, value in body.items()}
    answer = http.request(method, path, json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("invalid_value", param)


def test_a_file_name_with_a_nul_loses_it(http: httpx.Client) -> None:
    made = http.post("/files", files={"file": ("a\0b", b"x"), "purpose": (None, "user_data")})
    assert made.json()["filename"] in ("ab", "a%00b")


def test_what_is_no_text_of_the_database_keeps_its_nul(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "a\0b"}]
    made = http.post("/chat/completions", json={"model": "tiny", "messages": messages, "max_tokens": 1, "store": True})
    kept = http.get(f"/chat/completions/{made.json()['id']}/messages")
    assert kept.json()["data"][0]["content"] == "a\0b"
