"""Following a fine-tuning job until it ends, on this machine or on a server."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from honekit.cli.connection import call, document, server_url
from honekit.cli.job_view import View, view

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from honekit.jobs.processes import Start

POLL_S = 0.5
PATIENCE_S = 60.0
"""How long a server may be away, as while it is started again, before watching gives up."""
ENDED = frozenset({"succeeded", "failed", "cancelled", "paused"})


@contextmanager
def worker(*, wanted: bool) -> Iterator[Start | None]:
    """A worker process for a job of this machine, begun at once where one is wanted: for `watch` within the block."""
    if not wanted:
        yield None
        return
    from honekit.jobs.processes import prepared

    with prepared("fine_tuning") as processes:
        yield processes.start


def watch(job_id: str, *, start: Start | None, as_json: bool) -> int:
    """Show a job until it is final or paused; returns the command's exit code, 0 when it succeeded.

    With `start`, which gives it a process, it also runs here, in this process's care, as with `hone jobs resume --wait`. Ctrl-C
    stops watching, not the job; a job that runs here goes back into the queue at its next safe point.

    Raises: faults of the API, JobError.
    """

    async def retrieve(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.fine_tuning.jobs.retrieve(job_id))

    project = _project_of(job_id) if server_url() is None else None
    job = call(retrieve, project=project)
    if not (start or server_url() or as_json) and job["status"] == "queued":
        print(waits(job_id), file=sys.stderr, flush=True)
    try:
        with view(as_json=as_json) as shown:
            shown.job(job)
            if start and job["status"] not in ENDED:
                _run(job_id, shown, start)
                job = call(retrieve, project=project)
                shown.job(job)
            else:
                job = call(lambda client: follow(client, job_id, shown), project=project)
    except KeyboardInterrupt:
        state = "it is back in the queue, with a checkpoint" if start else "the job is left as it is"
        again = f"hone jobs watch {job_id}{' --run' if start else ''}"
        print(f"\nno longer watching; {state}. `{again}` goes on, `hone jobs cancel {job_id}` ends it.", file=sys.stderr)
        return 1
    if not as_json:
        print(outcome(job), flush=True)
    return 0 if job["status"] == "succeeded" else 1


def waits(job_id: str) -> str:
    """What to tell about a job that is queued on this machine, where maybe no server runs."""
    return f"It waits for `hone serve` to run it; `hone jobs watch {job_id} --run` runs it here."


async def follow(client: AsyncOpenAI, job_id: str, shown: View) -> dict[str, Any]:
    """Show what happens until the job is final or paused, and return it. A server that is away for a while is waited for."""
    from openai import APIConnectionError

    seen: str | None = None
    answered = time.monotonic()
    while True:
        try:
            if server_url() is None:
                await asyncio.to_thread(_notice_dead_workers)
            # The job first: events that came before it ended are then sure to be among those read next.
            job = document(await client.fine_tuning.jobs.retrieve(job_id))
            for event in await events_since(client, job_id, seen):
                seen = event["id"]
                shown.event(event)
            answered = time.monotonic()
        except APIConnectionError:
            if server_url() is None or time.monotonic() - answered > PATIENCE_S:
                raise
        else:
            shown.job(job)
            if job["status"] in ENDED:
                return job
        await asyncio.sleep(POLL_S)


async def events_since(client: AsyncOpenAI, job_id: str, seen: str | None = None) -> list[dict[str, Any]]:
    """A job's events behind the one with the id `seen`, oldest first."""
    found = []
    async for event in client.fine_tuning.jobs.list_events(job_id, limit=100):
        if event.id == seen:
            break
        found.append(document(event))
    return found[::-1]


def outcome(job: dict[str, Any]) -> str:
    """How a job stands, and the next thing to do."""
    if job["status"] == "succeeded":
        return f"{job['id']} succeeded: {job['fine_tuned_model']}\n`hone chat {job['fine_tuned_model']}` talks to it."
    if job["status"] == "paused":
        return f"{job['id']} is paused; `hone jobs resume {job['id']}` goes on with it."
    error = job.get("error") or {}
    return f"{job['id']} {job['status']}" + (f": {error['message']} [{error['code']}]" if error.get("message") else "")


def _run(job_id: str, shown: View, start: Start) -> None:
    from honekit import jobs
    from honekit.api.openai.job_shapes import event_object

    _notice_dead_workers()
    for event in call(lambda client: events_since(client, job_id)):
        shown.event(event)
    jobs.run_job(job_id, lambda event: shown.event(event_object(event).model_dump(mode="json")), start=start)


def _project_of(job_id: str) -> str:
    """Whose fine-tuning job of this machine it is. Raises: JobError[job.unknown | job.not_fine_tuning]."""
    from honekit import jobs
    from honekit.jobs.states import JobError

    job = jobs.get_job(job_id)
    if job.kind != "fine_tuning":
        raise JobError(
            "job.not_fine_tuning",
            what=f"{job_id} is a job of the kind {job.kind!r}, and only fine-tuning jobs are watched",
            mend=f"`hone jobs events {job_id} --follow` shows how it goes",
        )
    return job.owner


def _notice_dead_workers() -> None:
    from honekit.jobs.leases import requeue_expired

    requeue_expired()
