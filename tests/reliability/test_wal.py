"""SQLite's log is cut or garbled anywhere, as a power cut may leave it: the database opens at a moment of its own past."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.faults import scratch
from tests.tiers import trials

from honekit import settings
from honekit.jobs import leases, queue
from honekit.store.database import open_database

HEADER, FRAME = 32, 24 + 4096
"""Bytes of the log's header and of a frame with its page: https://sqlite.org/fileformat2.html"""


def state_of(file: Path) -> str:
    """All that the job tables say, as text; fails when the database is not whole."""
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = ("jobs", "job_events", "job_checkpoints")
        return json.dumps([connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() for name in tables])  # noqa: S608
    finally:
        connection.close()


def history(operations: int, draw: random.Random) -> tuple[list[str], list[int]]:
    """Do and acknowledge changes of jobs; the states after each, and the sizes of the log then. Nothing is checkpointed."""
    file = settings.home() / "hone.db"
    states, sizes, held = [], [], dict[str, leases.Lease]()
    with open_database().read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")

    def note() -> None:
        copied = scratch("state-") / "hone.db"
        copy(file, copied)
        states.append(state_of(copied))
        sizes.append(wal_of(file).stat().st_size if wal_of(file).exists() else 0)
        shutil.rmtree(copied.parent)

    note()
    for _ in range(operations):
        job_id = draw.choice(list(held)) if held and draw.random() < 0.7 else None
        if job_id is None:
            job_id = queue.create_job("selftest", {"steps": 1}).id
            note()
            held[job_id] = leases.claim(job_id, "elsewhere:1:x")  # type: ignore[assignment]
        elif draw.random() < 0.3:
            queue.finish(job_id, {"ok": True}, token=held.pop(job_id).token)
        elif draw.random() < 0.5:
            queue.add_checkpoint(job_id, draw.randrange(9), "somewhere", {"loss": draw.random()}, token=held[job_id].token)
        else:
            queue.add_event(job_id, "info", "step " * draw.randrange(400), token=held[job_id].token)
        note()
    return states, sizes


def wal_of(file: Path) -> Path:
    return file.with_name(file.name + "-wal")


def copy(source: Path, target: Path) -> None:
    """Database and log, as they lie on the disk. Without the index, which is made anew."""
    shutil.copyfile(source, target)
    if wal_of(source).exists():
        shutil.copyfile(wal_of(source), wal_of(target))


@trials(small=60, gate=1000, night=20_000)
def test_a_log_cut_or_garbled_anywhere_opens_as_a_beginning_of_what_was_acknowledged(trials: int) -> None:
    draw = random.Random(trials)
    file = settings.home() / "hone.db"
    open_database()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    states, sizes = history(40, draw)
    size = sizes[-1]
    assert size > sizes[0]
    keeper = open_database().engine.connect()  # as long as one is open, the log stays
    trial = scratch("wal-") / "hone.db"

    def damaged(how: Callable[[Path], None]) -> int:
        """Which of the states it opens at."""
        for left in trial.parent.iterdir():
            left.unlink()
        copy(file, trial)
        how(wal_of(trial))
        return states.index(state_of(trial))  # ValueError: a state that never was

    def cut_at(at: int) -> Callable[[Path], None]:
        return lambda wal: wal.write_bytes(wal.read_bytes()[:at])

    def garbled_from(at: int, length: int) -> Callable[[Path], None]:
        def how(wal: Path) -> None:
            content = bytearray(wal.read_bytes())
            content[at : at + length] = bytes(byte ^ 0xFF for byte in content[at : at + length])
            wal.write_bytes(content)

        return how

    try:
        assert damaged(lambda _wal: None) == len(states) - 1
        # Cut exactly behind what was acknowledged, nothing of it is missing.
        for number, acknowledged in enumerate(sizes):
            assert damaged(cut_at(acknowledged)) == number
        frames = range(HEADER, size, FRAME)
        for at in draw.sample(list(frames), min(len(frames), trials)) + [draw.randrange(size) for _ in range(trials)]:
            expected = max(number for number, acknowledged in enumerate(sizes) if acknowledged <= at)
            assert damaged(cut_at(at)) == (expected if at >= HEADER else 0)
        for _ in range(trials):
            at = draw.randrange(HEADER, size)
            assert damaged(garbled_from(at, draw.choice([1, 512, 4096]))) <= max(n for n, s in enumerate(sizes) if s <= at)
    finally:
        keeper.close()
        shutil.rmtree(trial.parent)
