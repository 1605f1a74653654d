"""Workers are killed at random moments; each job ends as if nothing had happened, to the last bit."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
import torch
from tests.faults import Boundaries, kill
from tests.reliability.conftest import NewJob, Outcome, attempt, close_attempt, finish, outcome
from tests.tiers import Note, on, shown, trials

from honekit import jobs
from honekit.jobs import Job, leases
from honekit.train import loop, state

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def disturbed(job: Job, kills: int, crossings: int, draw: random.Random, seconds: float) -> int:
    """End workers of the job with SIGKILL, in turn between two effects on the disk and at any time; returns how many died."""
    died = 0
    for number in range(min(kills, leases.MAX_ATTEMPTS - 1)):
        if number % 2 == 0:
            pid = attempt(job, Boundaries(jobs.job_dir(job.id).parents[1], draw.randrange(1, crossings + 1), kill))
        else:
            pid = attempt(job)
            time.sleep(draw.uniform(0, seconds))
            os.kill(pid, signal.SIGKILL)
        died += close_attempt(job, pid) == -signal.SIGKILL
    return died


@pytest.mark.both_databases
@trials(small=12, gate=50, night=3000)
def test_kills_change_nothing_that_a_job_leaves(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], trials: int, database: str, record_property: Note
) -> None:
    trials = on(database, trials, record_property)
    expected, counted = undisturbed
    draw, died = random.Random(trials), 0
    begun = time.monotonic()
    finish(new_job())
    seconds = time.monotonic() - begun
    for _ in shown(range(trials), trials * 2 // 3):  # most of the second kills come when the job is done
        if died >= trials:
            break
        job = new_job()
        died += disturbed(job, 2, len(counted.crossed), draw, seconds)
        finish(job)
        assert outcome(job) == expected
        assert not leases.requeue_expired()


@pytest.mark.parametrize("lost", ["optimizer", "random numbers"])
def test_it_would_be_noticed_if_a_resume_lost_part_of_the_state(
    new_job: NewJob, undisturbed: tuple[Outcome, Boundaries], lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same comparison fails when a resume is not exact."""
    expected, counted = undisturbed
    if lost == "optimizer":
        read = state.TrainState.read

        def forgetful(self: state.TrainState, directory: object) -> state.Progress:
            progress = read(self, directory)  # type: ignore[arg-type]
            self.optimizer.state.clear()
            return progress

        monkeypatch.setattr(state.TrainState, "read", forgetful)
    else:
        # As if the draws went on from wherever the process's generator happens to be.
        monkeypatch.setattr(loop.torch, "manual_seed", lambda _seed: torch.default_generator)  # type: ignore[attr-defined]
        whole = new_job()
        finish(whole)
        expected = outcome(whole)
    job = new_job()
    last_commit = max(
        i for i, name in enumerate(counted.crossed, 1) if name == "after save_file" and i < len(counted.crossed) // 2
    )
    close_attempt(job, attempt(job, Boundaries(jobs.job_dir(job.id).parents[1], last_commit, kill)))
    finish(job)
    assert any(event.message.startswith("Resumed at step") for event in jobs.events(job.id))
    assert outcome(job).adapter != expected.adapter
