"""A project's keys over HTTP, with the official client: for its administrators, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from honekit.api import auth

pytestmark = pytest.mark.both_databases


@pytest.fixture
def admin(server: str) -> Iterator[Callable[..., openai.OpenAI]]:
    """Makes the administrator's client of a project; answers must be of the contract's types."""
    clients: list[openai.OpenAI] = []

    def admin(project: str, scope: Any = "admin", key: str | None = None) -> openai.OpenAI:
        key = key or auth.create_key("mine", project=project, scope=scope)[0]
        strict = {"max_retries": 0, "timeout": 60, "_strict_response_validation": True}
        clients.append(openai.OpenAI(base_url=f"{server}/v1", api_key=key, admin_api_key=key, **strict))  # type: ignore[arg-type]
        return clients[-1]

    yield admin
    for client in clients:
        client.close()


def create(client: openai.OpenAI, project: str, count: int = 0, **body: Any) -> Any:
    headers = {"x-stainless-retry-count": str(count)}
    return client.post(f"/organization/projects/{project}/api_keys", body=body, cast_to=object, options={"headers": headers})


def test_a_key_is_made_listed_looked_at_and_revoked(admin: Any, server: str) -> None:
    client = admin("org-a")
    keys = client.admin.organization.projects.api_keys
    (project,) = client.admin.organization.projects.list()
    assert (project.id, client.admin.organization.projects.retrieve("org-a").id) == ("org-a", "org-a")
    made = create(client, "org-a", name="laptop", scope="read")
    found = auth.verify(made["value"])
    assert found is not None
    assert (found.id, found.owner, found.scope, found.name) == (made["id"], "org-a", "read", "laptop")
    assert [key.name for key in keys.list("org-a", limit=1)] == ["laptop", "mine"]
    shown = keys.retrieve(made["id"], project_id="org-a")
    assert shown.name == "laptop"
    assert made["value"].startswith(shown.redacted_value.removesuffix("..."))
    assert made["value"] not in httpx.get(f"{server}/v1/organization/projects/org-a/api_keys", headers=_bearer(client)).text
    assert keys.delete(made["id"], project_id="org-a").deleted is True
    assert auth.verify(made["value"]) is None
    assert [key.name for key in keys.list("org-a")] == ["mine"]
    every = keys.list("org-a", extra_query={"revoked": "true"}).data
    assert [(key.name, key.to_dict()["revoked_at"] is None) for key in every] == [("laptop", False), ("mine", True)]
    assert [key.name for key in keys.list("org-a", after=made["id"])] == ["mine"]
    for gone in (keys.retrieve, keys.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            gone(made["id"], project_id="org-a")
        assert caught.value.code == "api_key_not_found"


def test_a_key_whose_answer_was_lost_is_one_key_with_a_new_value(admin: Any) -> None:
    client = admin("org-b")
    first = create(client, "org-b", name="ci")
    again = create(client, "org-b", count=1, name="ci")
    assert again["id"] == first["id"]
    assert auth.verify(first["value"]) is None
    verified = auth.verify(again["value"])
    assert verified is not None
    assert verified.id == first["id"]
    assert again["redacted_value"] != first["redacted_value"]
    assert create(client, "org-b", name="ci")["id"] != first["id"]


@pytest.mark.parametrize("scope", ["read", "write"])
def test_only_administrators_see_and_make_keys(admin: Any, scope: str) -> None:
    client = admin("org-c", scope)
    calls = (
        lambda: client.admin.organization.projects.list(),
        lambda: client.admin.organization.projects.api_keys.list("org-c"),
        lambda: create(client, "org-c"),
    )
    for call in calls:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            call()
        assert caught.value.code == "insufficient_scope"


def test_another_project_is_answered_like_none(admin: Any) -> None:
    theirs = auth.create_key("theirs", project="org-d")[1].id
    client = admin("org-e")
    own = client.admin.organization.projects.api_keys.list("org-e").data[0].id
    for project in ("org-d", "org-none"):
        keys = client.admin.organization.projects.api_keys
        calls = (
            lambda project=project: client.admin.organization.projects.retrieve(project),
            lambda project=project, keys=keys: keys.list(project),
            lambda project=project: create(client, project),
            lambda project=project, keys=keys: keys.retrieve(theirs, project_id=project),
            lambda project=project, keys=keys: keys.delete(own, project_id=project),
        )
        for call in calls:
            with pytest.raises(openai.NotFoundError) as caught:
                call()
            assert (caught.value.code, caught.value.body["message"]) == ("project_not_found", f"No such project: '{project}'")  # type: ignore[index]
    with pytest.raises(openai.NotFoundError):
        client.admin.organization.projects.api_keys.delete(theirs, project_id="org-e")
    assert [key.revoked_at for key in auth.list_keys("org-d")] == [None]


def test_what_no_key_can_have_is_refused(admin: Any) -> None:
    client = admin("org-f")
    for body, param in (
        ({"scope": "root"}, "scope"),
        ({"name": 1}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"more": 1}, "more"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            create(client, "org-f", **body)
        assert caught.value.param == param


def _bearer(client: openai.OpenAI) -> dict[str, str]:
    return {"authorization": f"Bearer {client.api_key}"}
