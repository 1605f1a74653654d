"""A worker process that does one job after the other: `python -m honekit.jobs.warm [KIND]`, kept by a server (`jobs.processes`).

Where a kind of job is named, what such jobs need is imported at once, and then said. It reads job ids from standard input, a line
each, and answers on standard output with a line for each job: the exit code that a process of its own would have had, and `kept`
when it takes another one. What it has imported and loaded stays; all else is as in a fresh process. It ends when its input does,
so that it never outlives its server by more than a job.
"""

from __future__ import annotations

import gc
import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from honekit import runtime
from honekit.jobs import queue, worker
from honekit.jobs.kinds import import_kind, surroundings_of
from honekit.jobs.liveness import DONE, KEPT, READY, REFUSED
from honekit.jobs.records import job_dir

_TRUSTED = ("succeeded", "cancelled", "paused", "queued")
"""After a failure nobody knows what was left half done; the next job gets a new process."""
_AT_ONCE_S = 0.5
"""The next job of a queue is there within so many seconds, and need not wait until the process has tidied up."""


def main(kinds: Sequence[str]) -> int:
    """Serve until the input ends or a job leaves the process doubtful; returns the last job's exit code."""
    runtime.prepare()
    requests, answers = _take_over_pipes()
    for kind in kinds:
        import_kind(kind)
    if kinds:
        print(READY, file=answers, flush=True)
    code = DONE
    for line in requests:
        job_id = line.strip()
        code, trusted = _one(job_id)
        print(f"{code} {KEPT if trusted else 'ends'}", file=answers, flush=True)
        if not trusted:
            break
        if not select.select([requests], [], [], _AT_ONCE_S)[0]:
            gc.collect()
            runtime.give_back_memory()
    return code


def _one(job_id: str) -> tuple[int, bool]:
    with _log_of(job_id), _same_environment(), surroundings_of(queue.get_job(job_id).kind):
        code = worker.work_on(job_id)
        return code, code == REFUSED or (code == DONE and queue.get_job(job_id).status in _TRUSTED)


def _take_over_pipes() -> tuple[TextIO, TextIO]:
    """The pipes to the server, out of the reach of what a job prints or starts."""
    requests, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    # Standard error stays the first job's log until then: a fault before the first job has to be found somewhere.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return requests, answers


@contextmanager
def _log_of(job_id: str) -> Iterator[None]:
    """What is printed goes to the job's own log, also from libraries and from processes that it starts."""
    with open(job_dir(job_id) / "worker.log", "ab") as log:
        _point_output_at(log.fileno())
    yield
    # Not after a fault: that ends the process, and its traceback belongs into this log.
    with open(os.devnull, "wb") as nowhere:
        _point_output_at(nowhere.fileno())


def _point_output_at(descriptor: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


@contextmanager
def _same_environment() -> Iterator[None]:
    before, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        os.chdir(folder)


if __name__ == "__main__":
    runtime.leave(main(sys.argv[1:]))
