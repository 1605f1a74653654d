"""`hone jobs`: what runs, what happened, and stopping or resuming it.

With `HONE_BASE_URL` the commands speak to that server; without it they show every kind of job of this machine.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli.clock import clock
from honekit.cli.connection import server_url
from honekit.cli.jobs_create import create_job, watch_job

if TYPE_CHECKING:
    from honekit.jobs import Event, Job

app = typer.Typer(no_args_is_help=True, help="Jobs: create, watch, pause, resume, cancel; what happened.")
app.command("create")(create_job)
app.command("watch")(watch_job)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job (`hone jobs list`).")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    Examples:

        hone jobs list

        hone jobs list --limit 5 --json
    """
    if server_url():
        from honekit.cli import server_jobs

        server_jobs.list_jobs(limit, as_json=as_json)
        return
    from honekit import jobs
    from honekit.jobs.leases import requeue_expired

    requeue_expired()
    found = jobs.list_jobs(limit=limit)
    if as_json:
        print(json.dumps({"jobs": [job.as_dict() for job in found]}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("job", "kind", "status", "progress", "created", "took"):
        table.add_column(heading, no_wrap=heading in ("job", "status"))
    for job in found:
        status = f"{job.status} (asked to {job.stop_requested})" if job.stop_requested else job.status
        table.add_row(job.id, job.kind, status, _progress(job), clock(job.created_at), _took(job))
    Console().print(table if found else "No jobs yet: `hone run` in the folder of a project starts one.")


@app.command("show")
def show_job(job: JobId, as_json: AsJson = False) -> None:
    """Show one job with its outcome and its checkpoints.

    Examples:

        hone jobs show ftjob-abc123

        hone jobs show ftjob-abc123 --json
    """
    if server_url():
        from honekit.cli import server_jobs

        server_jobs.show_job(job, as_json=as_json)
        return
    from honekit import jobs

    found, saved = jobs.get_job(job), jobs.checkpoints(job)
    if as_json:
        values = {**found.as_dict(), "checkpoints": [one.as_dict() for one in saved]}
        print(json.dumps(values, ensure_ascii=False))
        return
    _print_job(found)
    print(f"{'created':<12} {clock(found.created_at)}")
    print(f"{'took':<12} {_took(found)}")
    print(f"{'attempt':<12} {found.attempt}")
    print(f"{'folder':<12} {jobs.job_dir(found.id)}")
    if saved:
        print(f"{'checkpoint':<12} step {saved[0].step}, {saved[0].path}")
    for key, value in (found.result or {}).items():
        if isinstance(value, str | int | float):
            print(f"{key:<12} {value}")


@app.command("events")
def show_events(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends or pauses.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a job's events, oldest first. With --follow and --json: one JSON document a line.

    Examples:

        hone jobs events ftjob-abc123

        hone jobs events ftjob-abc123 --follow
    """
    if server_url():
        from honekit.cli import server_jobs

        server_jobs.show_events(job, follow=follow, as_json=as_json)
        return
    from honekit import jobs

    collected: list[dict[str, Any]] = []
    seen = 0
    while True:
        now = jobs.get_job(job)
        for event in jobs.events(job, after=seen, limit=100_000):
            seen = event.seq
            if not as_json:
                _print_event(event)
            elif follow:
                print(json.dumps(event.as_dict(), ensure_ascii=False), flush=True)
            else:
                collected.append(event.as_dict())
        if not follow or now.final or now.status == "paused":
            break
        time.sleep(0.2)
    if as_json and not follow:
        print(json.dumps({"events": collected}, ensure_ascii=False))


@app.command("cancel")
def cancel_job(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job for good; a running one stops at its next safe point.

    Example:

        hone jobs cancel ftjob-abc123
    """
    if server_url():
        from honekit.cli import server_jobs

        server_jobs.change_job(job, "cancel", as_json=as_json)
        return
    from honekit import jobs

    _print_outcome(jobs.request_stop(job, "cancel"), as_json)


@app.command("pause")
def pause_job(job: JobId, as_json: AsJson = False) -> None:
    """Pause a job; a running one writes a checkpoint first.

    Example:

        hone jobs pause ftjob-abc123
    """
    if server_url():
        from honekit.cli import server_jobs

        server_jobs.change_job(job, "pause", as_json=as_json)
        return
    from honekit import jobs

    _print_outcome(jobs.request_stop(job, "pause"), as_json)


@app.command("resume")
def resume_job(
    job: JobId,
    wait: Annotated[
        bool, typer.Option("--wait", help="Run it here, in the foreground, to its end; with a server: watch it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a paused job back into the queue; with --wait also run it, from its last checkpoint.

    Examples:

        hone jobs resume ftjob-abc123 --wait

        hone jobs resume ftjob-abc123 --json
    """
    if server_url():
        from honekit.cli import server_jobs, watching

        server_jobs.change_job(job, "resume", as_json=as_json)
        if wait:
            raise typer.Exit(watching.watch(job, start=None, as_json=as_json))
        return
    from honekit import jobs

    found = jobs.get_job(job)
    # An interrupted job is queued already: `--wait` on it means "go on".
    if not (wait and found.status in ("queued", "running")):
        found = jobs.resume(job)
    if wait:
        found = jobs.run_job(job, lambda event: _print_event(event, to_stderr=as_json))
    _print_outcome(found, as_json)
    if not as_json and found.status == "queued":
        print(f"`hone jobs resume {job} --wait` runs it here; `hone run` in its project goes on with it too.")
    if wait and found.status != "succeeded":
        raise typer.Exit(1)


def _print_outcome(job: Job, as_json: bool) -> None:
    if as_json:
        print(json.dumps(job.as_dict(), ensure_ascii=False))
    else:
        _print_job(job)


def _print_job(job: Job) -> None:
    asked = f" (asked to {job.stop_requested}; it stops at its next safe point)" if job.stop_requested else ""
    print(f"{'job':<12} {job.id}\n{'kind':<12} {job.kind}\n{'status':<12} {job.status}{asked}")
    if progress := _progress(job):
        print(f"{'progress':<12} {progress}")
    for name in ("code", "what", "where", "mend"):
        if job.error and job.error.get(name):
            print(f"{name:<12} {job.error[name]}")


def _print_event(event: Event, *, to_stderr: bool = False) -> None:
    mark = "" if event.level == "info" else f"{event.level}: "
    values = event.data or {}
    numbers = ", ".join(f"{key} {_number(value)}" for key, value in values.items() if key != "step")
    detail = f"  {numbers}" if event.type == "metrics" and numbers else ""
    typer.echo(f"{clock(event.created_at)}  {mark}{event.message}{detail}", err=to_stderr)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _progress(job: Job) -> str:
    step, total = job.progress.get("step"), job.progress.get("total_steps")
    return f"{step}/{total} steps" if step is not None and total else ""


def _took(job: Job) -> str:
    if job.started_at is None:
        return "-"
    return f"{(job.finished_at or time.time()) - job.started_at:,.0f} s"
