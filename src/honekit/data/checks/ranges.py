"""The structural scan on several cores: worker processes take turns at ranges of the file's bytes.

Worker k of n takes the ranges k, k + n, ... and writes what they gave to its stdout as MessagePack, which the parent reads in
order of the file: results and line numbers do not depend on who was faster, and a pipe that is full slows a worker down.
A plain subprocess rather than multiprocessing: nothing is pickled, and no script that calls this needs a main guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from honekit.data.blocks import is_packed
from honekit.data.checks.structure import PART_BYTES, Part, structure_parts

MIN_BYTES = 48 << 20
"""A smaller file is done before two processes have started."""
_HEAD_BYTES = 8
"""Before each range's parts: how many bytes they have."""


def parts_of(path: Path, processes: int | None = None) -> Iterator[Part]:
    """The structural parts of a file in order, made by as many processes as there are cores when it is big and plain.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    count = processes or min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    if is_packed(path) or count < 2 or path.stat().st_size < MIN_BYTES:
        yield from structure_parts(path)
        return
    ranges = range(0, path.stat().st_size, PART_BYTES)
    workers = [_start(path, number, count) for number in range(count)]
    try:
        for index, start in enumerate(ranges):
            for part in _received(workers[index % count]) or structure_parts(path, start, start + PART_BYTES):
                yield part
                if part.is_last:
                    return
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _start(path: Path, number: int, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "honekit.data.checks.ranges", str(path.resolve()), str(number), str(count), str(PART_BYTES)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _received(worker: subprocess.Popen[bytes]) -> list[Part]:
    """The parts of the worker's next range; nothing when the worker has died, and the range is to be read here."""
    assert worker.stdout is not None
    head = worker.stdout.read(_HEAD_BYTES)
    size = int.from_bytes(head, "little")
    body = worker.stdout.read(size)
    is_whole = len(head) == _HEAD_BYTES and len(body) == size
    return msgspec.msgpack.decode(body, type=list[Part], dec_hook=_restored) if is_whole else []


def _restored(kind: type, value: Any) -> Any:
    """What msgspec leaves to its caller: counters, which are sent as dicts."""
    return kind(value)


def _work(path: Path, number: int, count: int, size: int) -> None:
    for start in range(number * size, path.stat().st_size, count * size):
        body = msgspec.msgpack.encode(list(structure_parts(path, start, start + size)))
        sys.stdout.buffer.write(len(body).to_bytes(_HEAD_BYTES, "little") + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
