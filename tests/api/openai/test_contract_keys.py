"""Generated requests with no key, with a key that may only read, and with an administrator's of another project.

What they may do is what `test_tenants.py` asks one request at a time; here every operation is asked in many ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
import schemathesis
from tests import contract
from tests.api.openai import judging
from tests.api.openai.seeds import Seeds, of_owner
from tests.tiers import trials

from honekit.api.auth import create_key

_GRADERS = "POST /fine_tuning/alpha/graders"
ASKS_A_MODEL = {f"POST /{path}" for path in ("chat/completions", "completions", "embeddings", "responses")}
READS = {name for name in contract.operations() if name.startswith("GET")} | ASKS_A_MODEL
READS |= {f"{_GRADERS}/run", f"{_GRADERS}/validate"}
"""What a key that may only read is for, unless an answer is to be stored."""


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return judging.load()


@pytest.fixture(scope="module")
def owner(server: str, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(shared_home))
        key = create_key("asked", scope="admin")[0]
        with openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0) as client:
            yield Seeds(client, tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def made(owner: Seeds) -> list[str]:
    """Ids of one thing of each kind, none of which a stranger is ever to see."""
    of_one_kind = [owner.training_file, owner.checkpointed_job, owner.checkpoint, owner.tuned_model(), owner.upload()]
    return [*of_one_kind, owner.stored_chat(), owner.stored_response(), *owner.graded.values()]


@trials(small=4, gate=40, night=1000)
@pytest.mark.parametrize("name", contract.operations())
def test_a_key_does_only_what_it_may(name: str, api: Any, server: str, owner: Seeds, made: list[str], trials: int) -> None:
    operation, recipe = judging.operation_of(api, name), of_owner(name, owner)
    reader = create_key(scope="read")[0]
    stranger = create_key(project="elsewhere", scope="admin")[0]
    secrets = [*made, *recipe.path.values()]

    def send(case: schemathesis.Case, extra: Sequence[Any] = ()) -> None:
        named = case.path_parameters == recipe.path
        assert judging.send(case, server, None, *extra).status_code == 401

        answer = judging.send(case, server, reader, *extra)
        if name not in READS:
            assert answer.status_code == 403
        elif answer.status_code == 403:
            assert case.body["store"] is True, answer.text

        answer = judging.send(case, server, stranger, *extra)
        if recipe.path and named:
            assert answer.status_code in (400, 404), answer.text
        if answer.status_code < 300:
            assert not [secret for secret in secrets if secret in answer.text]

    send(judging.seeded(operation, recipe))
    judging.each_generated(operation, trials, lambda: recipe, send)
    # Whatever they sent, what they named is still there for its owner.
    still = judging.send(judging.seeded(operation, recipe), server, owner.client.api_key)
    assert still.status_code == judging.OTHER.get(name, 200), still.text
