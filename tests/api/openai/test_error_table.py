"""What is wrong with a request, and how it is said: the answer as it is, and what the official client raises from it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests import tiny
from tests.api.openai.seeds import Seeds

from honekit.api.auth import create_key

USER = [{"role": "user", "content": "hello"}]
CHAT = {"model": "tiny", "messages": USER, "max_tokens": 1}
JOB = {"model": "tiny", "training_file": "{training}"}
UPLOAD = {"filename": "u.txt", "purpose": "fine-tune", "bytes": 4, "mime_type": "text/plain"}
RAISED = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
}
"""Of other statuses below 500 the client raises APIStatusError itself."""


@dataclass(frozen=True)
class Case:
    """One request and its error. `{name}` in the path and in the values of the body stands for a seeded id."""

    request: str
    status: int
    code: str
    param: str | None = None
    type: str = "invalid_request_error"
    json: Any = None
    content: bytes | None = None
    form: dict[str, str] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    scope: str = "admin"
    unsupported: str | None = None
    """The parameter that this case shows to be refused, or some values of it."""


def chat(code: str, param: str, unsupported: str | None = None, /, **changes: Any) -> Case:
    return Case("POST /chat/completions", 400, code, param, json={**CHAT, **changes}, unsupported=unsupported)


def job(code: str, param: str, unsupported: str | None = None, /, **changes: Any) -> Case:
    return Case("POST /fine_tuning/jobs", 400, code, param, json={**JOB, **changes}, unsupported=unsupported)


def complete(code: str, param: str, unsupported: str | None = None, /, **changes: Any) -> Case:
    body = _given({"model": "tiny", "prompt": "hello", "max_tokens": 1, **changes})
    return Case("POST /completions", 400, code, param, json=body, unsupported=unsupported)


def embed(code: str, param: str, unsupported: str | None = None, /, **changes: Any) -> Case:
    body = _given({"model": "tiny", "input": "hello", **changes})
    return Case("POST /embeddings", 400, code, param, json=body, unsupported=unsupported)


def grade(code: str, param: str, grader: Any) -> Case:
    return Case("POST /fine_tuning/alpha/graders/run", 400, code, param, json={"grader": grader, **SAMPLE})


def schema_format(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _given(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not ABSENT}


ABSENT = object()
SAMPLE = {"model_sample": "fan"}
CHECK = {"type": "string_check", "name": "exact", "input": "{{item.a}}", "reference": "fan", "operation": "eq"}
MULTI = {"type": "multi", "name": "all", "graders": {"a": CHECK}, "calculate_output": "a"}
PYTHON = {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}
JUDGE = {"type": "score_model", "name": "judge", "model": "none", "input": [{"role": "user", "content": "How good?"}]}
TOOL = {"type": "function", "function": {"name": "f"}}
BAD_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"properties": 5}}}
LIST_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
OTHER_FUNCTION = {"type": "function", "function": {"name": "g"}}
JSON_TYPE = {"content-type": "application/json"}
PACKED = {"content-encoding": "gzip"}
SUPERVISED = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 51}}}
PERMISSIONS = "/fine_tuning/checkpoints/{checkpoint}/permissions"

HIDING = {"include_obfuscation": True}
CASES = [
    # Chat completions
    chat("invalid_value", "temperature", temperature=2.5),
    chat("invalid_type", "temperature", temperature="hot"),
    chat("invalid_value", "top_p", top_p=-0.1),
    chat("invalid_value", "n", n=129),
    chat("invalid_value", "max_tokens", max_tokens=0),
    chat("invalid_type", "max_completion_tokens", max_completion_tokens="many"),
    chat("context_length_exceeded", "messages", max_completion_tokens=100_000),
    chat("invalid_value", "stop", stop=["a", "b", "c", "d", "e"]),
    chat("invalid_value", "top_logprobs", logprobs=True, top_logprobs=21),
    chat("invalid_value", "top_logprobs", top_logprobs=1),
    chat("invalid_value", "stream_options", stream_options={"include_usage": True}),
    chat("unsupported_value", "stream_options.include_obfuscation", "stream_options", stream=True, stream_options=HIDING),
    chat("unknown_parameter", "colour", colour="red"),
    chat("invalid_value", "messages", messages=[]),
    chat("missing_required_parameter", "messages[0].content", messages=[{"role": "user"}]),
    chat("unsupported_value", "messages[0].content[0].type", messages=[{"role": "user", "content": [{"type": "zz"}]}]),
    chat("invalid_value", "messages[1].tool_call_id", messages=[*USER, {"role": "tool", "content": "x", "tool_call_id": "c"}]),
    chat("invalid_value", "metadata", metadata={str(number): "" for number in range(17)}),
    chat("invalid_value", "safety_identifier", safety_identifier="x" * 65),
    Case("POST /chat/completions", 400, "missing_required_parameter", "model", json={"messages": USER}),
    Case("POST /chat/completions", 400, "missing_required_parameter", "messages", json={"model": "tiny"}),
    Case("POST /chat/completions", 400, "invalid_json", content=b'{"model": ', headers=JSON_TYPE),
    Case("POST /chat/completions", 415, "unsupported_media_type", content=b"{}", headers={"content-type": "text/plain"}),
    Case("POST /embeddings", 415, "unsupported_media_type", content=gzip.compress(b"{}"), headers={**JSON_TYPE, **PACKED}),
    Case("POST /chat/completions", 413, "body_too_large", content=b" " * (8 * 1024 * 1024 + 1), headers=JSON_TYPE),
    Case("POST /chat/completions", 404, "model_not_found", "model", json={**CHAT, "model": "none"}),
    Case("PUT /chat/completions", 405, "method_not_allowed"),
    chat("unsupported_parameter", "audio", "audio", audio={"voice": "a", "format": "mp3"}),
    chat("unsupported_value", "tools[0].type", tools=[{"type": "web_search"}]),
    chat("unsupported_value", "tools[0].type", tools=[{"type": "custom", "custom": {"name": "f"}}]),
    chat("invalid_value", "tools[0].function.name", tools=[{"type": "function", "function": {"name": "a b"}}]),
    chat("invalid_value", "tools[1].function.name", tools=[TOOL, TOOL]),
    chat("invalid_schema", "tools[0].function.parameters", tools=[BAD_TOOL]),
    chat("invalid_schema", "tools[0].function.parameters", tools=[LIST_TOOL]),
    chat("invalid_value", "tool_choice", tool_choice="required"),
    chat("invalid_value", "tool_choice", tools=[TOOL], tool_choice=OTHER_FUNCTION),
    chat("unsupported_value", "tool_choice.type", tools=[TOOL], tool_choice={"type": "custom"}),
    chat("invalid_value", "frequency_penalty", frequency_penalty=2.5),
    chat("invalid_value", "presence_penalty", presence_penalty=-2.5),
    chat("invalid_value", "logit_bias.5", logit_bias={"5": 101}),
    chat("invalid_value", "logit_bias", logit_bias={"259": 1}),
    chat("invalid_value", "response_format.type", response_format={"type": "yaml"}),
    chat("missing_required_parameter", "response_format.json_schema", response_format={"type": "json_schema"}),
    chat("invalid_schema", "response_format.json_schema.schema", response_format=schema_format({"type": "objekt"})),
    chat("invalid_value", "functions", functions=[{"name": "f"}], tools=[TOOL]),
    chat("invalid_value", "functions[0].name", functions=[{"name": "a b"}]),
    chat("invalid_value", "functions[1].name", functions=[{"name": "f"}, {"name": "f"}]),
    chat("invalid_schema", "functions[0].parameters", functions=[{"name": "f", "parameters": {"properties": 5}}]),
    chat("invalid_value", "function_call", function_call={"name": "f"}),
    chat("invalid_value", "function_call", functions=[{"name": "f"}], function_call={"name": "g"}),
    chat("unsupported_value", "modalities", "modalities", modalities=["text", "audio"]),
    chat("invalid_value", "service_tier", service_tier="slow"),
    chat("unsupported_value", "verbosity", "verbosity", verbosity="high"),
    chat("unsupported_value", "reasoning_effort", "reasoning_effort", reasoning_effort="high"),
    chat("invalid_value", "prediction.type", prediction={"type": "image", "content": "a"}),
    chat("unsupported_parameter", "web_search_options", "web_search_options", web_search_options={}),
    chat("unsupported_parameter", "moderation", "moderation", moderation={}),
    chat("unsupported_parameter", "prompt_cache_options", "prompt_cache_options", prompt_cache_options={}),
    chat("invalid_value", "prompt_cache_retention", prompt_cache_retention="1h"),
    # Completions and embeddings
    complete("missing_required_parameter", "prompt", prompt=ABSENT),
    complete("invalid_value", "prompt", prompt=[]),
    complete("invalid_value", "prompt", prompt=[259]),
    complete("invalid_type", "prompt[1]", prompt=["a", 5]),
    complete("context_length_exceeded", "prompt", prompt="x" * 512),
    complete("invalid_value", "max_tokens", max_tokens=-1),
    complete("invalid_value", "logprobs", logprobs=6),
    complete("invalid_value", "n", n=129),
    complete("invalid_value", "stream_options", stream_options={"include_usage": True}),
    complete("unsupported_value", "stream_options.include_obfuscation", "stream_options", stream=True, stream_options=HIDING),
    complete("unknown_parameter", "colour", colour="red"),
    complete("unsupported_parameter", "suffix", "suffix", suffix="end"),
    complete("unsupported_value", "best_of", "best_of", best_of=3),
    Case("POST /completions", 404, "model_not_found", "model", json={"model": "none", "prompt": "a"}),
    embed("missing_required_parameter", "input", input=ABSENT),
    embed("invalid_value", "input", input=["a", ""]),
    embed("invalid_value", "input[0]", input=[-1]),
    embed("context_length_exceeded", "input", input="x" * 513),
    embed("invalid_value", "encoding_format", encoding_format="int8"),
    embed("unsupported_value", "dimensions", "dimensions", dimensions=32),
    embed("unknown_parameter", "colour", colour="red"),
    Case("POST /embeddings", 404, "model_not_found", "model", json={"model": "none", "input": "a"}),
    # Graders
    grade("missing_required_parameter", "grader.type", {}),
    grade("invalid_value", "grader.type", {**CHECK, "type": "magic"}),
    grade("invalid_type", "grader.name", {**CHECK, "name": 1}),
    grade("invalid_value", "grader.input", {**CHECK, "input": "{{item.a"}),
    grade("invalid_value", "grader.operation", {**CHECK, "operation": "regex"}),
    grade("unknown_parameter", "grader.other", {**CHECK, "other": 1}),
    grade("invalid_value", "grader.calculate_output", {**MULTI, "calculate_output": "a + c"}),
    grade("invalid_value", "grader.source", {**PYTHON, "source": "#" * 256_001}),
    Case("POST /fine_tuning/alpha/graders/run", 404, "model_not_found", "grader.model", json={"grader": JUDGE, **SAMPLE}),
    Case("POST /fine_tuning/alpha/graders/run", 400, "missing_required_parameter", "model_sample", json={"grader": CHECK}),
    Case(
        "POST /fine_tuning/alpha/graders/run",
        403,
        "python_not_allowed",
        "grader",
        "permission_error",
        json={"grader": PYTHON, **SAMPLE},
    ),
    Case("POST /fine_tuning/alpha/graders/validate", 400, "missing_required_parameter", "grader", json={}),
    Case("POST /fine_tuning/alpha/graders/validate", 404, "model_not_found", "grader.model", json={"grader": JUDGE}),
    # Files and uploads
    Case("POST /files", 400, "invalid_value", "purpose", form={"purpose": "fine-tune-results"}, file=("file", b"x")),
    Case("POST /files", 400, "missing_required_parameter", "purpose", file=("file", b"x")),
    Case("POST /files", 400, "missing_required_parameter", "file", form={"purpose": "batch"}, file=("other", b"x")),
    Case("POST /files", 400, "invalid_value", "file", form={"purpose": "batch", "file": "x"}, file=("other", b"x")),
    Case("POST /files", 415, "unsupported_media_type", json={"purpose": "batch"}),
    Case("GET /files", 400, "invalid_value", "limit", query={"limit": "0"}),
    Case("GET /files", 400, "invalid_value", "limit", query={"limit": "10001"}),
    Case("GET /files", 400, "invalid_value", "order", query={"order": "random"}),
    Case("GET /files", 400, "file_not_found", "after", query={"after": "file-none"}),
    Case("GET /files/file-none", 404, "file_not_found", "file_id"),
    Case("DELETE /files/file-none", 404, "file_not_found", "file_id"),
    Case("GET /files/file-none/content", 404, "file_not_found", "file_id"),
    Case("POST /uploads", 400, "invalid_value", "purpose", json={**UPLOAD, "purpose": "evals"}),
    Case("POST /uploads", 400, "invalid_value", "bytes", json={**UPLOAD, "bytes": -1}),
    Case("POST /uploads/upload_none/cancel", 404, "upload_not_found", "upload_id"),
    Case("POST /uploads/{upload}/complete", 400, "upload_part_unknown", "part_ids", json={"part_ids": ["part_none"]}),
    Case("POST /uploads/{upload}/complete", 400, "invalid_value", "md5", json={"part_ids": ["part_none"], "md5": "x"}),
    Case("POST /uploads/{cancelled_upload}/parts", 400, "upload_closed", file=("data", b"x")),
    # Fine-tuning
    job("file_not_found", "training_file", training_file="file-none"),
    job("invalid_purpose", "training_file", training_file="{other_file}"),
    job("invalid_n_examples", "training_file", training_file="{short_file}"),
    job("invalid_training_file", "training_file", training_file="{faulty_file}"),
    job("invalid_value", "suffix", suffix="x" * 65),
    job("invalid_value", "seed", seed=-1),
    job("invalid_value", "method.supervised.hyperparameters.n_epochs", method=SUPERVISED),
    job("invalid_training_file", "training_file", method={"type": "dpo"}),
    job("invalid_value", "method.dpo.hyperparameters.beta", method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0}}}),
    job("missing_required_parameter", "method.reinforcement", method={"type": "reinforcement"}),
    job("unsupported_value", "integrations[0].type", integrations=[{"type": "x"}]),
    job("unsupported_value", "integrations", integrations=[{"type": "wandb", "wandb": {"project": "p"}}]),
    Case("POST /fine_tuning/jobs", 404, "model_not_found", "model", json={**JOB, "model": "none"}),
    Case("GET /fine_tuning/jobs/ftjob-none", 404, "fine_tune_not_found", "fine_tuning_job_id"),
    Case("GET /fine_tuning/jobs/{job}/events", 400, "event_not_found", "after", query={"after": "ftevent-none"}),
    Case("POST /fine_tuning/jobs/{cancelled_job}/resume", 400, "invalid_state"),
    Case(f"POST {PERMISSIONS}", 400, "invalid_value", "project_ids[1]", json={"project_ids": ["a", "No Project"]}),
    Case(f"DELETE {PERMISSIONS}/cp_none", 404, "permission_not_found", "permission_id"),
    # Models, and what holds everywhere
    Case("GET /models/none", 404, "model_not_found", "model"),
    Case("DELETE /models/tiny", 403, "model_is_base", "model", "permission_error"),
    Case("GET /nothing", 404, "not_found"),
    Case("GET /models", 401, "invalid_api_key", headers={"authorization": "Bearer hone-wrong"}),
    Case("POST /uploads", 403, "insufficient_scope", None, "permission_error", json=UPLOAD, scope="read"),
]


def _row(number: int, case: Case) -> Any:
    operation = case.request.replace(" ", " /v1")
    marks = [pytest.mark.conformance(operation, case.unsupported, refused=case.code)] if case.unsupported else []
    return pytest.param(case, id=f"{number:02}-{case.request.replace(' ', '-')}-{case.code}-{case.param}", marks=marks)


class Ids(dict[str, str]):
    """Seeded ids by the names in `CASES`, made when first needed."""

    def __init__(self, seeds: Seeds) -> None:
        super().__init__()
        self.seeds = seeds

    def __missing__(self, name: str) -> str:
        client = self.seeds.client
        records = {"short_file": tiny.conversations(9), "faulty_file": [*tiny.conversations(10), {"messages": []}]}
        if name in records:
            lines = "\n".join(json.dumps(record) for record in records[name]).encode()
            return client.files.create(file=("t.jsonl", lines), purpose="fine-tune").id
        if name == "cancelled_job":
            return client.fine_tuning.jobs.cancel(self.seeds.job()).id
        if name == "cancelled_upload":
            return client.uploads.cancel(self.seeds.upload()).id
        if name == "training":
            return self.seeds.training_file
        if name == "checkpoint":
            return self.seeds.checkpoint
        return {"job": self.seeds.job, "upload": self.seeds.upload, "other_file": self.seeds.file}[name]()


@pytest.fixture
def ids(server: str, tmp_path: Path) -> Iterator[Ids]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=create_key(scope="admin")[0], max_retries=0) as client:
        yield Ids(Seeds(client, tmp_path))


@pytest.mark.parametrize("case", [_row(number, case) for number, case in enumerate(CASES, 1)])
def test_the_answer_and_what_the_client_raises(case: Case, server: str, ids: Ids) -> None:
    method, path = case.request.split(" ")
    path = path.format_map(ids)
    body = case.json
    if isinstance(body, dict):
        body = {name: value.format_map(ids) if isinstance(value, str) else value for name, value in body.items()}
    sent: list[Any] = []
    with openai.OpenAI(
        base_url=f"{server}/v1",
        api_key=create_key(scope=case.scope)[0],  # type: ignore[arg-type]
        http_client=openai.DefaultHttpxClient(event_hooks={"request": [sent.append]}),
    ) as client:
        options: Any = {"headers": dict(case.headers), "params": dict(case.query)}
        if case.file:
            options["headers"]["content-type"] = "multipart/form-data"
        arguments: dict[str, Any] = {"cast_to": httpx.Response, "options": options}
        if method == "POST":
            arguments |= {"body": case.form or body, "content": case.content}
            arguments |= {"files": {case.file[0]: ("a.txt", case.file[1])} if case.file else None}
        with pytest.raises(openai.APIStatusError) as caught:
            getattr(client, method.lower())(path, **arguments)
    fault = caught.value
    error = fault.response.json()["error"]
    assert (fault.status_code, error["type"], error["code"], error["param"]) == (case.status, case.type, case.code, case.param)
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    assert type(fault) is RAISED.get(case.status, openai.APIStatusError)
    assert (fault.type, fault.code, fault.param) == (case.type, case.code, case.param)
    assert fault.request_id == fault.response.headers["x-request-id"]
    assert len(sent) == 1, "the client sent it again"


def test_the_table_has_no_case_twice() -> None:
    assert len(CASES) >= 60
    assert len({repr(case) for case in CASES}) == len(CASES)
