from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest

from honekit.errors import EvalError
from honekit.evals.endpoint import Endpoint, Judges, Refused
from honekit.evals.sampling import sample
from honekit.evals.sources_schema import Completions
from honekit.graders import elsewhere
from honekit.graders.judges import AskFailed, labels_format
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


def test_a_judge_elsewhere_that_is_away_ends_the_run_and_one_that_refuses_spoils_the_item(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(fault: AskFailed) -> None:
        def ask(*_: Any) -> Any:
            raise fault

        async def judge() -> None:
            monkeypatch.setattr(elsewhere, "is_elsewhere", lambda model: True)
            monkeypatch.setattr(elsewhere, "ask", ask)
            client = openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k")
            Judges(Endpoint(client), asyncio.get_running_loop()).ask("big", [], SamplingParams(), ())

        asyncio.run(judge())

    with pytest.raises(EvalError) as caught:
        asked(elsewhere.Gone("the server of big cannot be reached"))
    assert caught.value.code == "evals.endpoint_gone"
    with pytest.raises(AskFailed):
        asked(AskFailed("too long"))


def answered(response: httpx.Response) -> Any:
    """What becomes of one question where the server says this."""

    async def ask() -> Any:
        http: Any = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: response))
        source = Completions.model_validate(
            {"type": "completions", "source": {"type": "file_id", "id": "f"}, "model": "m-1", "input_messages": None}
        )
        async with openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k", http_client=http, max_retries=0) as client:
            return await sample(Endpoint(client, "http://stub/v1"), source, {"input": "q"}, "owner", str(response.content))

    return asyncio.run(ask())


def completion(message: Any = None, **changed: Any) -> dict[str, Any]:
    return {"model": "m-2", "choices": [{"message": message or {"content": "x"}}], **changed}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (completion(usage={"prompt_tokens": None, "completion_tokens": "2"}), "x"),
        (completion({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}), "ab"),
        (completion({"content": None, "refusal": "I will not"}), "I will not"),
        (completion({"content": "a\ud800"}), "a?"),
    ],
    ids=["no counts", "parts", "refusal", "half a pair"],
)
def test_an_answer_in_another_form_is_read(content: dict[str, Any], text: str) -> None:
    made = answered(httpx.Response(200, content=json.dumps(content), headers={"content-type": "application/json"}))
    assert (made.text, made.prompt_tokens, made.completion_tokens, made.model) == (text, 0, 0, "m-2")


def test_a_server_that_names_no_model_answered_as_the_one_that_was_asked() -> None:
    assert answered(httpx.Response(200, json=completion(model=None))).model == "m-1"


@pytest.mark.parametrize(
    "content",
    ["{cut", "null", '{"choices": []}', '{"choices": [{"message": null}]}', '{"choices": [{"message": {"content": 5}}]}',
     '{"choices": [{"message": {"tool_calls": {}}}]}'],
)  # fmt: skip
def test_garbage_of_a_server_ends_the_run_and_is_no_bug(content: str) -> None:
    with pytest.raises(EvalError) as caught:
        answered(httpx.Response(200, content=content, headers={"content-type": "application/json"}))
    assert caught.value.code == "evals.endpoint_gone"


@pytest.mark.parametrize("status", [401, 408, 429, 500])
def test_a_server_that_is_busy_ends_the_run_so_that_it_can_go_on_and_no_item_is_lost(status: int) -> None:
    with pytest.raises(EvalError) as caught:
        answered(httpx.Response(status, json={"error": {"message": "not now", "code": "later"}}))
    assert caught.value.code == "evals.endpoint_gone"
    with pytest.raises(Refused):
        answered(httpx.Response(400, json={"error": {"message": "too long", "code": "context_length_exceeded"}}))
