"""What `hone jobs` does when `HONE_BASE_URL` names a server: the same commands on the API's fine-tuning jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from honekit.cli import watching
from honekit.cli.clock import clock
from honekit.cli.connection import PAGE, call, document, taken
from honekit.cli.job_view import Lines, event_line
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai import AsyncOpenAI

Change = Literal["cancel", "pause", "resume"]


def list_jobs(limit: int, after: str | None, metadata: Mapping[str, str], *, as_json: bool) -> None:
    """At most `limit` jobs, newest first, behind the job `after`. Raises: faults of the API."""
    narrowed: dict[str, Any] = {"metadata": metadata} if metadata else {}
    found = call(lambda client: taken(client.fine_tuning.jobs.list(**_page(limit, after), **narrowed), limit))
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
    none = "No such jobs." if metadata or after else "No jobs yet: `hone jobs create` makes one."
    Console().print(table if found else none)


def show_job(job_id: str, *, as_json: bool) -> None:
    """One job with its checkpoints. Raises: faults of the API."""

    async def look(client: AsyncOpenAI) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        job = document(await client.fine_tuning.jobs.retrieve(job_id))
        return job, await taken(client.fine_tuning.jobs.checkpoints.list(job_id))

    job, saved = call(look)
    if as_json:
        print_json({**job, "checkpoints": saved})
        return
    _print_job(job)
    for one in saved:
        print(f"{'checkpoint':<14} {one['fine_tuned_model_checkpoint']}")


def show_events(job_id: str, limit: int | None, after: str | None, *, as_json: bool) -> None:
    """The newest `limit` events behind the event `after`, oldest first. Raises: faults of the API."""
    found = call(lambda client: taken(client.fine_tuning.jobs.list_events(job_id, **_page(limit, after)), limit))[::-1]
    if as_json:
        print_json({"events": found})
        return
    for event in found:
        print(event_line(event))


def follow_events(job_id: str, *, as_json: bool) -> None:
    """Print events until the job ends or pauses. Raises: faults of the API."""
    line = json.dumps if as_json else event_line
    call(lambda client: watching.follow(client, job_id, Lines(line)))


def show_checkpoints(job_id: str, limit: int | None, after: str | None, *, as_json: bool) -> None:
    """The models of a job's last epochs, newest first, at most `limit` behind `after`. Raises: faults of the API."""
    found = call(lambda client: taken(client.fine_tuning.jobs.checkpoints.list(job_id, **_page(limit, after)), limit))
    print_checkpoints(found, as_json=as_json)


def print_checkpoints(found: list[dict[str, Any]], *, as_json: bool) -> None:
    """The API's checkpoint objects as a table, or as they are."""
    if as_json:
        print_json({"checkpoints": found})
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("checkpoint", "step", "made", "validation loss", "model"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "checkpoint")
    for one in found:
        loss = one["metrics"].get("full_valid_loss", one["metrics"].get("valid_loss"))
        shown = "-" if loss is None else f"{loss:.4g}"
        table.add_row(
            one["id"], str(one["step_number"]), clock(one["created_at"]), shown, escape(one["fine_tuned_model_checkpoint"])
        )
    Console().print(table if found else "No models of epochs yet.")


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


def resume_and_wait(job_id: str, *, as_json: bool) -> bool:
    """Resume a job and show it to its end; whether it succeeded. Raises: faults of the API."""

    async def resume(client: AsyncOpenAI) -> dict[str, Any]:
        job = document(await client.fine_tuning.jobs.retrieve(job_id))
        if job["status"] not in ("queued", "running"):
            job = document(await client.fine_tuning.jobs.resume(job_id))
        return job

    job = call(resume)
    if not as_json:
        _print_job(job)
        return watching.watch(job_id, start=None, as_json=False) == 0
    shown = Lines(event_line, to_stderr=True)
    job = call(lambda client: watching.follow(client, job_id, shown))
    print_json(job)
    return bool(job["status"] == "succeeded")


def _page(limit: int | None, after: str | None) -> dict[str, Any]:
    """The arguments of a list's first page."""
    return {"limit": min(limit or PAGE, PAGE), **({"after": after} if after else {})}


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
