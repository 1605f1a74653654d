"""Requests of the contract's own shape, sent to the server, and every answer judged by the contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests import contract
from tests.api.openai.seeds import Recipe

SEED = 20260101
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STREAMED = {
    "POST /chat/completions": "CreateChatCompletionStreamResponse",
    "POST /completions": "CreateCompletionStreamResponse",
    "POST /responses": "ResponseStreamEvent",
    "GET /responses/{response_id}": "ResponseStreamEvent",
}
"""The schema of the events of each operation that streams."""
OTHER = {"POST /evals": 201, "POST /evals/{eval_id}/runs": 201}
"""What the seeded request is answered with where that is not 200."""
KEPT_KEYS = 3
"""Of a generated body at most this many keys are laid over a valid one: with more, something unsupported is always among them."""


def load(document: dict[str, Any] | None = None) -> schemathesis.BaseSchema:
    """The contract, or another document. Generated requests carry no key of their own: `send` adds the one that is meant."""
    generation = GenerationConfig(with_security_parameters=False)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return schemathesis.openapi.from_dict(contract.document() if document is None else document, config=config)


def operation_of(api: Any, name: str) -> Any:
    """By its name, such as `GET /files/{file_id}`."""
    method, path = name.split(" ")
    return api[path][method]


def send(case: schemathesis.Case, server: str, key: str | None, *extra: Any) -> Any:
    """The answer, which is one of the contract's."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with requests.Session() as session:
        session.trust_env = False  # or the environment is read for proxies and passwords at each request
        response = case.call(base_url=f"{server}/v1", headers=headers, session=session)
    checks = [*CHECKS, *extra]
    if response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        checks.remove(response_schema_conformance)
        judge_stream(response.text, STREAMED[case.operation.label])
    case.validate_response(response, checks=checks, headers=headers)
    assert response.headers["x-request-id"][0].startswith("req_")
    if response.status_code >= 400:
        judge_error(response.text)
    return response


def each_generated(
    operation: Any, examples: int, recipe: Callable[[], Recipe], use: Callable[[schemathesis.Case, Sequence[Any]], None]
) -> None:
    """Call `use` with generated requests, and with the checks that each calls for besides.

    A quarter of them are invalid where that can be; of the others some name what the recipe makes.
    """

    def generate(mode: schemathesis.GenerationMode, count: int, *extra: Any) -> None:
        @seed(SEED)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def run(case: schemathesis.Case, data: st.DataObject) -> None:
            if mode is schemathesis.GenerationMode.POSITIVE and data.draw(st.booleans(), "with seeds"):
                mix(case, recipe(), data)
            # In the query every value of `metadata` is text, also the one that was generated to be none; no text at all is null.
            as_text = any(
                key.startswith("metadata[") or isinstance(value, dict) or (key == "metadata" and value in ("", None, []))
                for key, value in (case.query or {}).items()
            )
            use(case, [] if as_text else extra)

        run()

    wrong = examples // 4 if operation.body or operation.query else 0  # else nothing can be wrong but a path, which is text
    generate(schemathesis.GenerationMode.POSITIVE, examples - wrong)
    if wrong:
        generate(schemathesis.GenerationMode.NEGATIVE, wrong, negative_data_rejection)


def seeded(operation: Any, recipe: Recipe) -> schemathesis.Case:
    """The recipe alone."""
    options: dict[str, Any] = {"path_parameters": recipe.path, "query": recipe.query}
    if recipe.body is not None:
        options |= {"body": recipe.body, "media_type": operation.body[0].media_type}
    case: schemathesis.Case = operation.Case(**options)
    return case


def mix(case: schemathesis.Case, recipe: Recipe, data: st.DataObject) -> None:
    """Let a generated request name objects that exist, and keep of its body a few keys beside what makes it valid."""
    case.path_parameters = {**(case.path_parameters or {}), **recipe.path}
    if case.query:
        case.query = {name: value for name, value in case.query.items() if name != "after"}
    if recipe.body is not None and isinstance(case.body, dict):
        known = contract.parameters(case.operation.label)
        others = [key for key in case.body if key in known and key not in recipe.body]  # any other is refused as unknown
        kept = data.draw(st.lists(st.sampled_from(others), max_size=KEPT_KEYS, unique=True), "kept") if others else []
        case.body = {**{key: case.body[key] for key in kept}, **recipe.body}


def judge_error(text: str) -> None:
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and error["type"]


def judge_stream(text: str, event_schema: str) -> None:
    """Every event is one of the contract, and the last one the end."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    events = [block.partition("data: ")[2] for block in blocks]
    if not blocks:  # asked for what comes behind the last event
        return
    if not blocks[0].startswith("event: "):  # with named events the last of them says that it is the end
        assert events.pop() == "[DONE]"
    validator = Draft202012Validator(contract.schema(event_schema))
    for event in events:
        validator.validate(json.loads(event))
