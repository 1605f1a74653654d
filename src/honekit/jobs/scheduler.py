"""Working off queued jobs inside a server: so many at once, each in its own process, fair between owners.

Several servers may share a database: who claims a job first has it, and the others' workers leave it alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress

from sqlalchemy import case, func, select

from honekit import settings
from honekit.errors import HoneError
from honekit.jobs import leases
from honekit.jobs.processes import WarmProcesses, start_cold
from honekit.jobs.supervisor import run_job
from honekit.store.database import open_database
from honekit.store.tables import jobs

log = logging.getLogger("honekit.jobs")

POLL_S = 0.5
STOP_TIMEOUT_S = 150.0
"""A little more than a worker may take to write its checkpoint."""


class Scheduler:
    """A thread that takes queued jobs of the given kinds; `stop` puts what runs back into the queue.

    A worker process that has done a job is kept for the next one, for `settings.worker_idle_s()` seconds.
    """

    def __init__(self, kinds: Sequence[str], concurrency: int = 1) -> None:
        idle_s = settings.worker_idle_s()
        self._processes = WarmProcesses(idle_s)
        self._start = self._processes.start if idle_s else start_cold
        self._kinds, self._concurrency = tuple(kinds), concurrency
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._expected: str | None = None
        self._running: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is a new job: look now."""
        self._wake.set()

    def expect(self, kind: str) -> None:
        """A job of the kind is likely to come: have a process ready that need not import its code then."""
        self._expected = kind
        self._wake.set()

    def stop(self) -> None:
        """Let the workers write their checkpoints and end; their jobs are queued afterwards."""
        self._ending.set()
        self._wake.set()
        self._thread.join(STOP_TIMEOUT_S)

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                self._fill()
            except HoneError as fault:  # a database that is away for a moment
                log.error("jobs cannot be looked for: %s", fault)
            self._wake.wait(POLL_S)
            self._wake.clear()
        for thread in list(self._running.values()):
            thread.join(STOP_TIMEOUT_S)
        self._processes.close()

    def _fill(self) -> None:
        self._running = {job_id: thread for job_id, thread in self._running.items() if thread.is_alive()}
        self._processes.end_idle()
        leases.requeue_expired()
        while len(self._running) < self._concurrency:
            job_id = next_queued(self._kinds, exclude=self._running)
            if job_id is None:
                break
            thread = threading.Thread(target=self._run, args=(job_id,), name=f"job {job_id}", daemon=True)
            self._running[job_id] = thread
            thread.start()
        expected, self._expected = self._expected, None
        # One that is at work will be there for the next job.
        if expected and not self._running:
            with suppress(OSError):  # whatever keeps it from being started is told of the job
                self._processes.prepare(expected)

    def _run(self, job_id: str) -> None:
        try:
            job = run_job(job_id, lambda _event: None, stop=self._ending, start=self._start)
            log.info("job %s is %s", job_id, job.status)
        except HoneError as fault:
            log.error("job %s: %s", job_id, fault)
        finally:
            self._wake.set()


def next_queued(kinds: Sequence[str], exclude: Collection[str] = ()) -> str | None:
    """The job to start next: of the owner with the fewest running, then of the one served longest ago, the oldest."""
    with open_database().read() as connection:
        waiting = connection.execute(
            select(jobs.c.id, jobs.c.owner)
            .where(jobs.c.status == "queued", jobs.c.kind.in_(kinds), jobs.c.id.not_in(list(exclude)))
            .order_by(jobs.c.created_at, jobs.c.id)
        ).all()
        if not waiting:
            return None
        served = {
            row.owner: (row.running, row.last or 0.0)
            for row in connection.execute(
                select(
                    jobs.c.owner,
                    func.sum(case((jobs.c.status == "running", 1), else_=0)).label("running"),
                    func.max(jobs.c.started_at).label("last"),
                )
                .where(jobs.c.kind.in_(kinds))
                .group_by(jobs.c.owner)
            )
        }
    # `min` keeps the first of equals, and the query's order makes that the oldest job.
    chosen: str = min(waiting, key=lambda row: served.get(row.owner, (0, 0.0))).id
    return chosen
