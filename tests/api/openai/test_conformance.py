"""docs/conformance.md is what the tests and the routes say; operations that are not there yet say so in the envelope."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx
import pytest
from tests import conformance, contract

SERVED = {name.replace(" ", " /v1", 1) for name in contract.operations()}
PATHS = {name.split(" ")[1] for name in SERVED}
NOT_YET = [name for name in conformance.of_contract() if name not in SERVED]


def _code(operation: str) -> tuple[int, str]:
    """Where another method of the path is served, the method is what is wrong."""
    return (405, "method_not_allowed") if operation.split(" ")[1] in PATHS else (404, "not_found")


@pytest.mark.parametrize(
    "operation",
    [pytest.param(name, marks=pytest.mark.conformance(name, refused=_code(name)[1])) for name in NOT_YET],
)
def test_an_operation_that_is_not_there_yet_is_refused_in_the_envelope(operation: str, server: str, key: str) -> None:
    method, path = operation.split(" ")
    url = server + re.sub(r"{[^}]*}", "one", path)
    answer = httpx.request(method, url, headers={"Authorization": f"Bearer {key}"}, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == _code(operation)


def test_the_derived_contract_has_what_the_routes_serve() -> None:
    assert conformance.served() == SERVED, "run scripts/derive_contract.py again"


def test_the_page_is_not_stale(request: pytest.FixtureRequest) -> None:
    collected = request.config.stash.get(conformance.COLLECTED, None)
    if collected is not None:  # as in a run of all tests; to collect them again takes ten seconds
        page = conformance.render(collected, conformance.served())
        assert conformance.is_fresh(page), "run `python -m tests.conformance`"
        return
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance", "--check"], cwd=conformance.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_marker_that_names_nothing_of_the_contract_is_a_fault() -> None:
    routes = conformance.served()
    for operation, parameter in (("GET /v1/nothing", ""), ("POST /v1/files", "colour")):
        with pytest.raises(ValueError, match="does not have"):
            conformance.render([conformance.Proof(operation, parameter, "", "test")], routes)


def test_what_no_test_shows_is_called_untested() -> None:
    page = conformance.render([conformance.Proof("GET /v1/files", "limit", "", "t.py::test")], conformance.served())
    assert "| `limit` | works | `t.py::test` |" in page
    assert "| `order` | unknown | untested |" in page
