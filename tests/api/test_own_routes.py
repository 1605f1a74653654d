"""Generated requests to the routes that are Hone's own: no fault of the server, no answer outside its own document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from tests.api.openai import judging

from honekit import deploy, registry
from honekit.api.app import create_app
from honekit.api.auth import create_key
from honekit.api.engines import Engines

OWN = ("/v1/aliases", "/v1/organization/", "/v1/decide")
# Written down, since to make the document takes seconds, in each process that only collects this file.
OPERATIONS = [
    "GET /v1/decide/questions",
    "POST /v1/decide",
    "GET /v1/aliases",
    "POST /v1/aliases",
    "GET /v1/aliases/{alias}",
    "POST /v1/aliases/{alias}/rollback",
    "GET /v1/organization/projects",
    "GET /v1/organization/projects/{project_id}",
    "GET /v1/organization/projects/{project_id}/api_keys",
    "POST /v1/organization/projects/{project_id}/api_keys",
    "GET /v1/organization/projects/{project_id}/api_keys/{key_id}",
    "DELETE /v1/organization/projects/{project_id}/api_keys/{key_id}",
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Engines(device="cpu", precision="fp32")).openapi()


@pytest.fixture(scope="module")
def api(document: dict[str, Any]) -> Any:
    return judging.load(document)


def test_no_operation_is_left_out(document: dict[str, Any]) -> None:
    own = {path: methods for path, methods in document["paths"].items() if path.startswith(OWN)}
    assert {f"{method.upper()} {path}" for path, methods in own.items() for method in methods} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_generated_requests(name: str, api: Any, server: str, tmp_path: Path) -> None:
    secret, key = create_key("fuzz", project="fuzzed", scope="admin")
    model = registry.create_version("fuzzed", key.id, "tiny", "x", tmp_path, key.id, owner="fuzzed").name
    alias = deploy.promote(None, model, "seed").alias
    operation = judging.operation_of(api, name)
    reached = []

    def send(case: schemathesis.Case, extra: Any = ()) -> None:
        known = {"project_id": "fuzzed", "key_id": key.id, "alias": alias}
        if len(reached) % 2:
            case.path_parameters = {one: known[one] for one in case.path_parameters or {}}
        # Deleting the key in use is right, and ends the test's own access.
        used = create_key("fuzz", project="fuzzed", scope="admin")[0] if name.startswith("DELETE") else secret
        reached.append(judging.send(case, server, used, *extra).status_code)

    judging.each_generated(operation, 24, judging.Recipe, send)
    assert reached
