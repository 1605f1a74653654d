"""The faults of `test_system_faults.py` that a kernel makes without root: a disk that is full, limits of a process.

Each comes in the middle of a job. The job ends as failed with cause and remedy, or is got over; a later one works.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import kernel
from tests.faults import Boundaries, ended, forked
from tests.reliability.conftest import NewJob, Outcome, attempt, finish, outcome
from tests.reliability.test_system_faults import home_of, spread
from tests.tiers import shown, trials

from honekit import jobs
from honekit.errors import StoreError
from honekit.jobs import Job, JobContext, context, leases, queue, supervisor, worker
from honekit.jobs.liveness import DONE, OUT_OF_MEMORY
from honekit.models.adapters import WEIGHTS
from honekit.store.atomic import sha256_of

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

DISK_BYTES = 16 << 20
SPARE_BYTES = 32 << 10
"""Enough for the database to note what happens, and too little for a checkpoint."""
MEMORY_BYTES = 256 << 10
LIMITS = {
    "open files": kernel.no_more_descriptors,
    "size of a file": kernel.no_longer_files,
    "memory": kernel.no_more_memory,
}


def tried(job: Job, at: int, act: Callable[[], None]) -> int:
    """A worker to which this happens at a boundary; its exit code, booked as a supervisor does."""
    boundaries = home_of(job)
    boundaries.at, boundaries.act = at, act
    pid = attempt(job, boundaries)
    code = ended(pid)
    supervisor._after_exit(job.id, pid, code, 0)
    return code


def judge(job: Job, expected: Outcome, where: str) -> bool:
    """Whether the job failed, clearly; else it has left what an undisturbed one leaves."""
    done = finish(job)
    if done.status == "succeeded":
        assert outcome(job) == expected, where
        return False
    assert done.error
    assert done.error["code"].startswith(("store.", "model.", "job.worker_died")), (where, done.error)
    assert done.error["what"] and done.error["mend"]
    weights = jobs.job_dir(job.id) / "model" / WEIGHTS
    assert not weights.exists() or sha256_of(weights) == expected.adapter, where
    return True


@trials(small=3, gate=15, night=400)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_of_the_kernel_fails_the_job_with_its_cause_or_is_got_over(
    limit: str, new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "START_S", 1.0)
    expected, counted = undisturbed
    felt = 0
    for at in shown(spread(len(counted.crossed), trials, random.Random(trials)), trials):
        job = new_job()
        code = tried(job, at, LIMITS[limit])
        failed = judge(job, expected, f"{limit} at boundary {at}, {counted.crossed[at - 1]}")
        felt += failed or code != DONE
    assert felt
    assert not judge(new_job(), expected, "a later job")


@trials(small=4, gate=15, night=400)
def test_a_disk_that_is_really_full_fails_the_job_with_its_cause_or_is_got_over(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], hone_home: Path, tmp_path: Path, trials: int
) -> None:
    expected, counted = undisturbed
    home = tmp_path / "small"
    home.mkdir()
    if reason := kernel.unavailable(partial(kernel.mount_small_disk, home, DISK_BYTES)):
        pytest.skip(f"no small disk: {reason}")

    def work() -> int:
        kernel.mount_small_disk(home, DISK_BYTES)
        os.environ["HONE_HOME"] = str(home)
        failed = 0
        for number, at in enumerate(shown(spread(len(counted.crossed), trials, random.Random(trials)), trials)):
            job, filler = new_job(), home / "filler"
            where = f"at boundary {at}, {counted.crossed[at - 1]}"
            with suppress(StoreError):  # not even the end of the worker can be noted then
                tried(job, at, partial(kernel.fill, filler, SPARE_BYTES * (number % 2)))
            filler.unlink(missing_ok=True)
            leases.requeue_expired()
            failed += judge(job, expected, where)
        assert not judge(new_job(), expected, "a later job")
        return 0 if failed else 1

    assert ended(forked(work)) == 0


@trials(small=4, gate=15, night=400)
def test_a_worker_that_the_kernel_ends_for_its_memory_is_started_again(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int
) -> None:
    expected, counted = undisturbed
    killed = 0
    try:
        with kernel.memory_group(MEMORY_BYTES) as group:
            for at in shown(spread(len(counted.crossed), trials, random.Random(trials)), trials):
                job = new_job()
                # The job may be done already when its worker is ended.
                if tried(job, at, partial(kernel.enter, group)) == -signal.SIGKILL and not jobs.get_job(job.id).final:
                    killed += 1
                    assert "killed, as the system does when memory runs out" in jobs.events(job.id)[-1].message
                finish(job)
                assert outcome(job) == expected, counted.crossed[at - 1]
    except kernel.Unavailable as reason:
        pytest.skip(f"no memory group: {reason}")
    assert killed


@pytest.mark.parametrize("waits", ["the job's own", "one that it started"])
def test_a_worker_that_waits_for_a_thread_that_never_begins_is_over(monkeypatch: pytest.MonkeyPatch, waits: str) -> None:
    """As it does in Python when memory runs out in the new thread, and that thread alone is told of it."""

    def start_one() -> None:
        threading.Thread._bootstrap = lambda _self: None  # type: ignore[attr-defined]
        threading.Thread(target=print).start()

    def hang(_context: JobContext) -> dict[str, Any]:
        if waits == "the job's own":
            start_one()
        else:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(start_one).result()
        raise AssertionError("it began")

    monkeypatch.setattr(context, "START_S", 0.5)
    monkeypatch.setattr(worker, "load_kind", lambda _kind: hang)
    job = queue.create_job("selftest", {"steps": 1})
    pid = forked(lambda: worker.work_on(job.id))
    code = ended(pid)
    assert code == OUT_OF_MEMORY
    supervisor._after_exit(job.id, pid, code, 0)
    assert (jobs.get_job(job.id).status, jobs.get_job(job.id).attempt) == ("queued", 2)
    assert "memory" in jobs.events(job.id)[-1].message
