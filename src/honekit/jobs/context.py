"""What a job's function is given: its spec, its folder, and ways to report and to hear that it should stop."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Connection

from honekit.errors import StoreError
from honekit.jobs import leases, queue
from honekit.jobs.liveness import OUT_OF_MEMORY
from honekit.jobs.records import Checkpoint, Event, Job, Lease, Level, Model, job_dir
from honekit.jobs.states import JobError, StopRequest
from honekit.store.atomic import verify_dir

POLL_S = 0.5
"""How often a worker looks whether it is asked to stop."""
START_S = 10.0
"""A thread starts within microseconds. One that cannot, since memory ran out, is waited for without end
(https://github.com/python/cpython/issues/140746)."""


class Stopped(Exception):
    """Raised by a job's function when it has stopped because it was asked to, its checkpoint written."""

    def __init__(self, reason: StopRequest) -> None:
        super().__init__(reason)
        self.reason = reason


class JobContext:
    """Every write shows the lease's token: once the job belongs to another worker they raise JobError[job.lease_lost]."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self.job_id = job.id
        self.spec: dict[str, Any] = job.spec
        self.attempt = job.attempt
        self.dir: Path = job_dir(job.id)
        self.turn = lease.token
        """A number that no other worker of the job has: for names of files that two must not write at once."""
        self.interrupted = threading.Event()
        """Set by SIGTERM or SIGINT: stop as for a pause, but stay queued."""
        self.asked = False
        """The function has been told to stop by a request in the database."""
        self._lease = lease
        self._request: StopRequest | None = None
        self._lost: JobError | None = None
        self._reported = queue.last_reported_step(job.id)

    def event(self, level: Level, message: str, data: dict[str, Any] | None = None) -> Event:
        """What is only for information does not wait for the disk: what a power cut undoes of it lies behind the last
        checkpoint, so that it is said again."""
        return queue.add_event(self.job_id, level, message, data, token=self._lease.token, forced=level != "info")

    def metrics(self, step: int, values: dict[str, Any], progress: dict[str, Any] | None = None) -> None:
        """An event of type `metrics` with `step` and the values; numbers that are not finite become null.

        With `progress`, the job's progress is replaced in the same transaction.

        Steps are reported in order, each once: one that an earlier attempt has reported, and that this one had to repeat
        after its last checkpoint, is not reported again. They do not wait for the disk, as events for information.
        """
        if step <= self._reported:
            if progress is not None:
                self.progress(progress)
            return
        self._reported = step
        queue.add_event(
            self.job_id,
            "info",
            f"Step {step}",
            {"step": step, **values},
            type="metrics",
            progress=progress,
            token=self._lease.token,
            forced=False,
        )

    def progress(self, values: dict[str, Any]) -> None:
        """Replace the job's progress (`step`, `total_steps`, `eta_s`, ...)."""
        queue.set_progress(self.job_id, values, token=self._lease.token)

    def checkpoint(self, step: int, path: Path, metrics: dict[str, Any], model: Model | None = None) -> Checkpoint:
        """Note a checkpoint that lies complete at `path` (see `store.atomic.replace_dir`), and the model that it holds."""
        return queue.add_checkpoint(self.job_id, step, str(path), metrics, model=model, token=self._lease.token)

    def fence(self, connection: Connection) -> None:
        """For a function's own transactions: refuse them once the job is another worker's. Raises: JobError[job.lease_lost]."""
        queue.lock_job(connection, self.job_id, self._lease.token)

    def last_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint whose files are all there and have their hashes; older ones stand in for a damaged one.

        That a newer one was passed over is said in an event. Raises: JobError[job.lease_lost].
        """
        for found in queue.checkpoints(self.job_id):
            if verify_dir(found.path):
                return found
            self.event("warn", f"The checkpoint at step {found.step} is damaged or gone; an older one takes its place")
        return None

    def stop_requested(self) -> StopRequest | None:
        """What the function should stop for at its next safe point; cheap enough for every step.

        Raises: JobError[job.lease_lost].
        """
        if self._lost:
            raise self._lost
        if self._request:
            self.asked = True
            return self._request
        return "pause" if self.interrupted.is_set() else None

    def keep_alive(self, done: threading.Event) -> None:
        """Body of the heartbeat thread: renews the lease and looks for requests to stop until `done` is set."""
        renewed = time.monotonic()  # beats are no measure of it: on a busy machine each takes seconds
        starting_s = 0.0
        while not done.wait(POLL_S):
            starting_s = starting_s + POLL_S if _starts_a_thread() else 0.0
            if starting_s > START_S:
                os._exit(OUT_OF_MEMORY)
            try:
                self._request = leases.stop_request(self._lease)
                if time.monotonic() > renewed + leases.LEASE_S / 3:
                    self._lease = leases.renew(self._lease)
                    renewed = time.monotonic()
            except StoreError:
                # A full disk or a database that is away for a moment: the next beat may succeed, and when it
                # does not, the function's own writes name the fault.
                continue
            except JobError as fault:
                self._lost = fault
                return


def _starts_a_thread() -> bool:
    """Whether some thread waits for another one to begin."""
    for frame in sys._current_frames().values():
        caller: FrameType | None = frame
        while caller is not None:
            if caller.f_code is threading.Thread.start.__code__:
                return True
            caller = caller.f_back
    return False
