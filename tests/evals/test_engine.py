"""Runs that are interrupted: nothing accepted is lost, nothing is asked twice. The endpoint is the test's own, so that it can
fail when the test wants.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from honekit.errors import EvalError
from honekit.evals.endpoint import Endpoint
from honekit.evals.engine import work_off
from honekit.store import eval_items, evals
from honekit.store.eval_items import LeaseLost
from honekit.store.evals import Entry, Run

pytestmark = pytest.mark.both_databases

CRITERIA = [
    {"type": "string_check", "name": "c", "input": "{{sample.output_text}}", "reference": "{{item.a}}", "operation": "eq"}
]
SOURCE = {
    "type": "completions",
    "model": "m",
    "source": {"type": "file_content", "content": [{"item": {}}]},
    "input_messages": {"type": "template", "template": [{"role": "user", "content": "{{item.a}}"}]},
}


def a_run(items: int, owner: str = "default", **options: Any) -> tuple[evals.Eval, Run]:
    config = {"type": "custom", "schema": {}}
    found = evals.create_eval(owner, "e", config, CRITERIA)
    return found, evals.create_run(found, "r", "m", SOURCE, [Entry({"a": str(n)}) for n in range(items)], **options)


class Stub:
    """Answers with what it was asked, and keeps what that was."""

    def __init__(self, before: Callable[[int], None] | None = None, status: int = 200) -> None:
        self.asked: list[str] = []
        self.models: set[str] = set()
        self.before, self.status = before, status

    def endpoint(self) -> Endpoint:
        http: Any = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return Endpoint(
            openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k", http_client=http, max_retries=0), "http://stub/v1"
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404, json={"error": {"message": "no"}})
        text = json.loads(request.content)["messages"][-1]["content"]
        if self.before:
            self.before(len(self.asked))
        if self.status != 200:
            return httpx.Response(self.status, json={"error": {"message": "broken", "code": "broken"}})
        self.asked.append(text)
        self.models.add(json.loads(request.content)["model"])
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
        return httpx.Response(200, json={"id": "c", "model": "m-1", "choices": [choice], "usage": usage})


def do(found: evals.Eval, stub: Stub, run_id: str, worker: str = "w", **options: Any) -> None:
    run = eval_items.claim(worker, 30, run_id)
    assert run is not None
    asyncio.run(work_off(run, found, stub.endpoint(), worker, **options))


def test_a_run_that_broke_off_goes_on_without_asking_again() -> None:
    found, run = a_run(12)

    def break_off(asked: int) -> None:
        if asked == 5:
            raise httpx.ConnectError("gone")

    with pytest.raises(EvalError) as caught:
        do(found, Stub(break_off), run.id, parallel=1)
    assert caught.value.code == "evals.endpoint_gone"
    kept = eval_items.list_items(run.id)
    assert [one.position for one in kept] == [0, 1, 2, 3, 4]
    assert evals.get_run("default", run.id).tallies["counts"]["total"] == 5  # type: ignore[union-attr]
    eval_items.release(run.id, "w")
    later = Stub()
    do(found, later, run.id)
    assert sorted(later.asked, key=int) == [str(number) for number in range(5, 12)]
    done = evals.get_run("default", run.id)
    assert done is not None and (done.status, done.tallies["counts"]["passed"]) == ("completed", 12)
    assert [one.id for one in eval_items.list_items(run.id)][:5] == [one.id for one in kept]


def test_the_version_that_an_alias_meant_answers_all_items() -> None:
    found, _ = a_run(1)
    alias = {**SOURCE, "model": "m@production"}
    run = evals.create_run(found, "r", "m-7", alias, [Entry({"a": str(number)}) for number in range(3)])
    stub = Stub()
    do(found, stub, run.id)
    assert stub.models == {"m-7"}


def test_a_dead_workers_run_is_taken_up_when_its_lease_is_over() -> None:
    _, run = a_run(1)
    assert eval_items.claim("dead", 30, run.id) is not None
    assert eval_items.claim("other", 30, run.id) is None
    eval_items.keep_lease(run.id, "dead", -1)
    assert eval_items.claim("other", 30) is not None
    with pytest.raises(LeaseLost):
        eval_items.keep_lease(run.id, "dead", 30)


def test_what_a_command_left_is_taken_up_by_name_alone() -> None:
    _, run = a_run(1, held=True)
    assert eval_items.claim("server", 30) is None
    assert eval_items.claim("command", 30, run.id) is not None
    eval_items.release(run.id, "command", hold=True)
    assert eval_items.claim("server", 30) is None


def test_answers_are_kept_for_later_runs_of_the_same_project_alone() -> None:
    for owner, asks in (("default", 3), ("default", 0), ("other", 3)):
        found, run = a_run(3, owner)
        stub = Stub()
        do(found, stub, run.id)
        assert len(stub.asked) == asks


def test_a_cancelled_run_ends_at_its_next_item() -> None:
    found, run = a_run(20)

    def cancel(asked: int) -> None:
        if asked == 3:
            evals.cancel_run("default", run.id)

    with pytest.raises(LeaseLost):
        do(found, Stub(cancel), run.id, parallel=1)
    done = evals.get_run("default", run.id)
    assert done is not None and (done.status, done.tallies["counts"]["total"]) == ("canceled", 3)


def test_a_refusal_is_the_items_fault_and_a_broken_endpoint_the_runs() -> None:
    found, run = a_run(2)
    do(found, Stub(status=400), run.id)
    assert [one.status for one in eval_items.list_items(run.id)] == ["error", "error"]
    found, run = a_run(2, owner="other")
    with pytest.raises(EvalError):
        do(found, Stub(status=500), run.id)
    assert eval_items.list_items(run.id) == []


class Judge(Stub):
    """Passes its probes, then goes away, or answers with a status."""

    def __init__(self, gone_after: int, status: int | None = None) -> None:
        super().__init__()
        self.gone_after, self.later = gone_after, status

    def answer(self, request: httpx.Request) -> httpx.Response:
        if len(self.asked) >= self.gone_after:
            if self.later is None:
                raise httpx.ConnectError("gone")
            return httpx.Response(self.later, json={"error": {"message": "not now", "code": "later"}})
        text = json.loads(request.content)["messages"][-1]["content"]
        self.asked.append(text)
        is_bad = any(wrong in text for wrong in ("is 90", "Thursday is", "is purple"))
        choice = {"index": 0, "message": {"role": "assistant", "content": "0" if is_bad else "1"}, "finish_reason": "stop"}
        return httpx.Response(200, json={"id": "c", "model": "j", "choices": [choice]})


@pytest.mark.parametrize("status", [None, 429, 503])
def test_a_judge_that_goes_away_ends_the_run_and_spoils_no_item(status: int | None) -> None:
    judged = {"type": "score_model", "name": "j", "model": "j", "range": [0, 1], "pass_threshold": 0.5,
              "input": [{"role": "user", "content": "{{sample.output_text}}"}]}  # fmt: skip
    found = evals.create_eval("default", "e", {"type": "custom", "schema": {}}, [judged])
    run = evals.create_run(found, "r", "m", SOURCE, [Entry({"a": str(number)}) for number in range(6)])
    with pytest.raises(EvalError) as caught:
        do(found, Stub(), run.id, parallel=1, judge=Judge(6 + 2, status).endpoint())
    assert caught.value.code == "evals.endpoint_gone"
    assert [one.status for one in eval_items.list_items(run.id)] == ["pass", "pass"]
    eval_items.release(run.id, "w")
    do(found, Stub(), run.id, judge=Judge(99).endpoint())
    assert [one.status for one in eval_items.list_items(run.id)] == ["pass"] * 6


def test_a_model_that_the_endpoint_does_not_have_is_asked_once() -> None:
    found, run = a_run(6)
    asked: list[int] = []
    with pytest.raises(EvalError) as caught:
        do(found, Stub(asked.append, status=404), run.id, parallel=1)
    assert caught.value.code == "evals.unknown_model" and "'m'" in caught.value.what
    assert len(asked) == 1 and eval_items.list_items(run.id) == []


def test_counts_say_how_it_goes() -> None:
    found, run = a_run(5)
    seen: list[tuple[int, int]] = []
    do(found, Stub(), run.id, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(number, 5) for number in range(1, 6)]
    done = evals.get_run("default", run.id)
    assert done is not None
    assert done.tallies["models"] == {
        "m-1": {"invocation_count": 5, "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cached_tokens": 0}
    }
    assert done.subject == {"endpoint": "http://stub/v1", "version": "http://stub/v1 m"}
