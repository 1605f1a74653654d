"""Two workers reach for the same job at the same moment: one gets it."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.faults import ended, forked
from tests.jobs.test_states import Jobs
from tests.tiers import Note, shown, trials

from honekit.jobs import leases, queue
from honekit.jobs.liveness import new_worker_id

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

WAITING = 100
"""Jobs that wait at once."""


@pytest.mark.both_databases
@pytest.mark.parametrize("by_name", [True, False])
@trials(small=100, gate=5000, night=50_000)
def test_of_two_workers_one_gets_the_job(tmp_path: Path, trials: int, by_name: bool) -> None:
    for _ in shown(range(trials // WAITING), trials // WAITING):
        for job_id in race(tmp_path, by_name):
            queue.finish(job_id, {}, token=1)  # else each claim looks at ever more that are running


def race(folder: Path, by_name: bool) -> list[str]:
    """Two processes take the same jobs at the same moments; returns the jobs, each with one of them."""
    ids = [queue.create_job("selftest", {"steps": 1}).id for _ in range(WAITING)]
    barrier = multiprocessing.get_context("fork").Barrier(2)

    def take(number: int) -> int:
        won, worker_id = [], new_worker_id()
        for job_id in ids:
            barrier.wait(60)
            # Without a name each takes the oldest that waits, so that in the second half of the rounds there is none left.
            lease = leases.claim(job_id if by_name else None, worker_id, lease_s=3600)
            if lease:
                won.append((lease.job_id, lease.token))
        (folder / str(number)).write_text(json.dumps(won))
        barrier.wait(60)  # a worker that is gone loses its jobs
        return 0

    racers = [forked(lambda number=number: take(number)) for number in range(2)]  # type: ignore[misc]
    assert [ended(pid) for pid in racers] == [0, 0]
    won = [tuple(entry) for number in range(2) for entry in json.loads((folder / str(number)).read_text())]
    assert sorted(won) == sorted((job_id, 1) for job_id in ids)
    for job_id in ids:
        started = [event for event in queue.events(job_id) if event.message.startswith("Job started")]
        assert len(started) == 1
    return ids


@pytest.mark.parametrize(
    ("examples", "steps"),
    [pytest.param(2000, 50, marks=pytest.mark.long), pytest.param(20_000, 50, marks=pytest.mark.night)],
)
def test_the_states_follow_the_model_for_many_more_steps(examples: int, steps: int, record_property: Note) -> None:
    """The machine of `tests/jobs/test_states.py`, which runs in `make test` with 15 times 20 steps."""
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    record_property("n", examples * steps)
