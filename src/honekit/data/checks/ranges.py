"""The structural scan on several cores: worker processes take turns at ranges of the file's bytes.

Worker k of n takes the ranges k, k + n, ... and writes what they gave to its stdout as MessagePack, which the parent reads in
order of the file: results and line numbers do not depend on who was faster, and a pipe that is full slows a worker down.
A plain subprocess rather than multiprocessing: nothing is pickled, and no script that calls this needs a main guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from honekit.data.blocks import is_packed
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.structure import PART_BYTES, Part, structure_parts

MIN_BYTES = 48 << 20
"""A smaller file is done before two processes have started."""
_HEAD_BYTES = 8
"""Before each range's parts: how many bytes they have."""


def parts_of(path: Path, processes: int | None = None, new_answers: Callable[[], AnswerChecks] | None = None) -> Iterator[Part]:
    """The structural parts of a file in order, made by as many processes as there are cores when it is big and plain.

    With `new_answers` (see `structure_parts`) the first range is always read here. Whoever takes its part may learn from it
    before asking for the next one: workers are started then, with answers as `new_answers` makes them.
    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    if is_packed(path):
        yield from structure_parts(path, new_answers=new_answers)
        return
    count = processes or min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    size = path.stat().st_size
    starts = range(0, max(size, 1), PART_BYTES)
    if count < 2 or size < MIN_BYTES:
        yield from _read_here(path, starts, new_answers)
    else:
        here = starts[:1] if new_answers else starts[:0]
        is_over = yield from _read_here(path, here, new_answers)
        if not is_over:
            yield from _read_by_workers(path, starts[len(here) :], count, new_answers)


def _read_here(path: Path, starts: range, new_answers: Callable[[], AnswerChecks] | None) -> Generator[Part, None, bool]:
    """The parts of some ranges; returns whether nothing after them can be read."""
    for start in starts:
        for part in structure_parts(path, start, start + PART_BYTES, new_answers):
            yield part
            if part.is_last:
                return True
    return False


def _read_by_workers(
    path: Path, starts: range, count: int, new_answers: Callable[[], AnswerChecks] | None
) -> Generator[Part, None, None]:
    known = msgspec.json.encode(new_answers().languages.everyday).decode() if new_answers else ""
    workers = [_start(path, starts[number::count], known) for number in range(count)]
    try:
        for index, start in enumerate(starts):
            for part in _received(workers[index % count]) or structure_parts(path, start, start + PART_BYTES, new_answers):
                yield part
                if part.is_last:
                    return
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _start(path: Path, starts: range, known: str) -> subprocess.Popen[bytes]:
    numbers = map(str, (starts.start, starts.stop, starts.step, PART_BYTES))
    command = [sys.executable, "-m", "honekit.data.checks.ranges", str(path.resolve()), *numbers, known]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _received(worker: subprocess.Popen[bytes]) -> list[Part]:
    """The parts of the worker's next range; nothing when the worker has died, and the range is to be read here."""
    assert worker.stdout is not None
    head = worker.stdout.read(_HEAD_BYTES)
    size = int.from_bytes(head, "little")
    body = worker.stdout.read(size)
    is_whole = len(head) == _HEAD_BYTES and len(body) == size
    return msgspec.msgpack.decode(body, type=list[Part], dec_hook=_restored) if is_whole else []


def _sendable(value: Any) -> bytes:
    """What msgspec leaves to its caller: arrays of numbers."""
    return bytes(value.tobytes())


def _restored(kind: Any, value: Any) -> Any:
    """The same when it is read, and counters, which are sent as dicts."""
    return array("Q", value) if kind is array else kind(value)


def _work(path: Path, starts: range, size: int, known: str) -> None:
    """`known`: the everyday words of the file as JSON; nothing when answers are not looked at."""
    everyday = msgspec.json.decode(known, type=frozenset[str] | None) if known else None

    def new_answers() -> AnswerChecks:
        return AnswerChecks.knowing(everyday)

    for start in starts:
        parts = list(structure_parts(path, start, start + size, new_answers if known else None))
        body = msgspec.msgpack.encode(parts, enc_hook=_sendable)
        sys.stdout.buffer.write(len(body).to_bytes(_HEAD_BYTES, "little") + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _path, *_numbers, _known = sys.argv[1:]
    *_range, _size = map(int, _numbers)
    _work(Path(_path), range(*_range), _size, _known)
