"""`hone jobs`: what runs, what happened, and stopping or resuming it.

With `HONE_BASE_URL` the commands speak to that server; without it they show every kind of job of this machine.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from honekit.cli import completion
from honekit.cli.connection import server_url
from honekit.cli.device import Device
from honekit.cli.jobs_create import create_job, pairs_of, watch_job

app = typer.Typer(no_args_is_help=True, help="Jobs: create, watch, pause, resume, cancel; what happened.")
app.command("create")(create_job)
app.command("watch")(watch_job)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job (`hone jobs list`).", autocompletion=completion.job)]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 20,
    after: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Those behind this job: the last one of a list before.", autocompletion=completion.job),
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only jobs that were made with this. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first.

    Examples:

        hone jobs list

        hone jobs list --metadata team=pumps --json

        hone jobs list --limit 5 --after ftjob-abc123
    """
    _place().list_jobs(limit, after, pairs_of(metadata), as_json=as_json)


@app.command("show")
def show_job(job: JobId, as_json: AsJson = False) -> None:
    """Show one job with its outcome and its checkpoints.

    Examples:

        hone jobs show ftjob-abc123

        hone jobs show ftjob-abc123 --json
    """
    _place().show_job(job, as_json=as_json)


@app.command("events")
def show_events(
    job: JobId,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many [default: all].")] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="EVENT", help="Those behind this event, which are older: a list begins with the newest."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends or pauses.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a job's events, oldest first. With --follow and --json: one JSON document a line.

    Examples:

        hone jobs events ftjob-abc123

        hone jobs events ftjob-abc123 --limit 5

        hone jobs events ftjob-abc123 --follow
    """
    if follow and (limit or after):
        raise typer.BadParameter("--follow shows all events; leave --limit and --after away", param_hint="--follow")
    if follow:
        _place().follow_events(job, as_json=as_json)
    else:
        _place().show_events(job, limit, after, as_json=as_json)


@app.command("checkpoints")
def show_checkpoints(
    job: JobId,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many, newest first [default: all].")] = None,
    after: Annotated[str | None, typer.Option(metavar="CHECKPOINT", help="Those behind this one, which are older.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models of a fine-tuning job's last epochs, newest first. Each answers by its own name.

    Examples:

        hone jobs checkpoints ftjob-abc123

        hone jobs checkpoints ftjob-abc123 --limit 1 --json
    """
    _place().show_checkpoints(job, limit, after, as_json=as_json)


@app.command("cancel")
def cancel_job(job: JobId, as_json: AsJson = False) -> None:
    """Cancel a job for good; a running one stops at its next safe point.

    Example:

        hone jobs cancel ftjob-abc123
    """
    _place().change_job(job, "cancel", as_json=as_json)


@app.command("pause")
def pause_job(job: JobId, as_json: AsJson = False) -> None:
    """Pause a job; a running one writes a checkpoint first.

    Example:

        hone jobs pause ftjob-abc123
    """
    _place().change_job(job, "pause", as_json=as_json)


@app.command("resume")
def resume_job(
    job: JobId,
    wait: Annotated[
        bool, typer.Option("--wait", help="Run it here, in the foreground, to its end; with a server: watch it.")
    ] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Put a paused job back into the queue; with --wait also run it, from its last checkpoint.

    Examples:

        hone jobs resume ftjob-abc123 --wait

        hone jobs resume ftjob-abc123 --json
    """
    if not wait:
        _place().change_job(job, "resume", as_json=as_json)
    elif not _place().resume_and_wait(job, as_json=as_json):
        raise typer.Exit(1)


def _place() -> Any:
    """Where the jobs are: two modules with the same functions."""
    from honekit.cli import local_jobs, server_jobs

    return server_jobs if server_url() else local_jobs
