"""Graders through the official client, a real server and a real (tiny, random) model."""

from __future__ import annotations

import re
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests import tiny
from tests.other_server import configure

from honekit.api.auth import create_key
from honekit.api.engines import Engines
from honekit.api.openai import graders
from honekit.api.server import running
from honekit.errors import GraderError
from honekit.graders import sandbox
from honekit.graders.judges import AskFailed

CHECK = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
SIMILAR = {
    "type": "text_similarity",
    "name": "similar",
    "input": "{{sample.output_json.text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "fuzzy_match",
}
SCORE = {
    "type": "score_model",
    "name": "judge",
    "model": "tiny",
    "input": [{"role": "user", "content": "How good is {{sample.output_text}} for {{item.answer}}?"}],
    "sampling_params": {"max_completions_tokens": 5},
}
IMAGE = {"type": "input_image", "image_url": "https://example.com/fan.png"}
ERROR_KEYS = {
    "formula_parse_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "other_error",
    "python_grader_server_error",
    "python_grader_server_error_type",
    "python_grader_runtime_error",
    "python_grader_runtime_error_details",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_parse_error",
    "model_grader_server_error_details",
}


def run(client: openai.OpenAI, grader: Any, sample: str = "fan", **item: Any) -> Any:
    return client.fine_tuning.alpha.graders.run(grader=grader, model_sample=sample, item=item)


def multi(formula: str, **graders: Any) -> dict[str, Any]:
    return {"type": "multi", "name": "all", "graders": graders, "calculate_output": formula}


def python(source: str) -> dict[str, Any]:
    return {"type": "python", "name": "p", "source": source}


@pytest.mark.conformance("POST /v1/fine_tuning/alpha/graders/run")
@pytest.mark.conformance("POST /v1/fine_tuning/alpha/graders/run", "grader", "item", "model_sample")
def test_a_run_answers_every_field_of_the_contract(server: str, key: str) -> None:
    response = httpx.post(
        f"{server}/v1/fine_tuning/alpha/graders/run",
        headers={"authorization": f"Bearer {key}"},
        json={"grader": CHECK, "model_sample": "fan", "item": {"answer": "fan"}},
    )
    assert response.status_code == 200
    answer = response.json()
    errors = answer["metadata"].pop("errors")
    assert set(errors) == ERROR_KEYS
    assert not any(errors.values())
    assert answer["metadata"].pop("execution_time") >= 0
    assert answer == {
        "reward": 1.0,
        "metadata": {"name": "exact", "type": "string_check", "scores": {}, "token_usage": None, "sampled_model_name": None},
        "sub_rewards": {},
        "model_grader_token_usage_per_model": {},
    }


def test_a_grading_fault_is_an_answer_with_a_flag(strict: openai.OpenAI) -> None:
    missing = run(strict, CHECK)
    assert missing.reward == 0
    assert missing.metadata.errors.invalid_variable_error
    assert run(strict, SIMILAR, "no json", answer="fan").metadata.errors.sample_parse_error
    assert run(strict, SIMILAR, '{"text": "fans"}', answer="fan").reward == pytest.approx(6 / 7)


def test_a_multi_grader_has_sub_rewards_and_a_formula(strict: openai.OpenAI) -> None:
    answer = run(strict, multi("0.5 * a + b ^ 2", a=CHECK, b={**CHECK, "operation": "ne"}), answer="fan")
    assert (answer.reward, answer.sub_rewards, answer.metadata.scores) == (0.5, {"a": 1, "b": 0}, {"a": 1, "b": 0})
    assert run(strict, multi("1 / a", a=CHECK), answer="x").metadata.errors.formula_parse_error


def test_cosine_is_that_of_the_embeddings_of_the_first_base(client: openai.OpenAI, strict: openai.OpenAI) -> None:
    texts = ["the fan stands still", "belt"]
    left, right = (one.embedding for one in client.embeddings.create(model="tiny", input=texts).data)
    cosine = sum(a * b for a, b in zip(left, right, strict=True))
    grader = {**CHECK, "type": "text_similarity", "evaluation_metric": "cosine"}
    del grader["operation"]
    assert run(strict, grader, texts[0], answer=texts[1]).reward == pytest.approx(min(1, max(0, cosine)), abs=1e-5)
    assert run(strict, grader, texts[0], answer=texts[0]).reward == pytest.approx(1)
    assert run(strict, grader, "", answer=texts[0]).reward == 0
    long = run(strict, grader, "x" * 600, answer="belt")  # over the context of this base
    assert long.metadata.errors.api_model_grader_server_error and long.reward == 0


def test_a_model_grader_is_answered_by_a_served_model(client: openai.OpenAI, strict: openai.OpenAI) -> None:
    order = "\n\nAnswer with one number from 0 to 1 and nothing else."
    chat = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "How good is fan for belt?" + order}],
        max_completion_tokens=5,
        temperature=0,
    )
    answer = run(strict, SCORE, answer="belt")
    usage = answer.api_model_grader_token_usage_per_model["tiny"]
    assert usage == {
        "prompt_tokens": chat.usage.prompt_tokens,
        "completion_tokens": 5,
        "total_tokens": chat.usage.prompt_tokens + 5,
        "cached_tokens": 0,
    }
    assert answer.metadata.token_usage == usage["total_tokens"]
    assert answer.metadata.sampled_model_name == "tiny"
    # A random model writes no number here: the fault is the model's, the request was right.
    assert not any(sign.isdigit() for sign in chat.choices[0].message.content)
    assert answer.metadata.errors.api_model_grader_parse_error
    assert answer.reward == 0


def test_a_served_model_that_is_asked_for_a_label_can_write_nothing_else(client: openai.OpenAI) -> None:
    labels = ["kind", "neutral", "rude"]
    asks = {"type": "label_model", "name": "tone", "model": "tiny", "labels": labels,
            "input": [{"role": "user", "content": "{{sample.output_text}}"}]}  # fmt: skip
    rewards = [run(client, {**asks, "passing_labels": [label]}, "Thanks a lot!").reward for label in labels]
    assert sorted(rewards) == [0.0, 0.0, 1.0]
    answer = run(client, {**asks, "passing_labels": labels}, "Thanks a lot!")
    assert (answer.reward, answer.metadata.errors.model_grader_parse_error) == (1.0, False)


def test_a_message_over_the_models_context_is_told_in_the_answer(strict: openai.OpenAI) -> None:
    errors = run(strict, SCORE, "long " * 500, answer="x").metadata.errors
    assert errors.api_model_grader_server_error
    assert "maximum context length is 512 tokens" in errors.api_model_grader_server_error_details


def test_messages_that_no_chat_takes_are_refused_and_leave_nothing_behind() -> None:
    with pytest.raises(AskFailed, match="cannot be sent to a model") as refused:
        graders._chat_request({"model": "m", "messages": [{"role": "user", "content": 5}]})
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_model_of_a_configured_server_can_be_asked(
    client: openai.OpenAI, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = {**SCORE, "model": "far-judge"}
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.alpha.graders.validate(grader=far)  # type: ignore[arg-type]
    with running(Engines(device="cpu", precision="fp32", extra_bases={"far-judge": str(tiny_base)})) as url:
        configure(monkeypatch, f"{url}/v1", create_key()[0])
        assert client.fine_tuning.alpha.graders.validate(grader=far).grader.name == "judge"  # type: ignore[arg-type]
        there = run(client, multi("judge", judge=far), answer="fan")
        here = run(client, multi("judge", judge=SCORE), answer="fan")
        assert there.reward == here.reward
        (used,) = there.model_grader_token_usage_per_model.items()
        assert used == ("far-judge", here.model_grader_token_usage_per_model["tiny"])
    errors = run(client, far, answer="fan").metadata.errors
    assert errors.model_grader_server_error
    assert "127.0.0.1" not in str(errors.model_grader_server_error_details)


def test_an_unknown_model_is_a_404_that_names_its_place(client: openai.OpenAI) -> None:
    for call in (
        lambda grader: run(client, grader),
        lambda grader: client.fine_tuning.alpha.graders.validate(grader=grader),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call(multi("a", a={**SCORE, "model": "absent"}))
        assert (caught.value.code, caught.value.param) == ("model_not_found", "grader.graders.a.model")


@pytest.mark.parametrize(
    ("grader", "code", "param"),
    [
        ({**CHECK, "operation": "regex"}, "invalid_value", "grader.operation"),
        ({**CHECK, "input": "{{item.a"}, "invalid_value", "grader.input"),
        ({**CHECK, "other": 1}, "unknown_parameter", "grader.other"),
        ({key: value for key, value in CHECK.items() if key != "reference"}, "missing_required_parameter", "grader.reference"),
        ({**CHECK, "type": "magic"}, "invalid_value", "grader.type"),
        ({}, "missing_required_parameter", "grader.type"),
        ({**CHECK, "name": 1}, "invalid_type", "grader.name"),
        (multi("a + c", a=CHECK), "invalid_value", "grader.calculate_output"),
        (multi("a", a={**CHECK, "input": "{{x}}"}), "invalid_value", "grader.graders.a.input"),
        ({**SCORE, "input": [{"role": "user", "content": [IMAGE]}]}, "unsupported_value", "grader.input[0].content[0]"),
        (python("x") | {"image_tag": 2025}, "invalid_type", "grader.image_tag"),
        (python("x" * 256_001), "invalid_value", "grader.source"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("route", ["run", "validate"])
def test_a_malformed_grader_is_a_400_that_names_the_field(
    client: openai.OpenAI, route: str, grader: dict[str, Any], code: str, param: str
) -> None:
    resource = client.fine_tuning.alpha.graders
    with pytest.raises(openai.BadRequestError) as caught:
        resource.run(grader=grader, model_sample="x") if route == "run" else resource.validate(grader=grader)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.param) == (code, param)


def test_a_name_that_no_sample_has_is_found_by_validating_and_a_fault_of_grading(client: openai.OpenAI) -> None:
    resource = client.fine_tuning.alpha.graders
    for name in ("sample.output_tools[0]", "sample.text"):
        grader: Any = multi("a", a={**CHECK, "reference": "{{" + name + "}}"})
        with pytest.raises(openai.BadRequestError, match=re.escape(name)) as caught:
            resource.validate(grader=grader)
        assert (caught.value.code, caught.value.param) == ("invalid_value", "grader")
        assert resource.run(grader=grader, model_sample="x").metadata.errors.invalid_variable_error
    for name in ("sample.output_json.text", "sample", "item.output_tools"):
        resource.validate(grader={**CHECK, "reference": "{{" + name + "}}"})


@pytest.mark.parametrize("grader", [CHECK, SIMILAR, SCORE, multi("1 - exact") | {"graders": CHECK}, multi("a", a=CHECK)])
@pytest.mark.conformance("POST /v1/fine_tuning/alpha/graders/validate")
@pytest.mark.conformance("POST /v1/fine_tuning/alpha/graders/validate", "grader")
def test_a_valid_grader_comes_back_as_it_was_given(server: str, key: str, client: openai.OpenAI, grader: Any) -> None:
    response = httpx.post(
        f"{server}/v1/fine_tuning/alpha/graders/validate",
        headers={"authorization": f"Bearer {key}"},
        json={"grader": grader},
    )
    assert response.json() == {"grader": grader}
    assert client.fine_tuning.alpha.graders.validate(grader=grader).grader.name == grader["name"]


def test_python_is_refused_unless_an_administrator_allows_it(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONE_PYTHON_GRADERS", raising=False)
    grader = python("def grade(sample, item): return 1")
    for call in (lambda: run(client, grader), lambda: client.fine_tuning.alpha.graders.validate(grader=grader)):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            call()
        assert caught.value.code == "python_not_allowed"
        assert "HONE_PYTHON_GRADERS=1" in caught.value.message


def test_python_where_it_cannot_be_isolated_is_refused_and_tells_no_path(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsafe() -> None:
        raise GraderError("graders.no_isolation", what="the probe found a way out: /home/somebody can be seen")

    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    monkeypatch.setattr(sandbox, "probe", unsafe)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        run(client, python("def grade(sample, item): return 1"))
    assert caught.value.code == "no_isolation"
    assert "somebody" not in caught.value.message


def test_a_model_that_only_embeds_is_no_judge(key: str, tmp_path: Path) -> None:
    label = {**SCORE, "type": "label_model", "labels": ["a", "b"], "passing_labels": ["a"], "model": "encoder"}
    del label["sampling_params"]
    score = {**SCORE, "model": "encoder"}
    served = Engines(device="cpu", extra_bases={"encoder": str(tiny.save_encoder(tmp_path / "encoder"))})
    with running(served) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        for grader, param in ((score, "grader.model"), (label, "grader.model"), (multi("a", a=score), "grader.graders.a.model")):
            for ask in (client.fine_tuning.alpha.graders.validate, partial(run, client)):
                with pytest.raises(openai.BadRequestError, match="embedding model") as caught:
                    ask(grader=grader)
                assert (caught.value.code, caught.value.param) == ("unsupported_value", param)
        source = {"type": "custom", "item_schema": {"type": "object"}}
        with pytest.raises(openai.BadRequestError, match="embedding model") as caught:
            client.evals.create(data_source_config=source, testing_criteria=[score])  # type: ignore[arg-type, list-item]
        assert caught.value.param == "testing_criteria[0].model"


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.probe()
    except GraderError as fault:
        pytest.skip(fault.what)


@pytest.mark.usefixtures("isolated")
def test_python_graders_run_and_their_faults_are_told(strict: openai.OpenAI) -> None:
    answer = run(strict, python("def grade(sample, item):\n    return len(sample['output_text']) / item['n']"), n=4)
    assert answer.reward == 0.75
    errors = run(strict, python("def grade(sample, item):\n    return 1 / 0")).metadata.errors
    assert errors.python_grader_runtime_error
    assert "ZeroDivisionError" in errors.python_grader_runtime_error_details
    library = run(strict, python("import json\ndef grade(sample, item):\n    return json.loads('{')")).metadata.errors
    assert 'File "json/' in library.python_grader_runtime_error_details
    assert sysconfig.get_path("stdlib") not in library.python_grader_runtime_error_details
    half = run(strict, python("def grade(sample, item):\n    raise ValueError('\\ud800')")).metadata.errors
    assert "ValueError" in half.python_grader_runtime_error_details
    tagged = python("def grade(sample, item): return 1") | {"image_tag": "2025-05-08"}
    assert run(strict, tagged).reward == 1
    assert strict.fine_tuning.alpha.graders.validate(grader=tagged).grader.to_dict() == tagged  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="it imports numpy, and only Python's standard library is here"):
        strict.fine_tuning.alpha.graders.validate(grader=python("import numpy.linalg\ndef grade(sample, item): return 1"))  # type: ignore[arg-type]
    assert strict.fine_tuning.alpha.graders.validate(grader=python("def grade(sample, item): return 1")).grader.name == "p"  # type: ignore[arg-type]


@pytest.mark.usefixtures("isolated")
def test_a_source_that_is_no_grader_is_found_by_validating(client: openai.OpenAI) -> None:
    for source, told in (("def grade(", "SyntaxError"), ("x = 1", "no function grade")):
        with pytest.raises(openai.BadRequestError) as caught:
            client.fine_tuning.alpha.graders.validate(grader=multi("a", a=python(source)))  # type: ignore[arg-type]
        assert caught.value.param == "grader.graders.a.source"
        assert told in caught.value.message


@pytest.mark.usefixtures("isolated")
def test_too_many_graders_at_once_are_a_429(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graders, "MAX_WAITING", 0)
    sleeping = python("import time\ndef grade(sample, item):\n    time.sleep(3)\n    return 1")
    with ThreadPoolExecutor(graders.MAX_RUNNING + 1) as pool:
        running = [pool.submit(run, client, sleeping) for _ in range(graders.MAX_RUNNING + 1)]
        faults = [fault for future in running if (fault := future.exception())]
    assert [type(fault) for fault in faults] == [openai.RateLimitError]
    assert run(client, CHECK, answer="fan").reward == 1
