"""Worker processes as who watches a job sees them: one for a single job, or one that a server keeps for the next."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from honekit.jobs.liveness import KEPT, READY
from honekit.jobs.records import job_dir

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}
"""glibc returns large blocks to the system at once, and a training step allocates the same ones again and again: keeping
them took a step from 4.5 to 3.8 s. Ignored by other allocators; the user's own settings win."""


class Working(Protocol):
    """A process at work on one job."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None:
        """The exit code that the job had, once it is over."""
        ...

    def end(self, number: signal.Signals) -> None:
        """Send the process a signal, unless it is done with the job."""
        ...

    def wait(self, timeout_s: float | None = None) -> None:
        """Until the job is over, for at most that long."""
        ...


Start = Callable[[str], Working]


class SingleUse:
    """A process for one job; it ends with it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid, self._process = process.pid, process

    def poll(self) -> int | None:
        return self._process.poll()

    def end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float | None = None) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)


def start_cold(job_id: str) -> SingleUse:
    """A new process for this job alone."""
    # -P: a file in the user's folder must not shadow a module. Own session: Ctrl-C reaches only this process.
    with open(job_dir(job_id) / "worker.log", "ab") as log:
        return SingleUse(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "honekit.jobs.worker", job_id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_environment(),
            )
        )


class WarmProcesses:
    """The processes that a server keeps: `start` gives a job one that waits, else a new one. Safe between threads."""

    def __init__(self, idle_s: float) -> None:
        """`idle_s`: how long a process may wait for another job."""
        self._idle_s = idle_s
        self._waiting: list[_Warm] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, job_id: str) -> Working:
        """Hand the job to a process that waits and was started with the present environment, else to a new one."""
        environment = _environment()
        while found := self._take(environment):
            if found.hand(job_id):
                return _OneJob(found, self._keep)
        fresh = _Warm(environment, first_job=job_id)
        fresh.hand(job_id)
        return _OneJob(fresh, self._keep)

    def prepare(self, kind: str) -> None:
        """Begin a process that has imported what jobs of the kind need before it is given one; one that waits will do, too.
        None where none may wait."""
        with self._lock:
            if self._waiting:
                self._waiting[-1].since = time.monotonic()
            elif self._idle_s and not self._closed:
                self._waiting.append(_Warm(_environment(), imports=kind))

    def await_prepared(self, timeout_s: float) -> None:
        """Until what `prepare` began has imported all and waits, or has ended; for at most that long."""
        with self._lock:
            waiting = list(self._waiting)
        for one in waiting:
            one.await_word(timeout_s)

    def end_idle(self) -> None:
        """End the processes that have waited too long."""
        with self._lock:
            over = [one for one in self._waiting if time.monotonic() - one.since > self._idle_s]
            self._waiting = [one for one in self._waiting if one not in over]
        for one in over:
            one.dismiss()

    def close(self) -> None:
        """End all that wait; what is still at work ends with its job."""
        with self._lock:
            self._closed, waiting, self._waiting = True, self._waiting, []
        for one in waiting:
            one.dismiss()

    def _take(self, environment: dict[str, str]) -> _Warm | None:
        with self._lock:
            found = self._waiting.pop() if self._waiting else None
        if found and found.environment != environment:
            found.dismiss()
            return self._take(environment)
        return found

    def _keep(self, process: _Warm) -> None:
        process.since = time.monotonic()
        with self._lock:
            if not self._closed:
                self._waiting.append(process)
                return
        process.dismiss()


class _Warm:
    """One process of `honekit.jobs.warm` and the two pipes to it."""

    def __init__(self, environment: dict[str, str], *, first_job: str | None = None, imports: str | None = None) -> None:
        """`first_job` has the log for faults before that job; `imports`: the kind of job whose code is imported at once."""
        self.environment = environment
        self.since = time.monotonic()
        with open(job_dir(first_job) / "worker.log" if first_job else os.devnull, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "honekit.jobs.warm", *([imports] if imports else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=environment,
            )

    def hand(self, job_id: str) -> bool:
        """Whether the process could be told."""
        assert self.process.stdin
        if self.process.poll() is None:
            with suppress(BrokenPipeError):
                self.process.stdin.write(f"{job_id}\n".encode())
                self.process.stdin.flush()
                return True
        self.close()
        return False

    def answer(self) -> str | None:
        """The line about the job, when it is there; empty once the process is ending without one."""
        assert self.process.stdout
        while self.await_word(0):
            line = self.process.stdout.readline().decode()
            if line.strip() != READY:
                return line
        return None

    def await_word(self, timeout_s: float) -> bool:
        """Whether it has said something, or has ended, within so many seconds."""
        assert self.process.stdout
        return bool(select.select([self.process.stdout], [], [], timeout_s)[0])

    def dismiss(self) -> None:
        """End it at once, while it has no job: it may be importing, which takes seconds."""
        self.process.terminate()
        self.close()

    def close(self) -> None:
        """Let it end: without its input it has nothing to wait for."""
        assert self.process.stdin and self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class _OneJob:
    """A kept process during one of its jobs."""

    def __init__(self, process: _Warm, keep: Callable[[_Warm], None]) -> None:
        self.pid, self._warm, self._keep = process.process.pid, process, keep
        self._code: int | None = None
        self._signalled = False

    def poll(self) -> int | None:
        if self._code is None and (line := self._warm.answer()) is not None:
            code, _, outlook = line.partition(" ")
            # A signal may still be on its way and would hit the next job: such a process is not kept.
            if outlook.strip() == KEPT and not self._signalled:
                self._keep(self._warm)
            else:
                self._warm.close()
            self._code = int(code) if code else self._warm.process.returncode
        return self._code

    def end(self, number: signal.Signals) -> None:
        if self.poll() is None:
            self._signalled = True
            self._warm.process.send_signal(number)

    def wait(self, timeout_s: float | None = None) -> None:
        assert self._warm.process.stdout
        while self.poll() is None:
            if not select.select([self._warm.process.stdout], [], [], timeout_s)[0]:
                return


@contextmanager
def prepared(kind: str) -> Iterator[WarmProcesses]:
    """For a command that makes a job and runs it: a process that imports what it needs while the job is being made."""
    processes = WarmProcesses(idle_s=1)
    processes.prepare(kind)
    try:
        yield processes
    finally:
        processes.close()


def _environment() -> dict[str, str]:
    return ALLOCATOR | os.environ
