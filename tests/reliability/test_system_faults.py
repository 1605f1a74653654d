"""A full disk, a broken one, no more descriptors, a stopped process, a clock that is set: a clear end or a recovery."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import func, select, update
from tests.faults import REFUSALS, Boundaries, ended, jump, refuse, stop
from tests.reliability.conftest import NewJob, Outcome, attempt, close_attempt, finish, outcome
from tests.tiers import Note, on, shown, trials

from honekit import jobs, settings
from honekit.errors import StoreError
from honekit.jobs import Job, leases
from honekit.jobs.liveness import DONE, LOST
from honekit.models.adapters import WEIGHTS
from honekit.store import files
from honekit.store.atomic import sha256_of
from honekit.store.database import open_database
from honekit.store.tables import jobs as table
from honekit.store.tables import model_versions

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def spread(count: int, points: int, draw: random.Random) -> list[int]:
    """So many of the boundaries, all over the job."""
    width = count / points
    return [min(count, int(part * width) + draw.randrange(1, max(2, int(width) + 1))) for part in range(points)]


def home_of(job: Job) -> Boundaries:
    return Boundaries(jobs.job_dir(job.id).parents[1])


@trials(small=12, gate=200, night=2000)
def test_what_the_system_refuses_fails_the_job_with_its_cause_or_is_got_over(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int
) -> None:
    expected, counted = undisturbed
    draw, clear = random.Random(trials), 0
    for number, at in enumerate(shown(spread(len(counted.crossed), trials, draw), trials)):
        name = list(REFUSALS)[number % len(REFUSALS)]
        job, boundaries = new_job(), None
        boundaries = home_of(job)
        boundaries.at, boundaries.act = at, refuse(REFUSALS[name])
        close_attempt(job, attempt(job, boundaries))
        done = finish(job)
        where = f"{name} at boundary {at}, {counted.crossed[at - 1]}"
        if done.status == "succeeded":
            assert outcome(job) == expected, where
            continue
        assert done.error
        assert done.error["code"].startswith(("store.", "model.")), (where, done.error)
        assert done.error["what"] and done.error["mend"]
        weights = jobs.job_dir(job.id) / "model" / WEIGHTS
        assert not weights.exists() or sha256_of(weights) == expected.adapter, where
        clear += 1
    assert clear > trials // 3


def stopped(job: Job, at: int) -> int | None:
    """Id of a worker that stands still at a boundary; None when it was done before it came so far.

    How many boundaries there are depends a little on the clock: a heartbeat is one, too.
    """
    boundaries = home_of(job)
    boundaries.at, boundaries.act = at, stop
    pid = attempt(job, boundaries)
    while ended(pid, os.WUNTRACED) == -signal.SIGSTOP:
        if can_be_written():
            return pid
        # One of its threads is in a transaction: `jobs/test_supervisor.py` has what happens then.
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(pid, signal.SIGSTOP)
    return None


def can_be_written() -> bool:
    if open_database().engine.dialect.name == "postgresql":
        with suppress(StoreError), open_database().read() as rows:
            rows.execute(select(table.c.id).with_for_update(nowait=True)).all()
            return True
        return False
    connection = sqlite3.connect(settings.home() / "hone.db", timeout=0.1)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    else:
        return True
    finally:
        connection.close()


def expire(job: Job) -> None:
    """The lease runs out, as it does in fifteen seconds without a sign of life."""
    with open_database().write() as connection:
        connection.execute(update(table).where(table.c.id == job.id).values(lease_expires_at=0))


@pytest.mark.both_databases
@trials(small=6, gate=60, night=600)
def test_a_worker_that_was_given_up_for_dead_changes_nothing_when_it_wakes_up(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    expected, counted = undisturbed
    draw, fenced = random.Random(trials), 0
    for at in shown(spread(len(counted.crossed), trials, draw), trials):
        job = new_job()
        pid = stopped(job, at)
        if pid is None:
            continue
        held = jobs.get_job(job.id).status == "running"
        if held:
            expire(job)
        finish(job)
        before = (jobs.events(job.id), jobs.get_job(job.id))
        os.kill(pid, signal.SIGCONT)
        code = ended(pid)
        if held:
            fenced += code == LOST
            assert code == LOST, counted.crossed[at - 1]
        assert (jobs.events(job.id), jobs.get_job(job.id)) == before
        assert outcome(job) == expected, (at, counted.crossed[at - 1])
    assert fenced > trials // 2


@pytest.mark.both_databases
@trials(small=4, gate=60, night=600)
def test_a_worker_that_wakes_up_after_its_job_was_cancelled_publishes_nothing(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    _, counted = undisturbed
    draw, crossings, fenced = random.Random(trials), len(counted.crossed), 0
    while fenced < trials:
        job = new_job()
        # Half of them where the result is published: the last boundaries of a job.
        at = draw.randrange(crossings - 20 if fenced % 2 else crossings // 4, crossings)
        pid = stopped(job, at)
        if pid is None:
            continue
        if jobs.get_job(job.id).status != "running":
            os.kill(pid, signal.SIGCONT)
            ended(pid)
            continue
        expire(job)
        assert jobs.request_stop(job.id, "cancel").status == "cancelled"
        before = (jobs.events(job.id), jobs.get_job(job.id), published(job))
        os.kill(pid, signal.SIGCONT)
        assert ended(pid) == LOST, counted.crossed[at - 1]
        assert (jobs.events(job.id), jobs.get_job(job.id), published(job)) == before
        fenced += 1


def published(job: Job) -> tuple[int, int]:
    """Versions of the job, and result files of anybody."""
    with open_database().read() as connection:
        versions = connection.execute(select(func.count()).where(model_versions.c.job_id == job.id)).scalar_one()
    return versions, sum(file.purpose == "fine-tune-results" for file in files.list_files(job.owner))


def recover(job: Job) -> None:
    """What a server does meanwhile. By the true clock a lease of an hour ago is over."""
    leases.requeue_expired()
    if jobs.get_job(job.id).status == "queued" and jobs.get_job(job.id).attempt > 1:
        finish(job)


@trials(small=4, gate=40, night=400)
def test_a_clock_that_jumps_an_hour_changes_nothing_that_a_job_leaves(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int
) -> None:
    expected, counted = undisturbed
    for number, at in enumerate(shown(spread(len(counted.crossed), trials, random.Random(trials)), trials)):
        job = new_job()
        boundaries = home_of(job)
        boundaries.at, boundaries.act = at, jump(3600 if number % 2 else -3600)
        ended(attempt(job, boundaries), meanwhile=partial(recover, job))
        if not jobs.get_job(job.id).final:
            finish(job)
        assert outcome(job) == expected, (at, counted.crossed[at - 1])
        stamps = [event.created_at for event in jobs.events(job.id)]
        assert stamps == sorted(stamps)


def test_the_worker_of_these_tests_ends_as_one_of_a_server_does(new_job: NewJob) -> None:
    job = new_job()
    assert close_attempt(job, attempt(job)) == DONE
