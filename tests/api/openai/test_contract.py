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

Note = Callable[[str, object], None]


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return judging.load()


@pytest.fixture
def seeds(server: str, tmp_path: Path) -> Iterator[Seeds]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=create_key(scope="admin")[0], max_retries=0) as client:
        yield Seeds(client, tmp_path)


def test_each_served_operation_has_a_seeded_request() -> None:
    assert set(RECIPES) == set(contract.operations())


@pytest.mark.parametrize("name", contract.operations())
def test_generated_requests(name: str, api: Any, server: str, seeds: Seeds, record_property: Note) -> None:
    check(name, 20, api, server, seeds, record_property)


@pytest.mark.both_databases
@pytest.mark.parametrize("name", contract.operations())
@pytest.mark.parametrize("examples", [pytest.param(500, marks=pytest.mark.long), pytest.param(1000, marks=pytest.mark.night)])
def test_many_generated_requests(
    name: str, database: str, examples: int, api: Any, server: str, seeds: Seeds, record_property: Note
) -> None:
    check(name, examples if database == "sqlite" else examples // 5, api, server, seeds, record_property)


def check(name: str, examples: int, api: Any, server: str, seeds: Seeds, note: Note) -> None:
    """Send the seeded request and `examples` generated ones, with an administrator's key, and judge every answer.

    How many were sent, and whether one was answered with 2xx, is printed at the end of the run (`tests/counts.py`).
    """
    operation, statuses = judging.operation_of(api, name), list[int]()

    def send(case: schemathesis.Case, extra: Sequence[Any] = ()) -> None:
        statuses.append(judging.send(case, server, seeds.client.api_key, *extra).status_code)

    send(judging.seeded(operation, RECIPES[name](seeds)))
    assert statuses[-1] == judging.OTHER.get(name, 200), f"the seeded request to {name} was answered with {statuses[-1]}"
    judging.each_generated(operation, examples, lambda: RECIPES[name](seeds), send)
    note("n", len(statuses))
    note("answered with 2xx", any(200 <= status < 300 for status in statuses))
