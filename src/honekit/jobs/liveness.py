"""Worker ids and exit codes, and whether the worker behind an id is still there."""

from __future__ import annotations

import functools
import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Row

DONE, LOST, OUT_OF_MEMORY, REFUSED = 0, 70, 71, 75
"""Exit codes. Only after DONE has the job left `running` by the worker's own hand."""
KEPT = "kept"
"""What a worker process says of itself after a job when it will take another one."""
READY = "ready"
"""What one that was begun before its first job says when it has imported what the job needs."""


def lease_is_dead(row: Row[Any]) -> bool:
    """The lease ran out, or its process was on this machine and is gone."""
    return row.lease_expires_at is None or row.lease_expires_at < time.time() or worker_is_gone(row.lease_worker or "")


def new_worker_id() -> str:
    """`machine:pid:random`: unique, and enough to see from the same machine whether the process still lives."""
    return f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}"


def pid_of(worker_id: str) -> int | None:
    """The worker's process id, when it runs on this machine."""
    machine, _, rest = worker_id.rpartition(":")[0].rpartition(":")
    return int(rest) if machine == _machine() and rest.isdigit() else None


def worker_is_gone(worker_id: str) -> bool:
    """True only when it is certain; a process elsewhere, or a recycled id, is left to the lease."""
    pid = pid_of(worker_id)
    return pid is not None and process_gone(pid)


def process_gone(pid: int) -> bool:
    """No process of this machine has this id, or it has ended and only waits to be reaped."""
    if os.name == "nt":  # there, signal 0 would end the process
        return False
    with suppress(OSError):
        # Where process 1 reaps nobody (many containers), a dead worker without a parent stays in the table.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@functools.cache
def _machine() -> str:
    # Two containers may share a host name and the data directory; their process ids mean different things.
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"
