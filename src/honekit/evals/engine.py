"""Runs of an evaluation: each item is answered (or brings its answer), graded, and kept before the next one counts.

A run that was interrupted goes on with the items that are not over. Items run side by side; each ends in one transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from honekit.evals import tallies as counting
from honekit.evals.endpoint import Endpoint, Judges, Refused
from honekit.evals.sampling import Sampled, request_of, sample
from honekit.evals.sources_schema import DataSource, samples
from honekit.graders.criteria import Result, grade_by, judges_of, parse_criteria
from honekit.graders.faults import GradingFault
from honekit.graders.probes import require_judge
from honekit.graders.run import Means
from honekit.graders.templates import Sample
from honekit.store import eval_items
from honekit.store.eval_items import Item
from honekit.store.evals import Eval, Run

PARALLEL = 16
LEASE_S = 30.0
SOURCE: TypeAdapter[Any] = TypeAdapter(DataSource)
Progress = Callable[[int, int], None]
"""(items over, items in all)"""


async def work_off(
    run: Run,
    found: Eval,
    endpoint: Endpoint,
    worker: str,
    *,
    judge: Endpoint | None = None,
    progress: Progress | None = None,
    parallel: int = PARALLEL,
    lease_s: float = LEASE_S,
) -> None:
    """Do a claimed run to its end. A fault of one item ends that item; what no item can do without is raised, with the
    run released or ended by the caller.

    Raises: EvalError, GraderError, StoreError; eval_items.LeaseLost when it was cancelled meanwhile.
    """
    source, criteria = SOURCE.validate_python(run.data_source), parse_criteria(found.testing_criteria)
    if samples(source):  # the data source may name an alias, which may have moved since
        source = source.model_copy(update={"model": run.model})
    judges = Judges(judge or endpoint, asyncio.get_running_loop())
    await _require_judges(criteria, judges)
    version = await endpoint.version(run.model) if samples(source) else ""
    subject = {**run.subject, "endpoint": endpoint.name, "version": version}
    await asyncio.to_thread(eval_items.set_subject, run.id, worker, subject)
    left = await asyncio.to_thread(eval_items.waiting, run.id)
    counts = run.tallies or counting.begin([criterion.name for criterion in criteria])
    total = counts["counts"]["total"] + len(left)
    slots, keeping = asyncio.Semaphore(parallel), asyncio.Lock()

    async def one(item: Item) -> None:
        nonlocal counts
        async with slots:
            ended, results, sampled = await _answered(item, run, source, criteria, endpoint, judges, version)
            async with keeping:
                changed = counting.add(counts, ended.status, results, sampled)
                await asyncio.to_thread(eval_items.end_item, ended, worker, lease_s, changed)
                counts = changed
                if progress:
                    progress(counts["counts"]["total"], total)

    heart = asyncio.create_task(_heartbeat(run.id, worker, lease_s))
    try:
        async with asyncio.TaskGroup() as group:
            for item in left:
                group.create_task(one(item))
    except BaseExceptionGroup as faults:
        raise _first(faults) from None
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError, eval_items.LeaseLost):
            await heart
    await asyncio.to_thread(eval_items.finish, run.id, worker, counts)


async def _answered(
    item: Item, run: Run, source: Any, criteria: list[Any], endpoint: Endpoint, judges: Judges, version: str
) -> tuple[Item, list[Result], Sampled | None]:
    """The item with its results."""
    sampled: Sampled | None = None
    if samples(source):
        try:
            sampled = await sample(endpoint, source, item.item, run.owner, version)
        except (GradingFault, Refused) as fault:
            error = {
                "code": getattr(fault, "code", "invalid_item"),
                "message": getattr(fault, "message", None) or str(fault.args[-1]),
            }
            return _ended(item, "error", [], _sample(source, [], None, error)), [], None
        graded = sampled.for_graders()
    else:
        graded = given_sample(item.given or {})
    results = await asyncio.to_thread(_graded, criteria, item, graded, judges)
    status = "error" if any(one.fault for one in results) else "pass" if all(one.passed for one in results) else "fail"
    content = _sample(source, sampled.messages, sampled, None) if sampled else _given(item)
    return _ended(item, status, results, content), results, sampled


def _graded(criteria: list[Any], item: Item, graded: Sample, judges: Judges) -> list[Result]:
    means = Means(ask=judges.ask, embed=judges.compare)
    return [grade_by(criterion, item.item, graded, means, judges.embed) for criterion in criteria]


def given_sample(given: dict[str, Any]) -> Sample:
    """The sample that a row brought, as templates see it."""
    text = given.get("output_text")
    more = {name: value for name, value in given.items() if name not in ("output_text", "output_json")}
    return Sample(text if isinstance(text, str) else "", more)


def _ended(item: Item, status: Any, results: list[Result], content: dict[str, Any]) -> Item:
    shown = [
        {
            "name": one.name, "type": one.type, "score": one.score, "passed": one.passed, "sample": None,
            **({"error": one.fault} if one.fault else {}), **one.notes,
        }
        for one in results
    ]  # fmt: skip
    return replace(item, status=status, results=shown, sample=content, created_at=time.time())


def _sample(source: Any, messages: list[dict[str, str]], sampled: Sampled | None, error: dict[str, str] | None) -> dict[str, Any]:
    _, body = request_of(source, messages)
    used = (sampled.prompt_tokens, sampled.completion_tokens) if sampled else (0, 0)
    output: list[dict[str, Any]] = [{"role": "assistant", "content": sampled.text}] if sampled else []
    if sampled and sampled.calls:
        output[0]["tool_calls"] = sampled.calls
    return {
        "input": messages,
        "output": output,
        "finish_reason": sampled.finish_reason if sampled else None,
        "model": sampled.model if sampled else source.model,
        "usage": {
            "total_tokens": sum(used),
            "completion_tokens": used[1],
            "prompt_tokens": used[0],
            "cached_tokens": sum(used) if sampled and sampled.cached else 0,
        },
        "error": error,
        "temperature": body["temperature"],
        "max_completion_tokens": body.get("max_completion_tokens") or body.get("max_output_tokens"),
        "top_p": body["top_p"],
        "seed": body.get("seed"),
    }


def _given(item: Item) -> dict[str, Any]:
    """What an output item shows of an answer that came with the data."""
    given, asked = item.given or {}, item.item.get("input")
    told = isinstance(asked, list) and all(isinstance(one, dict) and {"role", "content"} <= set(one) for one in asked)
    return {
        "input": asked if told else [],
        "output": [{"role": "assistant", "content": given_sample(given).output_text}],
        "finish_reason": given["finish_reason"] if isinstance(given.get("finish_reason"), str) else None,
        "model": given["model"] if isinstance(given.get("model"), str) else None,
        "usage": {"total_tokens": 0, "completion_tokens": 0, "prompt_tokens": 0, "cached_tokens": 0},
        "error": None,
        "temperature": None,
        "max_completion_tokens": None,
        "top_p": None,
        "seed": None,
    }


async def _require_judges(criteria: list[Any], judges: Judges) -> None:
    for model, kind in judges_of(criteria):
        await asyncio.to_thread(require_judge, judges.ask, model, kind)


async def _heartbeat(run_id: str, worker: str, lease_s: float) -> None:
    while True:
        await asyncio.sleep(lease_s / 3)
        await asyncio.to_thread(eval_items.keep_lease, run_id, worker, lease_s)


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong: a lost lease says more than what failed because of it."""
    flat: list[BaseException] = []
    waiting: list[BaseException] = [faults]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        else:
            flat.append(one)
    lost = [one for one in flat if isinstance(one, eval_items.LeaseLost)]
    return (lost or flat)[0]
