"""What `hone jobs` does on this machine's own data: jobs of every kind and project, in JSON as the API has them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import typer

from honekit.cli.clock import clock
from honekit.cli.render import print_json, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from honekit.cli.server_jobs import Change
    from honekit.jobs import Event, Job

POLL_S = 0.2


def list_jobs(limit: int, after: str | None, metadata: Mapping[str, str], *, as_json: bool) -> None:
    """At most `limit` jobs, newest first, behind the job `after`. Raises: JobError[job.unknown]."""
    from honekit import fine_tuning, jobs
    from honekit.jobs.leases import requeue_expired

    requeue_expired()
    if metadata:
        last = jobs.get_job(after) if after else None
        found = [job for job, _ in fine_tuning.list_asked(None, after=last, limit=limit, metadata=metadata)]
    else:
        found = jobs.list_jobs(limit=limit, after=after)
    if as_json:
        from honekit.cli.job_values import job_values

        print_json({"jobs": job_values(found)})
        return
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("job", "kind", "status", "progress", "created", "took"):
        table.add_column(heading, no_wrap=heading in ("job", "status"))
    for job in found:
        status = f"{job.status} (asked to {job.stop_requested})" if job.stop_requested else job.status
        table.add_row(job.id, job.kind, status, _progress(job), clock(job.created_at), _took(job))
    none = "No such jobs." if metadata or after else "No jobs yet: `hone run` in the folder of a project starts one."
    tables().print(table if found else none)


def show_job(job_id: str, *, as_json: bool) -> None:
    """One job with its checkpoints. Raises: JobError[job.unknown]."""
    from honekit import jobs

    found = jobs.get_job(job_id)
    if as_json:
        from honekit.cli.job_values import checkpoint_values, job_values

        print_json({**job_values([found])[0], "checkpoints": checkpoint_values(found)})
        return
    saved = jobs.checkpoints(job_id)
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


def show_events(job_id: str, limit: int | None, after: str | None, *, as_json: bool) -> None:
    """The newest `limit` events behind the event `after`, oldest first. Raises: JobError[job.unknown | job.unknown_event]."""
    from honekit import jobs

    found = jobs.latest_events(jobs.get_job(job_id).id, after=after, limit=limit)[::-1]
    if as_json:
        from honekit.cli.job_values import event_values

        print_json({"events": [event_values(event) for event in found]})
        return
    for event in found:
        _print_event(event)


def follow_events(job_id: str, *, as_json: bool) -> None:
    """Print events until the job ends or pauses. Raises: JobError[job.unknown]."""
    from honekit import jobs

    seen = 0
    while True:
        now = jobs.get_job(job_id)
        for event in jobs.events(job_id, after=seen, limit=100_000):
            seen = event.seq
            if as_json:
                from honekit.cli.job_values import event_values

                print(json.dumps(event_values(event), ensure_ascii=False), flush=True)
            else:
                _print_event(event)
        if now.final or now.status == "paused":
            return
        time.sleep(POLL_S)


def show_checkpoints(job_id: str, limit: int | None, after: str | None, *, as_json: bool) -> None:
    """The models of a job's last epochs, newest first, at most `limit` behind the checkpoint `after`.

    Raises: JobError[job.unknown], SettingsError[cli.usage].
    """
    from honekit import jobs
    from honekit.cli.job_values import checkpoint_values
    from honekit.cli.server_jobs import print_checkpoints
    from honekit.errors import SettingsError

    found = checkpoint_values(jobs.get_job(job_id))
    if after is not None:
        ids = [one["id"] for one in found]
        if after not in ids:
            mend = f"see which there are: `hone jobs checkpoints {job_id}`"
            raise SettingsError("cli.usage", what=f"there is no checkpoint {after[:80]!r}", where="--after", mend=mend)
        found = found[ids.index(after) + 1 :]
    print_checkpoints(found[:limit], as_json=as_json)


def change_job(job_id: str, how: Change, *, as_json: bool) -> None:
    """Cancel, pause or resume a job. Raises: JobError[job.unknown | job.illegal_transition]."""
    from honekit import jobs

    changed = jobs.resume(job_id) if how == "resume" else jobs.request_stop(job_id, how)
    _print_outcome(changed, as_json)
    if how == "resume" and changed.status == "queued" and not as_json:
        print(f"`hone jobs resume {job_id} --wait` runs it here; `hone run` in its project goes on with it too.")


def resume_and_wait(job_id: str, *, as_json: bool) -> bool:
    """Run a job here to its end; whether it succeeded. Raises: JobError[job.unknown | job.illegal_transition]."""
    from honekit import jobs

    # An interrupted job is queued already: to wait for it means "go on".
    if jobs.get_job(job_id).status not in ("queued", "running"):
        jobs.resume(job_id)
    found = jobs.run_job(job_id, lambda event: _print_event(event, to_stderr=as_json))
    _print_outcome(found, as_json)
    return found.status == "succeeded"


def _print_outcome(job: Job, as_json: bool) -> None:
    if as_json:
        from honekit.cli.job_values import job_values

        print_json(job_values([job])[0])
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
