"""A worker process: `python -m honekit.jobs.worker JOB_ID` runs one job to its end, or until it is asked to stop.

Its own process, so that a crash or an out-of-memory kill costs one attempt and never the command or the server.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from honekit import runtime
from honekit.errors import HoneError
from honekit.jobs import context as job_context
from honekit.jobs import leases, queue
from honekit.jobs.context import JobContext, Stopped
from honekit.jobs.kinds import load_kind
from honekit.jobs.liveness import DONE, LOST, OUT_OF_MEMORY, REFUSED, new_worker_id
from honekit.jobs.records import Lease
from honekit.jobs.states import JobError
from honekit.store.atomic import system_error


def main(arguments: Sequence[str]) -> int:
    """Run the job that is named; returns the exit code."""
    (job_id,) = arguments
    runtime.prepare()
    return work_on(job_id)


def work_on(job_id: str) -> int:
    """Claim a job, run it, write its outcome; returns the exit code of a process that does only this."""
    early_signal = threading.Event()
    with _signals(early_signal):
        lease = leases.claim(job_id, new_worker_id())
        if lease is None:
            print(f"{job_id} is not free: another worker has it, or it is not queued", file=sys.stderr)
            return REFUSED
        context = JobContext(queue.get_job(job_id), lease)
        context.interrupted = early_signal
        done = threading.Event()
        heartbeat = threading.Thread(target=context.keep_alive, args=(done,), name="heartbeat", daemon=True)
        if not _begins(heartbeat):
            return OUT_OF_MEMORY
        try:
            return _run(context, lease)
        finally:
            done.set()
            heartbeat.join()


def _begins(heartbeat: threading.Thread) -> bool:
    """Start it; False where there is no memory for it. `start` may wait for ever then (CPython issue 140746), and of the
    threads that are started later the heartbeat knows."""

    def give_up(_number: int, _frame: Any) -> None:
        raise MemoryError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, job_context.START_S)
    try:
        heartbeat.start()
    except (MemoryError, RuntimeError):  # "can't start new thread"
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return True


def _run(context: JobContext, lease: Lease) -> int:
    try:
        return _outcome(context, lease)
    except JobError as fault:
        if fault.code == "job.lease_lost":
            return LOST
        raise


def _outcome(context: JobContext, lease: Lease) -> int:
    try:
        result = load_kind(queue.get_job(context.job_id).kind)(context)
        queue.finish(context.job_id, result, token=lease.token)
    except Stopped as stop:
        leases.release(lease, stop.reason, interrupted=context.interrupted.is_set(), asked=context.asked)
    except HoneError as fault:
        _log(context)
        if fault.code == "job.lease_lost":
            raise
        if runtime.is_out_of_memory(fault):
            return OUT_OF_MEMORY
        queue.fail(context.job_id, fault.as_dict(), token=lease.token)
    except Exception as fault:
        _log(context)
        if runtime.is_out_of_memory(fault):
            return OUT_OF_MEMORY
        if refused := system_error(fault, context.dir):
            queue.fail(context.job_id, refused.as_dict(), token=lease.token)
            return DONE
        error = {
            "code": "job.internal",
            "what": f"the job stopped on a fault in Hone itself ({type(fault).__name__})",
            "where": str(context.dir / "worker.log"),
            "mend": "report it with the traceback at the end of that file; to try again, run the command again",
        }
        queue.fail(context.job_id, error, token=lease.token)
    return DONE


def _log(context: JobContext) -> None:
    # Where the log cannot be written, the job's error still can: it is in the database.
    with suppress(OSError), open(context.dir / "worker.log", "a", encoding="utf-8") as file:
        traceback.print_exc(file=file)


@contextmanager
def _signals(received: threading.Event) -> Iterator[None]:
    def note(_number: int, _frame: Any) -> None:
        received.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    runtime.leave(main(sys.argv[1:]))
