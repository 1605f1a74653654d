"""`hone serve` is killed, alone or with its workers: the next one finds every job, and each ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from tests.reliability.conftest import NewJob, Outcome, outcome
from tests.tiers import Note, on, shown, trials

from honekit import jobs
from honekit.jobs import Job, leases

GUARD_S = 240.0


@contextmanager
def serving(home: Path) -> Iterator[psutil.Process]:
    """`hone serve` with its workers; whatever of them is left is ended with the block."""
    command = [sys.executable, "-m", "honekit.cli.main", "serve", "--port", "0", "--json"]
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "serve.log", "ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout
    try:
        assert json.loads(process.stdout.readline())["url"]
        yield psutil.Process(process.pid)
    finally:
        process.stdout.close()
        kill(process.pid, with_workers=True)
        process.wait()


def kill(server: int, *, with_workers: bool) -> None:
    """SIGKILL, as of a machine that goes down: the server first, so that it can say nothing of its workers."""
    try:
        process = psutil.Process(server)
        doomed = [process, *(process.children(recursive=True) if with_workers else ())]
    except psutil.NoSuchProcess:
        return
    for one in doomed:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(doomed, 30)


def wait_until_final(job: Job) -> None:
    deadline = time.monotonic() + GUARD_S
    while not jobs.get_job(job.id).final:
        assert time.monotonic() < deadline, f"the job is stuck: {jobs.get_job(job.id)}"
        time.sleep(0.05)


PRECISION = "fp32"
"""Whatever the machine's speed would choose while other tests run on it."""


def undisturbed(job: Job) -> tuple[float, Outcome]:
    """How long the job takes on the server that runs, and what it leaves."""
    begun = time.monotonic()
    wait_until_final(job)
    return time.monotonic() - begun, outcome(job)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.both_databases
@trials(small=6, gate=50, night=600)
def test_a_server_that_is_killed_loses_no_job_and_repeats_no_event(
    new_job: NewJob, hone_home: Path, trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    draw = random.Random(trials)
    with ExitStack() as running:
        server = running.enter_context(serving(hone_home))
        # The first job waits for a worker that imports all it needs, as after each kill; the second has that worker.
        (cold_s, expected), (warm_s, second) = (undisturbed(new_job(precision=PRECISION)) for _ in range(2))
        assert second == expected
        for _ in shown(range(trials // 2), trials // 2):
            job = new_job(precision=PRECISION)
            kinds = [True, False]
            draw.shuffle(kinds)
            for with_workers, takes_s in zip(kinds, (warm_s, cold_s), strict=True):
                time.sleep(draw.uniform(0, takes_s))
                # A worker that is left is nobody's child now, and goes on: the next server must get along with it.
                kill(server.pid, with_workers=with_workers)
                running.close()
                server = running.enter_context(serving(hone_home))
            wait_until_final(job)
            assert outcome(job) == expected
            assert jobs.get_job(job.id).attempt <= leases.MAX_ATTEMPTS
            assert not leases.requeue_expired()


def test_the_server_of_these_tests_has_a_worker_to_kill(new_job: NewJob, hone_home: Path) -> None:
    """The control: at the moment of a kill the job is really being worked on, by a process that the kill reaches."""
    with serving(hone_home) as server:
        job = new_job(precision=PRECISION)
        deadline = time.monotonic() + GUARD_S
        while not (holder := leases.lease_holder(job.id)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        pids = [one.pid for one in server.children(recursive=True)]
        assert int(holder.rsplit(":", 2)[1]) in pids
        kill(server.pid, with_workers=True)
        assert all(not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in pids)
        assert leases.lease_holder(job.id) is None
    assert not jobs.get_job(job.id).final
    assert os.path.isdir(jobs.job_dir(job.id))
