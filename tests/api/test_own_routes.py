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


def _document() -> dict[str, Any]:
    return create_app(Engines(device="cpu", precision="fp32")).openapi()


@pytest.fixture(scope="module")
def api() -> Any:
    return judging.load(_document())


@pytest.mark.parametrize(
    "name",
    [
        f"{method.upper()} {path}"
        for path, item in _document()["paths"].items()
        for method in item
        if path.startswith(OWN)
    ],
)  # fmt: skip
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
