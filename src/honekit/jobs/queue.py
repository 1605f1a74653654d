"""Jobs in the database: creating, reading, moving between states, events, checkpoints, requests to stop.

Each change of state and its event are one transaction. A worker shows its fencing token (`token=`) with every
write; a token that is no longer the job's is refused, so a worker that was given up for dead cannot spoil
what its successor does. Effects happen once, although work may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from honekit.jobs.kinds import check_kind
from honekit.jobs.liveness import lease_is_dead
from honekit.jobs.records import Checkpoint, Event, EventType, Job, Level, Model, checkpoint_of, event_of, job_of
from honekit.jobs.states import FINAL, JobError, Status, StopRequest, check_transition
from honekit.store import files
from honekit.store.database import after_commit, open_database
from honekit.store.order import behind, ordered
from honekit.store.tables import DEFAULT_OWNER, job_checkpoints, job_events, jobs, new_id

Noted = Callable[[Connection, str], None]
"""Called with the job's id inside the transaction that changes it: both are kept or neither."""

ESTIMATES = frozenset({"eta_s", "finish_at"})
"""What of a job's progress holds only while it runs."""

# Made once: each event needs all three, and making them costs more than running them.
_NOW = bindparam("now", type_=jobs.c.last_event_at.type)
_ROW = select(jobs).where(jobs.c.id == bindparam("job_id"))
_LOCK = _ROW.with_for_update()
_COUNT_EVENT = (
    update(jobs)
    .where(jobs.c.id == bindparam("job_id"))
    .values(
        last_event_seq=jobs.c.last_event_seq + 1,
        last_event_at=case((jobs.c.last_event_at > _NOW, jobs.c.last_event_at), else_=_NOW),
    )
    .returning(jobs.c.last_event_seq, jobs.c.last_event_at)
)
_COUNT_EVENT_WITH_PROGRESS = _COUNT_EVENT.values(progress=bindparam("present", type_=jobs.c.progress.type))
_ADD_EVENT = insert(job_events)


def create_job(
    kind: str,
    spec: dict[str, Any],
    *,
    key: str | None = None,
    validating: bool = False,
    owner: str = DEFAULT_OWNER,
    noted: Noted | None = None,
    warnings: Sequence[str] = (),
) -> Job:
    """Queue a job, or return the one that has this kind and key already and is not failed or cancelled.

    With `validating` it starts as `validating_files`; move it to `queued` when its files are right. `noted` is called with
    the id inside the transaction that makes the job; each of `warnings` is an event. Raises: JobError[job.unknown_kind].
    """
    check_kind(kind)
    status: Status = "validating_files" if validating else "queued"
    while True:
        if key is not None and (existing := _wanted(kind, key)):
            return existing
        now = time.time()
        job_id = new_id("ftjob-")
        try:
            with open_database().write() as connection:
                connection.execute(
                    insert(jobs).values(
                        id=job_id, owner=owner, kind=kind, status=status, spec=spec, key=key, progress={}, attempt=1,
                        created_at=now, lease_token=0, last_event_seq=0, last_event_at=now,
                    )
                )  # fmt: skip
                append_event(connection, lock_job(connection, job_id), "info", "Job created", data={"status": status})
                for warning in warnings:
                    append_event(connection, lock_job(connection, job_id), "warn", warning)
                if noted:
                    noted(connection, job_id)
                return job_of(lock_job(connection, job_id))
        except IntegrityError:
            if key is None:
                raise
            # Somebody else was first with this key: their job is the answer, unless it has just failed.


def _wanted(kind: str, key: str) -> Job | None:
    with open_database().read() as connection:
        row = connection.execute(
            select(jobs).where(jobs.c.kind == kind, jobs.c.key == key, jobs.c.status.not_in(["failed", "cancelled"]))
        ).first()
    return job_of(row) if row else None


def get_job(job_id: str) -> Job:
    """Raises: JobError[job.unknown]."""
    with open_database().read() as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise _unknown(job_id)
    return job_of(row)


def list_jobs(*, kind: str | None = None, status: Iterable[Status] = (), limit: int = 20, after: str | None = None) -> list[Job]:
    """Newest first; `after` is the id of the last job seen. Raises: JobError[job.unknown] for that id."""
    query = select(jobs).order_by(*ordered(jobs, True)).limit(limit)
    if kind:
        query = query.where(jobs.c.kind == kind)
    if states := list(status):
        query = query.where(jobs.c.status.in_(states))
    if after:
        seen = get_job(after)
        query = query.where(behind(jobs, seen.created_at, seen.id, True))
    with open_database().read() as connection:
        return [job_of(row) for row in connection.execute(query)]


def transition(
    job_id: str,
    to: Status,
    *,
    message: str,
    level: Level = "info",
    data: dict[str, Any] | None = None,
    token: int | None = None,
) -> Job:
    """Move a job to another state and append the event that says so.

    Raises: JobError[job.unknown | job.illegal_transition | job.lease_lost].
    """
    with open_database().write() as connection:
        row = lock_job(connection, job_id, token)
        return job_of(move(connection, row, to, message=message, level=level, data=data))


def finish(job_id: str, result: dict[str, Any], *, token: int | None = None) -> Job:
    """running -> succeeded, with what the job made. Raises as `transition` does."""
    with open_database().write() as connection:
        row = lock_job(connection, job_id, token)
        return job_of(move(connection, row, "succeeded", message="The job has completed", result=result))


def fail(job_id: str, error: dict[str, Any], *, token: int | None = None) -> Job:
    """-> failed, with the fields of a HoneError (`code`, `what`, `where`, `mend`). Raises as `transition` does."""
    with open_database().write() as connection:
        row = lock_job(connection, job_id, token)
        return job_of(move(connection, row, "failed", message=str(error["what"]), level="error", data=error, error=error))


def request_stop(job_id: str, request: StopRequest, *, noted: Noted | None = None) -> Job:
    """Cancel or pause: at once when nobody works on the job, else by asking its worker.

    To ask twice is harmless. A job that is to pause can still be cancelled, not the other way round. `noted` is called with
    the id inside the transaction.
    Raises: JobError[job.unknown | job.illegal_transition].
    """
    to: Status = "cancelled" if request == "cancel" else "paused"
    with open_database().write() as connection:
        row = lock_job(connection, job_id)
        if row.status != to:
            check_transition(job_id, row.status, to)
        if request == "pause" and row.stop_requested == "cancel":
            raise JobError(
                "job.illegal_transition",
                what="a job that is being cancelled cannot be paused",
                where=job_id,
                mend="wait until it is cancelled, then start a new one",
            )
        if noted:
            noted(connection, job_id)
        if row.status == to:
            return job_of(row)
        if row.status != "running" or lease_is_dead(row):
            return job_of(move(connection, row, to, message=f"Job {to}"))
        if row.stop_requested != request:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(stop_requested=request))
            append_event(connection, row, "info", f"Asked to {request}")
        return job_of(lock_job(connection, job_id))


def resume(job_id: str, *, noted: Noted | None = None) -> Job:
    """paused -> queued; a pause that the worker has not carried out yet is withdrawn.

    `noted` is called with the id inside the transaction. Raises: JobError[job.unknown | job.illegal_transition].
    """
    with open_database().write() as connection:
        row = lock_job(connection, job_id)
        if row.status == "running" and row.stop_requested == "pause":
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(stop_requested=None))
            append_event(connection, row, "info", "Pause withdrawn")
            if noted:
                noted(connection, job_id)
            return job_of(lock_job(connection, job_id))
        if row.status != "paused":
            check_transition(job_id, row.status, "queued")
            raise JobError(
                "job.illegal_transition",
                what=f"a job that is {row.status} is not paused, so it cannot be resumed",
                where=job_id,
                mend=f"see where it stands: `hone jobs show {job_id}`",
            )
        if noted:
            noted(connection, job_id)
        return job_of(move(connection, row, "queued", message="Job resumed"))


def set_progress(job_id: str, progress: dict[str, Any], *, token: int | None = None) -> None:
    """Replace the job's progress, without an event. Raises: JobError[job.unknown | job.lease_lost]."""
    with open_database().write() as connection:
        lock_job(connection, job_id, token)
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(progress=progress))


def add_event(
    job_id: str,
    level: Level,
    message: str,
    data: dict[str, Any] | None = None,
    *,
    type: EventType = "message",
    progress: dict[str, Any] | None = None,
    token: int | None = None,
    forced: bool = True,
) -> Event:
    """Append an event, and with it replace the job's progress; unless `forced`, a power cut may undo it.

    Raises: JobError[job.unknown | job.lease_lost].
    """
    with open_database().write(forced=forced) as connection:
        row = lock_job(connection, job_id, token)
        return append_event(connection, row, level, message, data=data, type=type, progress=progress)


def events(job_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
    """The events with a higher `seq` than `after`, oldest first."""
    query = select(job_events).where(job_events.c.job_id == job_id, job_events.c.seq > after)
    with open_database().read() as connection:
        return [event_of(row) for row in connection.execute(query.order_by(job_events.c.seq).limit(limit))]


def last_reported_step(job_id: str) -> int:
    """The step of the newest event of type `metrics`; 0 before there is one."""
    query = select(job_events.c.data).where(job_events.c.job_id == job_id, job_events.c.type == "metrics")
    with open_database().read() as connection:
        data = connection.execute(query.order_by(job_events.c.seq.desc()).limit(1)).scalar()
    return int(data["step"]) if data else 0


def latest_events(job_id: str, *, after: str | None = None, limit: int | None = 20) -> list[Event]:
    """Newest first, behind the event `after`; all of them without a `limit`. Raises: JobError[job.unknown_event]."""
    query = select(job_events).where(job_events.c.job_id == job_id)
    with open_database().read() as connection:
        if after is not None:
            same = (job_events.c.job_id == job_id) & (job_events.c.id == (after if after.isprintable() else ""))
            seen = connection.execute(select(job_events.c.seq).where(same)).scalar()
            if seen is None:
                raise JobError(
                    "job.unknown_event",
                    what=f"this job has no event {after[:80]!r}",
                    where=job_id,
                    mend="`hone jobs events` shows them",
                )
            query = query.where(job_events.c.seq < seen)
        return [event_of(row) for row in connection.execute(query.order_by(job_events.c.seq.desc()).limit(limit))]


def last_seq(job_id: str) -> int:
    """`seq` of the newest event. Raises: JobError[job.unknown]."""
    with open_database().read() as connection:
        found = connection.execute(select(jobs.c.last_event_seq).where(jobs.c.id == job_id)).scalar()
    if found is None:
        raise _unknown(job_id)
    return int(found)


def add_checkpoint(
    job_id: str, step: int, path: str, metrics: dict[str, Any], *, model: Model | None = None, token: int | None = None
) -> Checkpoint:
    """Note a finished checkpoint; one of the same step, from an earlier attempt, is replaced.

    `model` is what it can be asked as, where it holds a whole model. Raises: JobError[job.unknown | job.lease_lost].
    """
    with open_database().write() as connection:
        row = lock_job(connection, job_id, token)
        same = (job_checkpoints.c.job_id == job_id) & (job_checkpoints.c.step == step)
        connection.execute(delete(job_checkpoints).where(same))
        connection.execute(
            insert(job_checkpoints).values(
                id=new_id("ftckpt_"),
                job_id=job_id,
                step=step,
                path=path,
                metrics=metrics,
                model_path=str(model.path) if model else None,
                model_fingerprint=model.fingerprint if model else None,
                created_at=time.time(),
            )
        )
        append_event(connection, row, "info", f"Checkpoint at step {step}", data={"step": step, "path": path})
        return checkpoint_of(connection.execute(select(job_checkpoints).where(same)).one())


def checkpoints(job_id: str) -> list[Checkpoint]:
    """Newest step first."""
    query = select(job_checkpoints).where(job_checkpoints.c.job_id == job_id)
    with open_database().read() as connection:
        return [checkpoint_of(row) for row in connection.execute(query.order_by(job_checkpoints.c.step.desc()))]


def forget_model(job_id: str, step: int) -> None:
    """A checkpoint's model is about to be removed; what a resume needs stays."""
    same = (job_checkpoints.c.job_id == job_id) & (job_checkpoints.c.step == step)
    with open_database().write() as connection:
        connection.execute(update(job_checkpoints).where(same).values(model_path=None, model_fingerprint=None))


def lock_job(connection: Connection, job_id: str, token: int | None = None) -> Row[Any]:
    """The job's row, which nobody else changes until the transaction ends.

    Raises: JobError[job.unknown], or JobError[job.lease_lost] when `token` is not the one of the present lease.
    """
    return _found(connection.execute(_LOCK, {"job_id": job_id}).first(), job_id, token)


def job_row(connection: Connection, job_id: str, token: int | None = None) -> Row[Any]:
    """The same without a lock: for those who only look, and must not wait for a worker that stands still with its lock."""
    return _found(connection.execute(_ROW, {"job_id": job_id}).first(), job_id, token)


def _found(row: Row[Any] | None, job_id: str, token: int | None) -> Row[Any]:
    if row is None:
        raise _unknown(job_id)
    if token is not None and (row.lease_token != token or row.status != "running"):
        raise JobError(
            "job.lease_lost",
            what="this worker no longer holds the job: it was given to another one or stopped",
            where=job_id,
            mend=f"see who works on it: `hone jobs show {job_id}`",
        )
    return row


def move(
    connection: Connection,
    row: Row[Any],
    to: Status,
    *,
    message: str,
    level: Level = "info",
    data: dict[str, Any] | None = None,
    **changes: Any,
) -> Row[Any]:
    """The only place that writes `status`: checks the table, clears what ends with the old state, appends the event."""
    check_transition(row.id, row.status, to)
    if to in FINAL:
        changes["finished_at"] = time.time()
        after_commit(connection, partial(files.drop_after, row.kind, row.spec))
    if to != "running":
        changes |= {"stop_requested": None, "lease_worker": None, "lease_expires_at": None}
        if row.status == "running":
            changes["lease_token"] = row.lease_token + 1
            # How long the rest would take says nothing of when it is done, as long as nobody works on it.
            changes["progress"] = {name: value for name, value in row.progress.items() if name not in ESTIMATES}
    connection.execute(update(jobs).where(jobs.c.id == row.id).values(status=to, **changes))
    append_event(connection, row, level, message, data=data or {"status": to})
    return lock_job(connection, row.id)


def append_event(
    connection: Connection,
    row: Row[Any],
    level: Level,
    message: str,
    *,
    data: dict[str, Any] | None = None,
    type: EventType = "message",
    progress: dict[str, Any] | None = None,
) -> Event:
    """Append under the job's row lock, so that `seq` has no gaps and a reader never misses a late commit.

    With `progress`, the job's is replaced with it. A message may quote what a file holds: a NUL, which no column keeps, is
    shown as U+FFFD.
    """
    count, values = _COUNT_EVENT, {"job_id": row.id, "now": time.time()}
    if progress is not None:
        count, values = _COUNT_EVENT_WITH_PROGRESS, values | {"present": progress}
    last = connection.execute(count, values).one()
    event = Event(
        id=new_id("ftevent-"), job_id=row.id, seq=last.last_event_seq, level=level, type=type,
        created_at=last.last_event_at, message=message.replace("\0", "\N{REPLACEMENT CHARACTER}"), data=data,
    )  # fmt: skip
    connection.execute(_ADD_EVENT, event.as_dict())
    return event


def _unknown(job_id: str) -> JobError:
    return JobError("job.unknown", what=f"there is no job {job_id[:80]!r}", mend="see which there are: `hone jobs list`")
