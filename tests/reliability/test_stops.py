"""Users pause and cancel a job at any moment of its life: a pause costs nothing, and what is cancelled leaves nothing to use."""

from __future__ import annotations

import os
import random
import signal

import pytest
from tests.faults import Boundaries, ended
from tests.reliability.conftest import NewJob, Outcome, finish, outcome
from tests.reliability.test_system_faults import published, spread, stopped
from tests.tiers import Note, on, shown, trials

from honekit import jobs
from honekit.jobs import Job, context
from honekit.jobs.liveness import DONE, REFUSED
from honekit.jobs.states import StopRequest

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def heard_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """These jobs take less time than a worker usually takes to look for a request."""
    monkeypatch.setattr(context, "POLL_S", 0.01)


def asked(job: Job, at: int, request: StopRequest) -> str:
    """The request comes between two effects of the job's worker; the state in which the worker leaves the job."""
    pid = stopped(job, at)
    if pid is not None:
        if not jobs.get_job(job.id).final:
            jobs.request_stop(job.id, request)
        os.kill(pid, signal.SIGCONT)
        code = ended(pid)
        assert code in (DONE, REFUSED), [(event.created_at, event.message) for event in jobs.events(job.id)]
    return jobs.get_job(job.id).status


@pytest.mark.both_databases
@trials(small=6, gate=50, night=600)
def test_a_pause_at_any_moment_changes_nothing_that_a_job_leaves(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    expected, counted = undisturbed
    paused = 0
    for at in shown(spread(len(counted.crossed), trials, random.Random(trials)), trials):
        job = new_job()
        status = asked(job, at, "pause")
        assert status in ("paused", "succeeded")
        if status == "paused":
            paused += 1
            jobs.resume(job.id)
        assert finish(job).attempt == 1
        assert outcome(job) == expected, (at, counted.crossed[at - 1])
    assert paused > trials // 3


@pytest.mark.both_databases
@trials(small=6, gate=50, night=600)
def test_a_cancelled_job_publishes_nothing_and_one_that_was_done_before_is_whole(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    expected, counted = undisturbed
    cancelled = 0
    for at in shown(spread(len(counted.crossed), trials, random.Random(trials)), trials):
        job = new_job()
        before = published(job)
        status = asked(job, at, "cancel")
        assert status in ("cancelled", "succeeded")
        if status == "succeeded":
            assert outcome(job) == expected, (at, counted.crossed[at - 1])
            continue
        cancelled += 1
        assert published(job) == before, (at, counted.crossed[at - 1])
        assert jobs.events(job.id)[-1].message == "Job cancelled"
    assert cancelled > trials // 3
