"""Running a job from a command or a server: start its worker, pass on its events, start it again after a crash."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from honekit.jobs import leases, queue
from honekit.jobs.liveness import DONE, OUT_OF_MEMORY, REFUSED, pid_of, process_gone
from honekit.jobs.processes import Start, Working, start_cold
from honekit.jobs.records import Event, Job, job_dir
from honekit.jobs.states import check_transition

POLL_S = 0.25
GRACE_S = 120.0
"""How long a worker may take to reach a safe point and write its checkpoint after it was asked to stop."""
HUNG_S = 10.0
"""How long a worker may live on without the lease that it had. One that stands still may hold the database's only write lock:
it has to go before others give up waiting for that (`database.BUSY_TIMEOUT_S`)."""


def run_job(
    job_id: str, on_event: Callable[[Event], None], *, stop: threading.Event | None = None, start: Start = start_cold
) -> Job:
    """Run a job until it is final or paused; `on_event` gets each event that is written from now on.

    Attaches to a worker that has the job already. A worker that dies is started again from the last checkpoint, up
    to `leases.MAX_ATTEMPTS` attempts; one that stands still is ended first. Ctrl-C (or SIGTERM) lets the worker write a
    checkpoint, puts the job back into the queue and raises on; a second Ctrl-C ends the worker at once, with what its last
    checkpoint holds. `stop`, when another thread sets it, does what Ctrl-C does, and the job as it is then is returned.
    `start` gives the job a process.

    Raises: JobError[job.unknown | job.illegal_transition], StoreError.
    """
    seen = queue.last_seq(job_id)
    process: Working | None = None
    held_at: float | None = None
    unclaimed_deaths = 0
    with _sigterm_interrupts():
        try:
            while True:
                job = queue.get_job(job_id)
                seen = _deliver(job_id, seen, on_event)
                if stop is not None and stop.is_set():
                    _stop(job_id, process)
                    return queue.get_job(job_id)
                code = process.poll() if process else None
                if process and code is not None:
                    unclaimed_deaths += _after_exit(job_id, process.pid, code, unclaimed_deaths)
                    process = held_at = None
                elif process:
                    if pid_of(leases.lease_holder(job_id) or "") == process.pid:
                        held_at = time.monotonic()
                    elif held_at is not None and time.monotonic() - held_at > HUNG_S:
                        _end_hung(job_id, process)
                        process = held_at = None
                else:
                    if job.final or job.status == "paused":
                        return job
                    check_transition(job_id, "queued" if job.status == "running" else job.status, "running")
                    if job.status == "queued" or leases.lease_holder(job_id) is None:
                        process = start(job_id)
                if process:
                    process.wait(POLL_S)
                elif job.status == "running":
                    time.sleep(POLL_S)
        except BaseException as fault:
            try:
                if isinstance(fault, KeyboardInterrupt | SystemExit) and process:
                    queue.add_event(job_id, "info", "Stopping at the next safe point; Ctrl-C again ends it at once")
                    _deliver(job_id, seen, on_event)
            finally:
                _stop(job_id, process)
            raise


def _deliver(job_id: str, seen: int, on_event: Callable[[Event], None]) -> int:
    for event in queue.events(job_id, after=seen):
        on_event(event)
        seen = event.seq
    return seen


def _after_exit(job_id: str, pid: int, code: int, unclaimed_deaths: int) -> int:
    """Book the end of a worker process; returns 1 when it died before it had taken the job, else 0."""
    if code in (DONE, REFUSED) or leases.report_death(job_id, pid, _cause(code)):
        return 0
    if queue.get_job(job_id).status != "queued":
        return 0
    if unclaimed_deaths + 1 >= leases.MAX_ATTEMPTS:
        log = job_dir(job_id) / "worker.log"
        error = {
            "code": "job.worker_not_started",
            "what": f"no worker could be started: {_cause(code)}",
            "where": str(log),
            "mend": "read the end of that file; `hone doctor` checks the installation",
        }
        queue.fail(job_id, error)
    return 1


def _end_hung(job_id: str, process: Working) -> None:
    _signal(process.pid, process, signal.SIGKILL)
    process.wait()
    leases.report_death(job_id, process.pid, "its process stood still")


def _cause(code: int) -> str:
    if code == OUT_OF_MEMORY or code == -signal.SIGKILL:
        how = "ran out of memory" if code == OUT_OF_MEMORY else "was killed, as the system does when memory runs out"
        return f"its process {how}"
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code} (see worker.log in the job's folder)"


def _stop(job_id: str, process: Working | None) -> None:
    """Ask the job's worker to stop, wait until it has, and leave the job queued whatever the worker does."""
    pid = process.pid if process else pid_of(leases.lease_holder(job_id) or "")
    if pid is None:
        return
    try:
        _signal(pid, process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while not _ended(job_id, pid, process) and time.monotonic() < deadline:
            time.sleep(POLL_S / 2)
    finally:
        # Reached by a second Ctrl-C too.
        if not _ended(job_id, pid, process):
            _signal(pid, process, signal.SIGKILL)
            if process:
                process.wait()
        leases.report_death(job_id, pid, "its worker was ended", counts=False)


def _ended(job_id: str, pid: int, process: Working | None) -> bool:
    if process:
        return process.poll() is not None
    return process_gone(pid) or pid_of(leases.lease_holder(job_id) or "") != pid


def _signal(pid: int, process: Working | None, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.end(number) if process else os.kill(pid, number)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C while a job is watched, so that `timeout` or a service manager lose nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
