"""/v1/fine_tuning: create a job, follow it, stop it, and use what it made."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection

from honekit import fine_tuning, jobs
from honekit.api.errors import ApiError, bad_request
from honekit.api.idempotency import Overtaken, attempt, made_once
from honekit.api.openai.fine_tuning_schema import (
    CheckpointObject,
    CreateJob,
    EventPage,
    JobObject,
    JobPage,
    PermissionDeleted,
    PermissionObject,
    PermissionRequest,
)
from honekit.api.openai.graders import check_grader, check_sources
from honekit.api.openai.job_shapes import checkpoint_objects, event_object, job_object
from honekit.api.openai.models import find_model
from honekit.api.openai.pages import Page, behind, last_seen, metadata_filter, not_listed, page
from honekit.api.routes import JsonRoute
from honekit.fine_tuning import Asked, RequestFault, Start, permissions, records
from honekit.fine_tuning.requests import GRADER
from honekit.jobs import Job, JobError
from honekit.store.files import Noted

router = APIRouter(prefix="/v1/fine_tuning", tags=["fine-tuning"], route_class=JsonRoute)

Limit = Annotated[int, Query(ge=1, le=1000)]


@router.post("/jobs")
async def create_job(body: CreateJob, request: Request) -> JobObject:
    """Check the files line by line and queue a job."""
    owner = request.state.api_key.owner

    async def make(noted: Noted) -> tuple[Job, Asked]:
        served = await find_model(request, body.model)
        judges = await _judges(body, request)
        try:
            made = await asyncio.to_thread(
                fine_tuning.create,
                owner,
                Start(body.model, served.base_ref, served.adapter, served.model),
                body.training_file,
                validation_file=body.validation_file,
                wanted=body.wanted(),
                suffix=body.suffix,
                seed=body.seed,
                metadata=body.metadata,
                noted=noted,
                grader=body.grader,
                judges=judges,
                integrations=[one.model_dump() for one in body.integrations or ()],
            )
        except RequestFault as fault:
            raise _refused(fault) from fault
        request.app.state.scheduler.wake()
        return made

    find = partial(fine_tuning.asked, owner)
    return job_object(*await made_once(request, body.model_dump(mode="json"), find, make))


@router.get("/jobs")
async def list_jobs(request: Request, after: str | None = None, limit: Limit = 20) -> JobPage:
    """The project's jobs, newest first; `metadata[key]=value` narrows them, `metadata=null` leaves those without."""
    owner = request.state.api_key.owner
    last = (await _find(request, after, "after"))[0] if after else None
    metadata = metadata_filter(request)
    found = await asyncio.to_thread(fine_tuning.list_asked, owner, after=last, limit=limit + 1, metadata=metadata)
    return JobPage(data=[job_object(*one) for one in found[:limit]], has_more=len(found) > limit)


@router.get("/jobs/{job_id}")
async def retrieve_job(job_id: str, request: Request) -> JobObject:
    """One job as it is now."""
    return job_object(*await _find(request, job_id))


@router.post("/jobs/{job_id}/cancel")
async def cancel_job(job_id: str, request: Request) -> JobObject:
    """Stop a job for good."""
    return await _change(request, job_id, "cancel")


@router.post("/jobs/{job_id}/pause")
async def pause_job(job_id: str, request: Request) -> JobObject:
    """Stop a job at its next safe point; it can be resumed."""
    return await _change(request, job_id, "pause")


@router.post("/jobs/{job_id}/resume")
async def resume_job(job_id: str, request: Request) -> JobObject:
    """Put a paused job back into the queue."""
    changed = await _change(request, job_id, "resume")
    request.app.state.scheduler.wake()
    return changed


@router.get("/jobs/{job_id}/events")
async def list_events(job_id: str, request: Request, after: str | None = None, limit: Limit = 20) -> EventPage:
    """What happened, newest first."""
    job, _ = await _find(request, job_id)
    try:
        found = await asyncio.to_thread(jobs.latest_events, job.id, after=after or None, limit=limit + 1)
    except JobError as fault:
        raise ApiError(400, f"No such event: '{(after or '')[:80]}'", code="event_not_found", param="after") from fault
    return EventPage(data=[event_object(event) for event in found[:limit]], has_more=len(found) > limit)


@router.get("/jobs/{job_id}/checkpoints")
async def list_checkpoints(job_id: str, request: Request, after: str | None = None, limit: Limit = 10) -> Page[CheckpointObject]:
    """The models of the last epochs, newest first."""
    job, asked = await _find(request, job_id)
    found = await asyncio.to_thread(checkpoint_objects, job, asked)
    return page(behind(found, after), limit)


@router.post("/checkpoints/{name:path}/permissions")
async def share_checkpoint(name: str, body: PermissionRequest, request: Request) -> Page[PermissionObject]:
    """Let other projects use a checkpoint of one's own."""
    await _own_checkpoint(request, name)
    made = await asyncio.to_thread(permissions.share, name, body.project_ids)
    return page([_permission(one) for one in made], len(made))


@router.get("/checkpoints/{name:path}/permissions")
async def list_permissions(
    name: str,
    request: Request,
    project_id: str | None = None,
    after: str | None = None,
    limit: Limit = 10,
    order: Literal["ascending", "descending"] = "descending",
) -> Page[PermissionObject]:
    """With whom a checkpoint is shared."""
    await _own_checkpoint(request, name)
    newest_first = order == "descending"
    last = await last_seen(request, "permission", after, partial(_permission_in, name, after or ""))
    found = await asyncio.to_thread(permissions.list_shared, name, project_id=project_id, newest_first=newest_first, after=last)
    return page([_permission(one) for one in found], limit)


@router.delete("/checkpoints/{name:path}/permissions/{permission_id}")
async def withdraw_permission(name: str, permission_id: str, request: Request) -> PermissionDeleted:
    """Take a permission back."""
    await _own_checkpoint(request, name)
    if not await asyncio.to_thread(permissions.withdraw, name, permission_id, request.state.api_key.owner):
        raise ApiError(404, f"No such permission: '{permission_id[:80]}'", code="permission_not_found", param="permission_id")
    return PermissionDeleted(id=permission_id)


async def _permission_in(name: str, permission_id: str) -> permissions.Permission:
    for one in await asyncio.to_thread(permissions.list_shared, name):
        if one.id == permission_id:
            return one
    raise not_listed(permission_id)


def _permission(one: permissions.Permission) -> PermissionObject:
    return PermissionObject(id=one.id, created_at=int(one.created_at), project_id=one.project_id)


async def _judges(body: CreateJob, request: Request) -> dict[str, Start]:
    """The models that the request's grader asks. Raises: ApiError for a grader that could never grade here."""
    if body.grader is None:
        return {}
    served = await check_grader(body.grader, request, GRADER)
    await check_sources(body.grader, request, GRADER)
    return {name: Start(name, one.base_ref, one.adapter) for name, one in served.items()}


async def _find(request: Request, job_id: str, param: str | None = None) -> tuple[Job, Asked]:
    # Control characters are in no id, and PostgreSQL takes offence at a NUL.
    known = job_id if job_id.isprintable() else ""
    found = await asyncio.to_thread(fine_tuning.asked, request.state.api_key.owner, known)
    if found is None:
        message = f"Could not find fine tune: {job_id[:80]}"
        raise ApiError(400 if param else 404, message, code="fine_tune_not_found", param=param or "fine_tuning_job_id")
    return found


async def _change(request: Request, job_id: str, how: Literal["cancel", "pause", "resume"]) -> JobObject:
    job, _ = await _find(request, job_id)
    async with attempt(request, {}, by_count=False) as sending:

        def noted(connection: Connection, _job_id: str) -> None:
            sending.note_change(connection)

        try:
            if sending.earlier is not None:
                pass  # done already, and the job may have moved on since
            elif how == "resume":
                await asyncio.to_thread(jobs.resume, job.id, noted=noted)
            else:
                await asyncio.to_thread(jobs.request_stop, job.id, how, noted=noted)
        except Overtaken:
            pass  # done by another server meanwhile
        except JobError as fault:
            state = "being cancelled" if job.stop_requested == "cancel" else job.status
            message = f"A job that is {state} does not take '{how}'."
            raise bad_request(message, code="invalid_state", param=None) from fault
    return job_object(*await _find(request, job_id))


async def _own_checkpoint(request: Request, name: str) -> None:
    """Raises: ApiError 404 unless the checkpoint is of a job of the key's own project."""
    parts = fine_tuning.split_checkpoint(name)
    owner = request.state.api_key.owner
    found = await asyncio.to_thread(records.by_model_name, parts[0], owner) if parts and name.isprintable() else None
    saved = await asyncio.to_thread(jobs.checkpoints, found[0].id) if found else []
    if not (parts and any(one.model and one.step == parts[1] for one in saved)):
        raise ApiError(
            404, f"No such checkpoint: '{name[:200]}'", code="checkpoint_not_found", param="fine_tuned_model_checkpoint"
        )


def _refused(fault: RequestFault) -> ApiError:
    code = fault.code.removeprefix("fine_tuning.")
    return bad_request(f"{fault.what}. To mend it: {fault.mend}.", code=code, param=fault.where)
