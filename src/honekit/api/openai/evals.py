"""/v1/evals: what to measure, runs of it, and what each run says of each item."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request

from honekit.api.errors import ApiError, bad_request
from honekit.api.idempotency import made_once
from honekit.api.openai.evals_schema import (
    CreateEval,
    CreateRun,
    CriterionResult,
    EvalDeleted,
    EvalFault,
    EvalObject,
    ModelUsage,
    OutputItem,
    ResultCounts,
    RunDeleted,
    RunObject,
    UpdateEval,
)
from honekit.api.openai.graders import check_grader, check_sources
from honekit.api.openai.models import find_model, find_writer
from honekit.api.openai.pages import Page, last_seen, page
from honekit.api.routes import JsonRoute
from honekit.errors import GraderError
from honekit.evals import sources
from honekit.evals.sources_schema import samples
from honekit.graders import elsewhere, own
from honekit.graders.criteria import models_of
from honekit.graders.functions import require_function
from honekit.store import eval_items, evals
from honekit.store.files import Noted
from honekit.store.order import Placed

router = APIRouter(prefix="/v1/evals", tags=["evals"], route_class=JsonRoute)

Limit = Annotated[int, Query(ge=1, le=1000)]
Order = Literal["asc", "desc"]
Found = TypeVar("Found")


@router.post("", status_code=201)
async def create_eval(body: CreateEval, request: Request) -> EvalObject:
    """Say what is measured; nothing runs yet."""
    owner = request.state.api_key.owner

    async def make(noted: Noted) -> evals.Eval:
        await _check_criteria(body.testing_criteria, request)
        criteria = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in body.testing_criteria]
        return await asyncio.to_thread(evals.create_eval, owner, body.name or "", body.config(), criteria, body.metadata, noted)

    find = partial(evals.get_eval, owner)
    return eval_object(await made_once(request, body.model_dump(mode="json", by_alias=True), find, make))


@router.get("")
async def list_evals(
    request: Request,
    after: str | None = None,
    limit: Limit = 20,
    order: Order = "asc",
    order_by: Literal["created_at", "updated_at"] = "created_at",
) -> Page[EvalObject]:
    """The project's evaluations, oldest first unless `order` says otherwise."""
    by_update = order_by == "updated_at"
    seen = partial(_eval, request, after or "", "after")
    last: Placed | None
    if by_update:  # where a row stood in this order is not remembered
        last = await seen() if after else None
    else:
        last = await last_seen(request, "eval", after, seen)
    found = await asyncio.to_thread(
        evals.list_evals,
        request.state.api_key.owner,
        after=last,
        limit=limit + 1,
        newest_first=order == "desc",
        by_update=by_update,
    )
    return page([eval_object(one) for one in found], limit)


@router.get("/{eval_id}")
async def retrieve_eval(eval_id: str, request: Request) -> EvalObject:
    """One evaluation."""
    return eval_object(await _eval(request, eval_id))


@router.post("/{eval_id}")
async def update_eval(eval_id: str, body: UpdateEval, request: Request) -> EvalObject:
    """Give it another name or other metadata; what is left out stays."""
    changes = body.model_dump(exclude_unset=True)
    if changes.get("name", "") is None:
        del changes["name"]
    changed = await asyncio.to_thread(evals.update_eval, request.state.api_key.owner, eval_id, changes)
    return eval_object(_known(changed, "eval", eval_id))


@router.delete("/{eval_id}")
async def delete_eval(eval_id: str, request: Request) -> EvalDeleted:
    """Delete it, with its runs."""
    if not await asyncio.to_thread(evals.remove_eval, request.state.api_key.owner, eval_id):
        raise _unknown("eval", eval_id)
    return EvalDeleted(eval_id=eval_id)


@router.post("/{eval_id}/runs", status_code=201)
async def create_run(eval_id: str, body: CreateRun, request: Request) -> RunObject:
    """Take up all items of the data source, and answer and grade them in the background. Of an alias the version that stands
    behind it now answers all of them."""
    found = await _eval(request, eval_id)
    source = body.data_source

    async def make(noted: Noted) -> evals.Run:
        model = ""
        if samples(source):
            try:
                model = (await find_writer(request, source.model)).model  # type: ignore[arg-type, union-attr]
            except ApiError as fault:
                fault.param = "data_source.model"
                raise
        try:
            rows = await asyncio.to_thread(sources.entries, found.owner, found.data_source_config, source)
        except sources.SourceFault as fault:
            raise bad_request(fault.message, code=fault.code, param=fault.param) from fault
        made = await asyncio.to_thread(
            evals.create_run,
            found,
            body.name or "",
            model,
            source.model_dump(mode="json", exclude_none=True),
            rows,
            metadata=body.metadata,
            noted=noted,
        )
        request.app.state.eval_runner.wake()
        return made

    find = partial(evals.get_run, found.owner)
    made = await made_once(request, body.model_dump(mode="json", by_alias=True), find, make)
    return _run_object(made, request)


@router.get("/{eval_id}/runs")
async def list_runs(
    eval_id: str,
    request: Request,
    after: str | None = None,
    limit: Limit = 20,
    order: Order = "asc",
    status: Literal["queued", "in_progress", "completed", "canceled", "failed"] | None = None,
) -> Page[RunObject]:
    """The runs of an evaluation, oldest first unless `order` says otherwise."""
    found = await _eval(request, eval_id)
    last = await last_seen(request, "run", after, partial(_run, request, eval_id, after or "", "after"))
    listed = await asyncio.to_thread(
        evals.list_runs, found.owner, found.id, status=status, after=last, limit=limit + 1, newest_first=order == "desc"
    )
    return page([_run_object(one, request) for one in listed], limit)


@router.get("/{eval_id}/runs/{run_id}")
async def retrieve_run(eval_id: str, run_id: str, request: Request) -> RunObject:
    """One run, with its counts as they are now."""
    return _run_object(await _run(request, eval_id, run_id), request)


@router.post("/{eval_id}/runs/{run_id}/cancel", include_in_schema=False)  # where the official clients send it
@router.post("/{eval_id}/runs/{run_id}")
async def cancel_run(eval_id: str, run_id: str, request: Request) -> RunObject:
    """Stop a run for good; what is graded stays. One that is over stays as it is."""
    found = await _run(request, eval_id, run_id)
    stopped = await asyncio.to_thread(evals.cancel_run, found.owner, found.id)
    return _run_object(_known(stopped, "run", run_id), request)


@router.delete("/{eval_id}/runs/{run_id}")
async def delete_run(eval_id: str, run_id: str, request: Request) -> RunDeleted:
    """Delete a run with its output items."""
    found = await _run(request, eval_id, run_id)
    await asyncio.to_thread(evals.remove_run, found.owner, found.id)
    return RunDeleted(run_id=run_id)


@router.get("/{eval_id}/runs/{run_id}/output_items")
async def list_output_items(
    eval_id: str,
    run_id: str,
    request: Request,
    after: str | None = None,
    limit: Limit = 20,
    status: Literal["fail", "pass"] | None = None,
    order: Order = "asc",
) -> Page[OutputItem]:
    """The items that are over, in the order of the data source."""
    run = await _run(request, eval_id, run_id)
    last = await _item(run, after, "after") if after else None
    found = await asyncio.to_thread(
        eval_items.list_items, run.id, status=status, after=last, limit=limit + 1, last_first=order == "desc"
    )
    return page([_output_item(one, run) for one in found], limit)


@router.get("/{eval_id}/runs/{run_id}/output_items/{output_item_id}")
async def retrieve_output_item(eval_id: str, run_id: str, output_item_id: str, request: Request) -> OutputItem:
    """One item with its answer and what each criterion says of it."""
    run = await _run(request, eval_id, run_id)
    return _output_item(await _item(run, output_item_id), run)


def eval_object(one: evals.Eval) -> EvalObject:
    return EvalObject(
        id=one.id,
        name=one.name,
        data_source_config=one.data_source_config,
        testing_criteria=one.testing_criteria,
        created_at=int(one.created_at),
        metadata=one.metadata,
    )


def _run_object(run: evals.Run, request: Request) -> RunObject:
    tallies = run.tallies
    return RunObject(
        id=run.id,
        eval_id=run.eval_id,
        status=run.status,
        model=run.model,
        name=run.name,
        created_at=int(run.created_at),
        report_url=f"{str(request.base_url).rstrip('/')}/v1/evals/{run.eval_id}/runs/{run.id}",
        result_counts=ResultCounts(**tallies.get("counts", {})),
        per_model_usage=[ModelUsage(model_name=name, **used) for name, used in tallies.get("models", {}).items()],
        per_testing_criteria_results=[CriterionResult(**one) for one in tallies.get("criteria", [])],
        data_source=run.data_source,
        metadata=run.metadata,
        error=EvalFault(**run.error) if run.error else None,
    )


def _output_item(item: eval_items.Item, run: evals.Run) -> OutputItem:
    return OutputItem(
        id=item.id,
        run_id=run.id,
        eval_id=run.eval_id,
        created_at=int(item.created_at),
        status=item.status,
        datasource_item_id=item.position,
        datasource_item=item.item,
        results=item.results or [],
        sample=item.sample or {},
    )


async def _check_criteria(criteria: list[Any], request: Request) -> None:
    """Raises: ApiError for a criterion that could never grade here."""
    for index, criterion in enumerate(criteria):
        place = f"testing_criteria[{index}]"
        if not isinstance(criterion, own.OwnGrader):
            await check_grader(criterion, request, place)
            await check_sources(criterion, request, place)
            continue
        embeds = isinstance(criterion, own.SemanticSimilarityGrader)
        for model in models_of(criterion):
            if elsewhere.is_elsewhere(model) and not embeds:
                continue
            try:
                await (find_model if embeds else find_writer)(request, model)
            except ApiError as fault:
                fault.param = f"{place}.model"
                raise
        if isinstance(criterion, own.FunctionGrader):
            try:
                await asyncio.to_thread(require_function, criterion.function)
            except GraderError as fault:
                raise bad_request(fault.what, code=fault.code, param=f"{place}.function") from fault


async def _eval(request: Request, eval_id: str, param: str | None = None) -> evals.Eval:
    found = await asyncio.to_thread(evals.get_eval, request.state.api_key.owner, eval_id)
    return _known(found, "eval", eval_id, param)


async def _run(request: Request, eval_id: str, run_id: str, param: str | None = None) -> evals.Run:
    found = await asyncio.to_thread(evals.get_run, request.state.api_key.owner, run_id, eval_id)
    return _known(found, "run", run_id, param)


async def _item(run: evals.Run, item_id: str, param: str | None = None) -> eval_items.Item:
    return _known(await asyncio.to_thread(eval_items.get_item, run.id, item_id), "output_item", item_id, param)


def _known(found: Found | None, what: str, given: str, param: str | None = None) -> Found:
    if found is None:
        raise _unknown(what, given, param)
    return found


def _unknown(what: str, given: str, param: str | None = None) -> ApiError:
    message = f"No such {what.replace('_', ' ')}: '{given[:80]}'"
    return ApiError(400 if param else 404, message, code=f"{what}_not_found", param=param or f"{what}_id")
