"""Passes over a file on several cores: worker processes take turns at ranges of the file's bytes.

Worker k of n takes the ranges k, k + n, ... and writes what they gave to its stdout as MessagePack, which the parent reads in
order of the file: results and line numbers do not depend on who was faster, and a pipe that is full slows a worker down.
A plain subprocess rather than multiprocessing: nothing is pickled, and no script that calls this needs a main guard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from honekit.data.blocks import is_packed
from honekit.data.checks.structure.parts import PART_BYTES, Part, structure_parts

MIN_BYTES = 48 << 20
"""A smaller file is done before two processes have started."""
_HEAD_BYTES = 8
"""Before each range's parts: how many bytes they have."""

Kind = Literal["structure", "answers", "private"]
Read = Callable[[Path, int, int | None], Iterable[Any]]
"""Reads the lines that begin in a range of bytes."""


def _reader(kind: Kind, known: str) -> tuple[Read, Any]:
    """How a range is read, and the type of what it gives. What one kind needs is imported for that kind only, since importing
    all would take a worker as long as reading a hundred thousand records."""
    if kind == "structure":
        return structure_parts, tuple[Part, None]
    if kind == "private":
        from honekit.data.checks.privacy.parts import PrivatePart, private_parts

        return partial(private_parts, names=known or None), PrivatePart
    from honekit.data.checks.answers import AnswerChecks

    everyday = msgspec.json.decode(known, type=frozenset[str]) if known else None
    return partial(structure_parts, new_answers=partial(AnswerChecks.knowing, everyday)), tuple[Part, AnswerChecks]


def process_count(path: Path, processes: int | None) -> int:
    """How many processes a pass over a file takes: one for each core when the file is big and plain."""
    if is_packed(path) or path.stat().st_size < MIN_BYTES:
        return 1
    return processes or min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)


def parts_of(path: Path, kind: Kind, processes: int | None = None, known: Callable[[], str] = str) -> Iterator[Any]:
    """What the ranges of a file give, in order, made by `process_count` processes.

    `structure` and `answers` give pairs of `Part` and `AnswerChecks` (None for the former), `private` gives `PrivatePart`.
    The first range is read here, but for `structure`. Whoever takes its part may learn from it before asking for the next one:
    workers are told what `known` gives then (the everyday words of the file as JSON, or the recogniser of names).
    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    count = process_count(path, processes)
    if is_packed(path):
        yield from _reader(kind, known())[0](path, 0, None)
        return
    starts = range(0, max(path.stat().st_size, 1), PART_BYTES)
    here = starts if count < 2 else starts[:0] if kind == "structure" else starts[:1]
    for start in here:
        yield from _reader(kind, known())[0](path, start, start + PART_BYTES)
    yield from _read_by_workers(path, starts[len(here) :], count, kind, known())


def _read_by_workers(path: Path, starts: range, count: int, kind: Kind, known: str) -> Iterator[Any]:
    read, gives = _reader(kind, known)
    decode = msgspec.msgpack.Decoder(list[gives], dec_hook=_restored).decode  # type: ignore[valid-type]
    workers = [_start(path, own, kind, known) for number in range(count) if (own := starts[number::count])]
    try:
        for index, start in enumerate(starts):
            body = _received(workers[index % count])
            yield from decode(body) if body else read(path, start, start + PART_BYTES)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _start(path: Path, starts: range, kind: Kind, known: str) -> subprocess.Popen[bytes]:
    numbers = map(str, (starts.start, starts.stop, starts.step, PART_BYTES))
    command = [sys.executable, "-m", "honekit.data.checks.ranges", str(path.resolve()), *numbers, kind, known]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _received(worker: subprocess.Popen[bytes]) -> bytes:
    """What the worker's next range gave; nothing when the worker has died, and the range is to be read here."""
    assert worker.stdout is not None
    head = worker.stdout.read(_HEAD_BYTES)
    size = int.from_bytes(head, "little")
    body = worker.stdout.read(size)
    return body if len(head) == _HEAD_BYTES and len(body) == size else b""


def _sendable(value: Any) -> bytes:
    """What msgspec leaves to its caller: arrays of numbers."""
    return bytes(value.tobytes())


def _restored(kind: Any, value: Any) -> Any:
    """The same when it is read, and counters, which are sent as dicts."""
    return array("Q", value) if kind is array else kind(value)


def _work(path: Path, starts: range, size: int, kind: Kind, known: str) -> None:
    read, _ = _reader(kind, known)
    for start in starts:
        body = msgspec.msgpack.encode(list(read(path, start, start + size)), enc_hook=_sendable)
        sys.stdout.buffer.write(len(body).to_bytes(_HEAD_BYTES, "little") + body)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _path, *_numbers, _kind, _known = sys.argv[1:]
    *_range, _size = map(int, _numbers)
    _work(Path(_path), range(*_range), _size, msgspec.convert(_kind, Kind), _known)
