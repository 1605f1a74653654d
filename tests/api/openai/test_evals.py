"""Evaluations through the official client, a real server and a real (tiny, random) model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests.other_server import OtherServer

from honekit import deploy, registry
from honekit.jobs import queue

CONFIG = {
    "type": "custom",
    "item_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "include_sample_schema": True,
}
CHECK = {"type": "string_check", "name": "exact", "input": "{{sample.output_text}}", "reference": "{{item.a}}", "operation": "eq"}
CLOSE = {
    "type": "text_similarity",
    "name": "close",
    "input": "{{sample.output_text}}",
    "reference": "{{item.a}}",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.5,
}
EVALS, ONE = "POST /v1/evals", "GET /v1/evals/{eval_id}"
RUNS, RUN = "/v1/evals/{eval_id}/runs", "/v1/evals/{eval_id}/runs/{run_id}"
ITEMS = f"GET {RUN}/output_items"


def given(*pairs: tuple[str, str]) -> dict[str, Any]:
    """A data source whose answers are there."""
    rows = [{"item": {"a": wanted}, "sample": {"output_text": said}} for wanted, said in pairs]
    return {"type": "jsonl", "source": {"type": "file_content", "content": rows}}


def asked(count: int, model: str = "tiny", **options: Any) -> dict[str, Any]:
    """A data source for which a model is asked."""
    return {
        "type": "completions",
        "model": model,
        "source": {"type": "file_content", "content": [{"item": {"a": f"word {number}"}} for number in range(count)]},
        "input_messages": {"type": "template", "template": [{"role": "user", "content": "Say {{item.a}}"}]},
        "sampling_params": {"temperature": 0, "max_completion_tokens": 4},
        **options,
    }


def create(client: Any, *criteria: Any, **options: Any) -> Any:
    return client.evals.create(data_source_config=CONFIG, testing_criteria=list(criteria or (CHECK,)), **options)


def finished(client: Any, eval_id: str, source: Any, **options: Any) -> Any:
    run = client.evals.runs.create(eval_id, data_source=source, **options)
    until = time.monotonic() + 60
    while run.status in ("queued", "in_progress"):
        assert time.monotonic() < until, "the run does not end"
        time.sleep(0.02)
        run = client.evals.runs.retrieve(run.id, eval_id=eval_id)
    return run


@pytest.mark.conformance(EVALS)
@pytest.mark.conformance(EVALS, "name", "metadata", "data_source_config", "testing_criteria")
@pytest.mark.conformance(ONE)
def test_an_evaluation_comes_back_as_it_was_made(client: openai.OpenAI) -> None:
    made = create(client, CHECK, CLOSE, name="words", metadata={"team": "a"})
    assert client.evals.retrieve(made.id).to_dict() == made.to_dict()
    assert (made.name, made.metadata, made.object) == ("words", {"team": "a"}, "eval")
    schema = made.data_source_config.schema_
    assert schema["properties"]["item"] == CONFIG["item_schema"]
    assert schema["required"] == ["item", "sample"]
    assert [one.type for one in made.testing_criteria] == ["string_check", "text_similarity"]


@pytest.mark.conformance("GET /v1/evals")
@pytest.mark.conformance("GET /v1/evals", "after", "limit", "order", "order_by")
@pytest.mark.conformance("POST /v1/evals/{eval_id}")
@pytest.mark.conformance("POST /v1/evals/{eval_id}", "name", "metadata")
@pytest.mark.conformance("DELETE /v1/evals/{eval_id}")
@pytest.mark.both_databases
def test_evaluations_are_listed_changed_and_deleted_within_their_project(connect: Any) -> None:
    client = connect("listed")
    first, second = (create(client, name=name) for name in ("one", "two"))
    assert [one.id for one in client.evals.list(limit=1)] == [first.id, second.id]  # in pages of one
    assert [one.id for one in client.evals.list(order="desc").data] == [second.id, first.id]
    changed = client.evals.update(first.id, name="new", metadata={"k": "v"})
    assert (changed.name, changed.metadata) == ("new", {"k": "v"})
    assert [one.id for one in client.evals.list(order_by="updated_at").data] == [second.id, first.id]
    with pytest.raises(openai.NotFoundError):
        connect("other").evals.retrieve(first.id)
    assert client.evals.delete(first.id).deleted
    assert [one.id for one in client.evals.list().data] == [second.id]


def test_a_run_through_an_alias_is_one_of_the_version_behind_it(connect: Any, tmp_path: Path) -> None:
    client = connect("aliased")
    job = queue.create_job("fine_tuning", {}, owner="aliased")
    version = registry.create_version("words", job.id, "tiny", "b", tmp_path, "f", owner="aliased").name
    deploy.promote("words@production", version, "first")
    run = client.evals.runs.create(create(client).id, data_source=asked(1, "words@production"))
    assert (run.model, run.data_source.model) == (version, "words@production")


@pytest.mark.conformance(f"POST {RUNS}")
@pytest.mark.conformance(f"POST {RUNS}", "name", "metadata", "data_source")
@pytest.mark.conformance(f"GET {RUN}")
@pytest.mark.conformance(ITEMS)
@pytest.mark.conformance(ITEMS, "after", "limit", "order", "status")
@pytest.mark.conformance(f"{ITEMS}/{{output_item_id}}")
@pytest.mark.both_databases
def test_given_answers_are_graded_and_listed(client: openai.OpenAI) -> None:
    made = create(client, CHECK, CLOSE)
    run = finished(client, made.id, given(("fan", "fan"), ("fan", "fans"), ("fan", "")), name="r", metadata={"k": "v"})
    assert (run.status, run.error, run.name, run.metadata, run.model) == ("completed", None, "r", {"k": "v"}, "")
    assert run.result_counts.model_dump() == {"total": 3, "errored": 0, "failed": 2, "passed": 1}
    told = {one.testing_criteria: (one.passed, one.failed) for one in run.per_testing_criteria_results}
    assert told == {"exact": (1, 2), "close": (2, 1)}
    assert run.per_model_usage == []
    items = list(client.evals.runs.output_items.list(run.id, eval_id=made.id, limit=1))
    assert [one.status for one in items] == ["pass", "fail", "fail"]
    assert [one.datasource_item_id for one in items] == [0, 1, 2]
    assert items[1].results[1].score == pytest.approx(6 / 7)
    assert items[1].sample.output[0].content == "fans"
    of_kind = client.evals.runs.output_items.list(run.id, eval_id=made.id, status="fail", order="desc").data
    assert [one.id for one in of_kind] == [items[2].id, items[1].id]
    again = client.evals.runs.output_items.retrieve(items[0].id, eval_id=made.id, run_id=run.id)
    assert again.datasource_item == {"a": "fan"}


@pytest.mark.both_databases
def test_a_model_is_asked_once_for_the_same(client: openai.OpenAI) -> None:
    made = create(client, {**CHECK, "operation": "ne"})
    first, second = (finished(client, made.id, asked(6)) for _ in range(2))
    assert first.status == second.status == "completed"
    before, after = first.per_model_usage[0], second.per_model_usage[0]
    assert (before.model_name, before.invocation_count, before.cached_tokens) == ("tiny", 6, 0)
    assert (after.invocation_count, after.cached_tokens, after.total_tokens) == (0, before.total_tokens, before.total_tokens)
    answers = [
        [one.sample.output[0].content for one in client.evals.runs.output_items.list(run.id, eval_id=made.id).data]
        for run in (first, second)
    ]
    assert answers[0] == answers[1] and any(answers[0])
    alone = client.chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": "Say word 3"}], temperature=0, max_completion_tokens=4, seed=42
    )
    assert answers[0][3] == alone.choices[0].message.content


def test_responses_are_sampled_too(client: openai.OpenAI) -> None:
    made = create(client, {**CHECK, "operation": "ne"})
    source = {**asked(2), "type": "responses", "sampling_params": {"temperature": 0, "max_completion_tokens": 16}}
    run = finished(client, made.id, source)
    assert (run.status, run.result_counts.passed) == ("completed", 2)
    item = client.evals.runs.output_items.list(run.id, eval_id=made.id).data[0]
    assert item.sample.input[0].content == "Say word 0"
    assert item.sample.usage.completion_tokens > 0


def test_messages_may_come_from_the_item_and_rows_from_a_file(client: openai.OpenAI) -> None:
    rows = [{"item": {"a": "x", "talk": [{"role": "user", "content": f"hello {number}"}]}} for number in range(2)]
    content = "\n".join(map(json.dumps, rows)).encode()
    file = client.files.create(file=("rows.jsonl", content), purpose="evals")
    made = create(client, {**CHECK, "operation": "ne"})
    reference = {"type": "item_reference", "item_reference": "item.talk"}
    source = asked(1, source={"type": "file_id", "id": file.id}, input_messages=reference)
    run = finished(client, made.id, source)
    items = client.evals.runs.output_items.list(run.id, eval_id=made.id).data
    assert [one.sample.input[0].content for one in items] == ["hello 0", "hello 1"]


def test_stored_completions_are_graded_as_they_are_or_asked_anew(connect: Any) -> None:
    client = connect("stored")
    message = [{"role": "user", "content": "hello"}]
    kept = client.chat.completions.create(model="tiny", messages=message, max_tokens=3, store=True, metadata={"u": "1"})
    client.chat.completions.create(model="tiny", messages=message, max_tokens=3, store=True, metadata={"u": "2"})
    made = client.evals.create(
        data_source_config={"type": "logs", "metadata": {"u": "1"}},
        testing_criteria=[{**CHECK, "input": "{{item.input[0].content}}", "reference": "hello"}],
    )
    source = {"type": "completions", "source": {"type": "stored_completions"}}
    run = finished(client, made.id, source)
    item = client.evals.runs.output_items.list(run.id, eval_id=made.id).data[0]
    assert (run.result_counts.total, item.status) == (1, "pass")
    assert item.sample.output[0].content == kept.choices[0].message.content
    anew = finished(client, made.id, {**source, "model": "roomy", "sampling_params": {"max_completion_tokens": 2}})
    assert anew.per_model_usage[0].model_name == "roomy"


@pytest.mark.conformance(f"GET {RUNS}")
@pytest.mark.conformance(f"GET {RUNS}", "after", "limit", "order", "status")
@pytest.mark.conformance(f"DELETE {RUN}")
@pytest.mark.both_databases
def test_runs_are_listed_by_status_and_deleted(client: openai.OpenAI) -> None:
    made = create(client)
    first, second = (finished(client, made.id, given(("a", "a"))) for _ in range(2))
    assert [one.id for one in client.evals.runs.list(made.id, limit=1)] == [first.id, second.id]
    assert [one.id for one in client.evals.runs.list(made.id, order="desc", status="completed").data] == [second.id, first.id]
    assert client.evals.runs.list(made.id, status="failed").data == []
    assert client.evals.runs.delete(first.id, eval_id=made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.retrieve(first.id, eval_id=made.id)


@pytest.mark.conformance(f"POST {RUN}")
@pytest.mark.both_databases
def test_a_cancelled_run_keeps_what_is_graded(client: openai.OpenAI) -> None:
    made = create(client)
    source = asked(300, sampling_params={"temperature": 0, "max_completion_tokens": 60})
    run = client.evals.runs.create(made.id, data_source=source)
    stopped = client.evals.runs.cancel(run.id, eval_id=made.id)
    assert stopped.status == "canceled"
    time.sleep(0.3)
    later = client.evals.runs.retrieve(run.id, eval_id=made.id)
    assert later.status == "canceled" and later.result_counts.total < 300
    again = client.post(f"/evals/{made.id}/runs/{run.id}", cast_to=object)  # as the contract has it
    assert again["status"] == "canceled"  # type: ignore[index]


def test_an_item_that_cannot_be_asked_is_an_error_of_that_item(client: openai.OpenAI) -> None:
    made = create(client)
    source = asked(1)
    source["source"]["content"] = [{"item": {"a": "x" * 5000}}, {"item": {"a": "short"}}]
    run = finished(client, made.id, source)
    assert (run.status, run.result_counts.errored, run.result_counts.total) == ("completed", 1, 2)
    item = client.evals.runs.output_items.list(run.id, eval_id=made.id).data[0]
    assert item.status == "error" and item.sample.error.code == "context_length_exceeded"


def test_a_judge_that_cannot_judge_is_refused(client: openai.OpenAI) -> None:
    judge = {
        "type": "score_model",
        "name": "j",
        "model": "tiny",
        "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
    }
    made = create(client, judge)
    run = finished(client, made.id, given(("a", "a")))
    assert (run.status, run.error.code) == ("failed", "graders.judge_unfit")
    assert run.result_counts.total == 0


def test_the_judge_of_a_run_may_be_a_model_of_a_configured_server(client: openai.OpenAI, other: OtherServer) -> None:
    judge = {"type": "score_model", "name": "j", "model": "far-judge", "input": [{"role": "user", "content": "{{item.a}}"}]}
    with pytest.raises(openai.NotFoundError):
        create(client, {**judge, "model": "nobody"})
    run = finished(client, create(client, judge).id, given(("a", "a")))
    assert {asked["model"] for asked in other.seen} == {"far-judge"}
    assert run.error.code == "graders.judge_unfit"  # it gives right and wrong answers the same score
    points = [{"name": "polite", "description": "It is polite."}]
    rubric = {"type": "rubric", "name": "r", "model": "far-judge", "question": "{{item.a}}", "rubric": points}
    assert create(client, rubric).id
    alike = {"type": "semantic_similarity", "name": "s", "model": "far-judge", "reference": "x", "pass_threshold": 0.9}
    with pytest.raises(openai.NotFoundError):  # only chat completions are asked for there
        create(client, alike)


def test_hones_own_graders_are_criteria_too(client: openai.OpenAI) -> None:
    own = [
        {"type": "numeric", "name": "n", "reference": "{{item.a}}", "absolute": 1},
        {"type": "semantic_similarity", "name": "s", "model": "tiny", "reference": "{{item.a}}", "pass_threshold": 0.9},
    ]
    made = create(client, *own)
    run = finished(client, made.id, given(("10", "11"), ("10", "10")))
    told = {one.testing_criteria: one.passed for one in run.per_testing_criteria_results}
    assert told["n"] == 2 and told["s"] >= 1
    items = client.evals.runs.output_items.list(run.id, eval_id=made.id).data
    assert items[1].results[1].score == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("source", "param", "code"),
    [
        (given(("a", "b")) | {"source": {"type": "file_id", "id": "file-none"}}, "data_source.source.id", "file_not_found"),
        (
            {"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {"a": "x"}}]}},
            "data_source",
            "missing_sample",
        ),
        (asked(1, model="absent"), "data_source.model", "model_not_found"),
        (
            {"type": "jsonl", "source": {"type": "file_content", "content": [{"item": {"b": 1}, "sample": {}}]}},
            "data_source.source",
            "invalid_item",
        ),
    ],
)
def test_a_source_that_gives_nothing_usable_is_refused_by_name(client: openai.OpenAI, source: Any, param: str, code: str) -> None:
    made = create(client)
    with pytest.raises(openai.APIStatusError) as caught:
        client.evals.runs.create(made.id, data_source=source)
    assert caught.value.status_code in (400, 404)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_a_criterion_that_could_never_grade_is_refused_by_name(client: openai.OpenAI) -> None:
    for criterion, param in (
        ({**CHECK, "input": "{{sample.output_text"}, "testing_criteria[0].input"),
        ({"type": "function", "name": "f", "function": "absent"}, "testing_criteria[0].function"),
        ({"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}, "testing_criteria[0]"),
        ({"type": "rubric", "name": "r", "model": "absent", "question": "q", "rubric": [{"name": "a", "description": "b"}]},
         "testing_criteria[0].model"),
    ):  # fmt: skip
        with pytest.raises(openai.APIStatusError) as caught:
            create(client, criterion)
        assert caught.value.param == param


@pytest.mark.parametrize("value", ["NaN", "1e999", r'"\ud800"'])
def test_a_row_that_is_no_json_text_is_refused(client: openai.OpenAI, value: str) -> None:
    made = create(client)
    row = f'{{"item": {{"a": "x", "more": {value}}}, "sample": {{"output_text": "y"}}}}'
    body = f'{{"data_source": {{"type": "jsonl", "source": {{"type": "file_content", "content": [{row}]}}}}}}'
    headers = {"authorization": f"Bearer {client.api_key}", "content-type": "application/json"}
    answer = httpx.post(f"{client.base_url}evals/{made.id}/runs", content=body, headers=headers)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "data_source.source.content[0].item"


def test_a_length_that_responses_cannot_have_is_refused_before_the_run(client: openai.OpenAI) -> None:
    made = create(client)
    with pytest.raises(openai.BadRequestError) as caught:
        client.evals.runs.create(
            made.id, data_source={**asked(1), "type": "responses", "sampling_params": {"max_completion_tokens": 15}}
        )
    assert caught.value.param == "data_source.sampling_params.max_completion_tokens"


@pytest.mark.both_databases
def test_evaluations_and_runs_are_deleted_while_they_are_listed(connect: Any) -> None:
    client = connect("clean-up")
    made = [create(client).id for _ in range(3)]
    runs = [finished(client, made[0], given(("a", "a"))).id for _ in range(3)]
    for one in client.evals.runs.list(made[0], limit=1):
        client.evals.runs.delete(one.id, eval_id=made[0])
        runs.remove(one.id)
    assert runs == []
    assert [client.evals.delete(one.id).deleted for one in client.evals.list(limit=1)] == [True] * 3
    with pytest.raises(openai.BadRequestError):  # where it stood in this order is not remembered
        client.evals.list(after=made[0], order_by="updated_at")
