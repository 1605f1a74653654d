"""Who works on a job: a lease with a heartbeat and a fencing token, and what happens when it runs out.

A timeout alone would kill healthy long jobs and a heartbeat alone would trust a worker that hangs, so both are
needed; recovery is on by default, since `claim` itself takes jobs back from the dead.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row, select, update

from honekit.jobs.liveness import lease_is_dead, pid_of
from honekit.jobs.queue import job_row, lock_job, move
from honekit.jobs.records import Job, Lease, job_of
from honekit.jobs.states import StopRequest
from honekit.store.database import open_database
from honekit.store.tables import jobs

LEASE_S = 15.0
MAX_ATTEMPTS = 3


def claim(job_id: str | None, worker_id: str, lease_s: float = LEASE_S) -> Lease | None:
    """Take a job (or, for None, the one that has been queued longest) for `lease_s` seconds.

    A running job whose worker died goes back to the queue first. None: nothing to take, or somebody else has it.
    Raises: JobError[job.unknown].
    """
    with open_database().write() as connection:
        if job_id is None:
            _requeue_dead(connection)
            query = select(jobs).where(jobs.c.status == "queued").order_by(jobs.c.created_at, jobs.c.id)
            row = connection.execute(query.limit(1).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
        else:
            row = lock_job(connection, job_id)
            if row.status == "running" and lease_is_dead(row):
                row = give_up(connection, row, "its worker stopped without a word")
        if row.status != "queued":
            return None
        expires_at = time.time() + lease_s
        taken = move(
            connection,
            row,
            "running",
            message=f"Job started (attempt {row.attempt} of {MAX_ATTEMPTS})",
            lease_token=row.lease_token + 1,
            lease_worker=worker_id,
            lease_expires_at=expires_at,
            started_at=row.started_at or time.time(),
        )
        return Lease(taken.id, taken.lease_token, worker_id, expires_at)


def renew(lease: Lease, lease_s: float = LEASE_S) -> Lease:
    """Prolong a lease. One that ran out while nobody else took the job is good again (a laptop that slept).

    Raises: JobError[job.lease_lost].
    """
    expires_at = time.time() + lease_s
    with open_database().write() as connection:
        lock_job(connection, lease.job_id, lease.token)
        connection.execute(update(jobs).where(jobs.c.id == lease.job_id).values(lease_expires_at=expires_at))
    return Lease(lease.job_id, lease.token, lease.worker_id, expires_at)


def stop_request(lease: Lease) -> StopRequest | None:
    """What the worker is asked to do. Reads only. Raises: JobError[job.lease_lost]."""
    with open_database().read() as connection:
        request: StopRequest | None = job_row(connection, lease.job_id, lease.token).stop_requested
        return request


def lease_holder(job_id: str) -> str | None:
    """Id of the worker that has the job and is alive as far as can be told. Raises: JobError[job.unknown]."""
    with open_database().read() as connection:
        row = job_row(connection, job_id)
        if row.status != "running" or lease_is_dead(row):
            return None
        holder: str | None = row.lease_worker
        return holder


def requeue_expired() -> list[Job]:
    """Give all jobs of dead workers back to the queue (or end them, after too many attempts)."""
    database = open_database()
    with database.read() as connection:
        running = connection.execute(select(jobs).where(jobs.c.status == "running")).all()
    if not any(lease_is_dead(row) for row in running):
        return []
    with database.write() as connection:
        return _requeue_dead(connection)


def report_death(job_id: str, pid: int, cause: str, *, counts: bool = True) -> bool:
    """For who saw a worker process end without a final state: its job leaves `running` without waiting for the lease.

    `counts=False` is for a worker that was ended on purpose: that is no failed attempt. Returns whether the job
    was that process's; if not, nothing changes. Raises: JobError[job.unknown].
    """
    with open_database().write() as connection:
        row = lock_job(connection, job_id)
        if row.status != "running" or pid_of(row.lease_worker or "") != pid:
            return False
        if counts or row.stop_requested:
            give_up(connection, row, cause)
        else:
            move(connection, row, "queued", message=f"Job interrupted: {cause}", level="warn")
        return True


def release(lease: Lease, reason: StopRequest, *, interrupted: bool, asked: bool) -> Job:
    """The worker has stopped in an orderly way: cancelled, paused, or back to `queued`.

    Back to `queued` when only its process was told to end (`interrupted`), or when the pause that it was asked for
    (`asked`) has been withdrawn since. Raises: JobError[job.lease_lost].
    """
    with open_database().write() as connection:
        row = lock_job(connection, lease.job_id, lease.token)
        request = row.stop_requested
        if reason == "cancel" or request == "cancel":
            row = move(connection, row, "cancelled", message="Job cancelled")
        elif request == "pause" or not (interrupted or asked):
            row = move(connection, row, "paused", message="Job paused")
        else:
            message = "Job interrupted; it goes on from its last checkpoint" if interrupted else "Job goes on"
            row = move(connection, row, "queued", message=message)
        return job_of(row)


def _requeue_dead(connection: Connection) -> list[Job]:
    query = select(jobs).where(jobs.c.status == "running").with_for_update(skip_locked=True)
    dead = [row for row in connection.execute(query).all() if lease_is_dead(row)]
    return [job_of(give_up(connection, row, "its worker stopped without a word")) for row in dead]


def give_up(connection: Connection, row: Row[Any], cause: str) -> Row[Any]:
    """A running job has lost its worker: do what was asked of it, else queue it again, else fail it."""
    if row.stop_requested == "cancel":
        return move(connection, row, "cancelled", message=f"Job cancelled; {cause}")
    if row.stop_requested == "pause":
        return move(connection, row, "paused", message=f"Job paused; {cause}")
    if row.attempt < MAX_ATTEMPTS:
        message = f"Attempt {row.attempt} of {MAX_ATTEMPTS} ended early: {cause}. It goes on from its last checkpoint"
        return move(connection, row, "queued", message=message, level="warn", attempt=row.attempt + 1)
    error = {
        "code": "job.worker_died",
        "what": f"the worker ended early {MAX_ATTEMPTS} times; the last time {cause}",
        "where": row.id,
        "mend": "most often memory ran out: use a smaller base, batch_size or max_length in hone.toml, close other "
        "programs, and run the command again; `hone doctor` shows the memory",
    }
    return move(connection, row, "failed", message=str(error["what"]), level="error", data=error, error=error)
