"""Generated requests to every operation of the contract: no fault of the server, no answer outside the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
import schemathesis
from tests import contract
from tests.api.openai import judging
from tests.api.openai.seeds import RECIPES, Seeds

from honekit.api.auth import create_key


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return judging.load()


@pytest.fixture(scope="module")
def reached() -> Iterator[dict[str, list[int]]]:
    """Statuses that each operation answered with; printed as a count at the end."""
    statuses: dict[str, list[int]] = {}
    yield statuses
    ok = sum(any(200 <= status < 300 for status in of_one) for of_one in statuses.values())
    requests = sum(map(len, statuses.values()))
    print(f"\ncontract: {requests} requests, {ok} of {len(statuses)} operations answered with 2xx")


@pytest.fixture
def seeds(server: str, tmp_path: Path) -> Iterator[Seeds]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=create_key(scope="admin")[0], max_retries=0) as client:
        yield Seeds(client, tmp_path)


def test_each_served_operation_has_a_seeded_request() -> None:
    assert set(RECIPES) == set(contract.operations())


@pytest.mark.parametrize("name", contract.operations())
def test_generated_requests(name: str, api: Any, server: str, seeds: Seeds, reached: dict[str, list[int]]) -> None:
    check(name, 20, api, server, seeds, reached.setdefault(name, []))


@pytest.mark.long
@pytest.mark.both_databases
@pytest.mark.parametrize("name", contract.operations())
def test_many_generated_requests(
    name: str,
    database: str,
    api: Any,
    server: str,
    seeds: Seeds,
    reached: dict[str, list[int]],
    record_property: Callable[[str, object], None],
) -> None:
    statuses = reached.setdefault(f"{name} on {database}", [])
    check(name, 500 if database == "sqlite" else 100, api, server, seeds, statuses)
    record_property("n", len(statuses))


def check(name: str, examples: int, api: Any, server: str, seeds: Seeds, statuses: list[int]) -> None:
    """Send the seeded request and `examples` generated ones, with an administrator's key, and judge every answer."""
    operation = judging.operation_of(api, name)

    def send(case: schemathesis.Case, extra: Sequence[Any] = ()) -> None:
        statuses.append(judging.send(case, server, seeds.client.api_key, *extra).status_code)

    send(judging.seeded(operation, RECIPES[name](seeds)))
    assert statuses[-1] == judging.OTHER.get(name, 200), f"the seeded request to {name} was answered with {statuses[-1]}"
    judging.each_generated(operation, examples, lambda: RECIPES[name](seeds), send)
