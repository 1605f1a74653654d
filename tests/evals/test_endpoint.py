from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest

from honekit.evals.endpoint import Endpoint, Judges
from honekit.graders.judges import labels_format
from honekit.graders.schema import SamplingParams


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [("", ("yes", "no"), labels_format(("yes", "no"))), ("", (), None), ("http://elsewhere/v1", ("yes", "no"), None)],
    ids=["own model", "free answer", "another server"],
)
def test_only_models_of_our_own_are_held_to_the_labels(name: str, labels: tuple[str, ...], expected: Any) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json={"model": "m-1", "choices": [{"message": {"content": "yes"}}]})

    async def judge() -> str:
        http: Any = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        async with openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k", http_client=http, max_retries=0) as client:
            judges = Judges(Endpoint(client, name), asyncio.get_running_loop())
            messages = [{"role": "user", "content": "Is it?"}]
            return (await asyncio.to_thread(judges.ask, "m", messages, SamplingParams(), labels)).text

    assert asyncio.run(judge()) == "yes"
    assert asked[0].get("response_format") == expected
