"""What `hone jobs` does when `HONE_BASE_URL` names a server: the same commands on the API's fine-tuning jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from honekit.cli import watching
from honekit.cli.clock import clock
from honekit.cli.connection import call, document
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Change = Literal["cancel", "pause", "resume"]


def list_jobs(limit: int, *, as_json: bool) -> None:
    """The newest `limit` jobs. Raises: faults of the API."""

    async def look(client: AsyncOpenAI) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for job in client.fine_tuning.jobs.list(limit=min(limit, 100)):
            found.append(document(job))
            if len(found) == limit:
                break
        return found

    found = call(look)
    if as_json:
        print_json({"jobs": found})
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("job", "status", "model", "created", "tuned model"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "job")
    for job in found:
        made = job.get("fine_tuned_model") or ""
        table.add_row(job["id"], job["status"], escape(job["model"]), clock(job["created_at"]), escape(made))
    Console().print(table if found else "No jobs yet: `hone jobs create` makes one.")


def show_job(job_id: str, *, as_json: bool) -> None:
    """One job with its checkpoints. Raises: faults of the API."""

    async def look(client: AsyncOpenAI) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        job = document(await client.fine_tuning.jobs.retrieve(job_id))
        return job, [document(one) async for one in client.fine_tuning.jobs.checkpoints.list(job_id)]

    job, saved = call(look)
    if as_json:
        print_json({**job, "checkpoints": saved})
        return
    _print_job(job)
    for one in saved:
        print(f"{'checkpoint':<14} {one['fine_tuned_model_checkpoint']}")


def show_events(job_id: str, *, follow: bool, as_json: bool) -> None:
    """A job's events, oldest first. Raises: faults of the API."""
    if follow:
        line = json.dumps if as_json else watching.event_line
        call(lambda client: watching.follow(client, job_id, watching.Lines(line)))
        return
    found = call(lambda client: watching.events_since(client, job_id))
    if as_json:
        print_json({"events": found})
        return
    for event in found:
        print(watching.event_line(event))


def change_job(job_id: str, how: Change, *, as_json: bool) -> None:
    """Cancel, pause or resume a job. Raises: faults of the API, such as ApiFault[api.invalid_state]."""

    async def change(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await getattr(client.fine_tuning.jobs, how)(job_id))

    job = call(change)
    if as_json:
        print_json(job)
        return
    _print_job(job)
    if how != "resume" and job["status"] == "running":
        print(f"It was asked to {how} and stops at its next safe point.")


def _print_job(job: dict[str, Any]) -> None:
    print(f"{'job':<14} {job['id']}\n{'status':<14} {job['status']}\n{'model':<14} {job['model']}")
    print(f"{'created':<14} {clock(job['created_at'])}")
    for name in ("training_file", "validation_file", "fine_tuned_model", "trained_tokens", "seed"):
        if job.get(name) is not None:
            print(f"{name.removeprefix('fine_').replace('_', ' '):<14} {job[name]}")
    for name in job.get("result_files", []):
        print(f"{'result file':<14} {name}")
    error = job.get("error") or {}
    if error.get("message"):
        print(f"{'error':<14} {error['message']} [{error['code']}]")
