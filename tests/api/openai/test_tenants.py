"""Every operation with ids of another project, for every kind of key: what is another's is answered like what is nobody's."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests import contract
from tests.api.openai.seeds import RECIPES, Recipe, Seeds, of_owner

from honekit.api.auth import Scope, create_key

WITH_ID = [name for name in RECIPES if "{" in name]
Put = Callable[[str], Any]


def judge(model: str) -> dict[str, Any]:
    asked = [{"role": "user", "content": "{{sample.output_text}}"}]
    return {"type": "score_model", "name": "judge", "model": model, "input": asked, "range": [0, 1]}


def by_judge(model: str) -> dict[str, Any]:
    return {"type": "reinforcement", "reinforcement": {"grader": judge(model)}}


def rows(file: str) -> dict[str, Any]:
    return {"type": "jsonl", "source": {"type": "file_id", "id": file}}


def answers(model: str) -> dict[str, Any]:
    return {"type": "completions", "model": model, "source": {"type": "file_content", "content": [{"item": {"input": "a"}}]}}


IN_BODIES: list[tuple[str, str, Callable[[Seeds], str], Put]] = [
    ("POST /fine_tuning/jobs", "training_file", lambda seeds: seeds.training_file, str),
    ("POST /fine_tuning/jobs", "validation_file", lambda seeds: seeds.training_file, str),
    ("POST /fine_tuning/jobs", "model", lambda seeds: seeds.tuned_model(), str),
    ("POST /fine_tuning/jobs", "method", lambda seeds: seeds.tuned_model(), by_judge),
    ("POST /fine_tuning/alpha/graders/run", "grader", lambda seeds: seeds.tuned_model(), judge),
    ("POST /fine_tuning/alpha/graders/validate", "grader", lambda seeds: seeds.checkpoint, judge),
    ("POST /chat/completions", "model", lambda seeds: seeds.tuned_model(), str),
    ("POST /completions", "model", lambda seeds: seeds.checkpoint, str),
    ("POST /embeddings", "model", lambda seeds: seeds.tuned_model(), str),
    ("POST /responses", "previous_response_id", lambda seeds: seeds.stored_response(), str),
    ("POST /evals", "testing_criteria", lambda seeds: seeds.tuned_model(), lambda model: [judge(model)]),
    ("POST /evals/{eval_id}/runs", "data_source", lambda seeds: seeds.training_file, rows),
    ("POST /evals/{eval_id}/runs", "data_source", lambda seeds: seeds.tuned_model(), answers),
    ("POST /uploads/{upload_id}/complete", "part_ids", lambda seeds: seeds.part(seeds.upload()), lambda part: [part]),
]
"""Fields of bodies that name something, what of a project they may name, and how."""
SCOPES: list[Scope] = ["read", "write", "admin"]


@pytest.fixture(scope="module")
def owner(server: str, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(shared_home))
        key = create_key("owner", scope="admin")[0]
        with openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0) as client:
            yield Seeds(client, tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def strangers(shared_home: Path) -> dict[str, str]:
    return {scope: create_key(scope, project="stranger", scope=scope)[0] for scope in SCOPES}


def send(server: str, name: str, recipe: Recipe, key: str | None, client: httpx.Client | None = None) -> httpx.Response:
    method, path = name.split()
    for parameter, value in recipe.path.items():
        path = path.replace(f"{{{parameter}}}", value)
    body: dict[str, Any] = {}
    if recipe.body is not None:
        media = contract.operations()[name]["requestBody"]["content"]
        body = {"json": recipe.body} if "application/json" in media else {"files": recipe.body}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return (client or httpx).request(method, f"{server}/v1{path}", params=recipe.query, headers=headers, **body)


def renamed(recipe: Recipe) -> Recipe:
    """The same request with ids that nobody has."""
    return Recipe({name: unknown(value) for name, value in recipe.path.items()}, recipe.query, recipe.body)


def unknown(value: str) -> str:
    """An id of the same shape that nobody has."""
    drawn = max(re.findall("[A-Za-z0-9]+", value.removeprefix("ft:")), key=len)
    return value.replace(drawn, "".join(secrets.choice("bcdfgh") for _ in drawn))


def _without_ids(recipe: Recipe, text: str) -> str:
    for value in sorted(recipe.path.values(), key=len, reverse=True):
        text = text.replace(value, "ID")
    return text


@pytest.mark.parametrize("name", WITH_ID)
def test_what_is_anothers_is_answered_like_what_is_nobodys(
    name: str, owner: Seeds, server: str, strangers: dict[str, str]
) -> None:
    recipe = of_owner(name, owner)
    nobodys = renamed(recipe)
    assert nobodys.path != recipe.path
    refused = set()
    for key in strangers.values():
        answer, other = send(server, name, recipe, key), send(server, name, nobodys, key)
        assert answer.status_code in (403, 404), answer.text
        assert (other.status_code, _without_ids(nobodys, other.text)) == (answer.status_code, _without_ids(recipe, answer.text))
        refused.add(answer.status_code)
    assert 404 in refused
    assert send(server, name, recipe, None).status_code == 401
    assert send(server, name, recipe, owner.client.api_key).status_code < 300


@pytest.mark.parametrize("name", sorted(set(RECIPES) - set(WITH_ID)))
def test_nothing_is_answered_without_a_key(name: str, owner: Seeds, server: str) -> None:
    assert send(server, name, RECIPES[name](owner), None).status_code == 401


@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("GET") and name not in WITH_ID])
def test_lists_hold_nothing_of_another_project(name: str, owner: Seeds, server: str, strangers: dict[str, str]) -> None:
    made = [owner.training_file, owner.checkpointed_job, owner.tuned_model(), owner.stored_chat(), owner.file(), owner.eval()]
    newest = Recipe(query={"limit": 100} if "jobs" in name else {"limit": 100, "order": "desc"})
    own, others = (send(server, name, newest, key).text for key in (owner.client.api_key, strangers["admin"]))
    assert any(one in own for one in made)
    assert not [one for one in made if one in others]


@pytest.mark.parametrize(("name", "field", "value", "put"), IN_BODIES)
def test_a_body_cannot_name_what_is_anothers(
    name: str, field: str, value: Callable[[Seeds], str], put: Put, owner: Seeds, server: str, strangers: dict[str, str]
) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=strangers["admin"], max_retries=0) as client:
        own = RECIPES[name](Seeds(client, owner.folder))
    theirs = value(owner)
    nobodys = theirs[:-4] + "none"
    answer, other = (
        send(server, name, Recipe(own.path, body={**(own.body or {}), field: put(one)}), strangers["admin"])
        for one in (theirs, nobodys)
    )
    assert answer.status_code in (400, 404), answer.text
    assert answer.text.replace(theirs, "ID") == other.text.replace(nobodys, "ID")


CURSORS: list[tuple[str, Callable[[Seeds], str]]] = [
    ("GET /files", lambda seeds: seeds.training_file),
    ("GET /fine_tuning/jobs", lambda seeds: seeds.checkpointed_job),
    ("GET /chat/completions", lambda seeds: seeds.stored_chat()),
    ("GET /evals", lambda seeds: seeds.graded["eval_id"]),
    ("GET /evals/{eval_id}/runs", lambda seeds: seeds.graded["run_id"]),
    ("GET /evals/{eval_id}/runs/{run_id}/output_items", lambda seeds: seeds.graded["output_item_id"]),
]
"""Lists, and what of another project may be named in their `after`."""


@pytest.mark.parametrize(("name", "value"), CURSORS)
def test_a_list_does_not_go_on_behind_what_is_anothers(
    name: str, value: Callable[[Seeds], str], owner: Seeds, server: str, strangers: dict[str, str]
) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=strangers["admin"], max_retries=0) as client:
        own = RECIPES[name](Seeds(client, owner.folder))
    theirs = value(owner)
    nobodys = unknown(theirs)
    answer, other = (send(server, name, Recipe(own.path, {"after": one}), strangers["admin"]) for one in (theirs, nobodys))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")
    assert answer.text.replace(theirs, "ID") == other.text.replace(nobodys, "ID")
