"""One worker at a time, and none that was given up can write."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from honekit.jobs import leases, liveness, queue
from honekit.jobs.states import JobError

pytestmark = pytest.mark.both_databases


def _queued() -> str:
    return queue.create_job("selftest", {"steps": 1}).id


def test_one_thread_wins_a_race_for_a_job() -> None:
    job_id = _queued()
    with ThreadPoolExecutor(8) as pool:
        won = [lease for lease in pool.map(lambda n: leases.claim(job_id, f"elsewhere:{n}:x"), range(32)) if lease]
    assert len(won) == 1
    assert queue.get_job(job_id).status == "running"


def test_processes_that_race_for_three_jobs_win_each_once() -> None:
    ids = sorted(_queued() for _ in range(3))
    code = "from honekit.jobs import leases\nwhile lease := leases.claim(None, 'elsewhere:1:x'): print(lease.job_id)"
    workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sorted("".join(worker.communicate(timeout=60)[0] for worker in workers).split()) == ids


def test_the_job_that_waited_longest_is_next() -> None:
    first, second = _queued(), _queued()
    taken = [
        leases.claim(None, "elsewhere:1:x"),
        leases.claim(None, "elsewhere:2:x"),
        leases.claim(None, "e:3:x"),
    ]
    assert [lease.job_id if lease else None for lease in taken] == [first, second, None]


def test_a_live_lease_is_respected_and_an_expired_one_is_not() -> None:
    job_id = _queued()
    old = leases.claim(job_id, "elsewhere:1:x")
    assert old is not None
    assert leases.claim(job_id, "elsewhere:2:x") is None
    leases.renew(old, lease_s=-1)
    new = leases.claim(job_id, "elsewhere:2:x")
    assert new is not None
    assert new.token > old.token
    assert queue.get_job(job_id).attempt == 2


def test_a_worker_that_was_given_up_can_write_nothing() -> None:
    job_id = _queued()
    old = leases.claim(job_id, "elsewhere:1:x", lease_s=-1)
    assert old is not None
    leases.requeue_expired()
    seen = queue.events(job_id)
    for write in (
        lambda: queue.add_event(job_id, "info", "late", token=old.token),
        lambda: queue.set_progress(job_id, {"step": 9}, token=old.token),
        lambda: queue.add_checkpoint(job_id, 9, "/p", {}, token=old.token),
        lambda: queue.finish(job_id, {"model": "stale"}, token=old.token),
        lambda: queue.fail(job_id, {"what": "stale"}, token=old.token),
        lambda: leases.release(old, "pause", interrupted=False, asked=True),
        lambda: leases.renew(old),
        lambda: leases.stop_request(old),
    ):
        with pytest.raises(JobError) as caught:
            write()
        assert caught.value.code == "job.lease_lost"
    job = queue.get_job(job_id)
    assert (job.status, job.progress, job.result) == ("queued", {}, None)
    assert queue.events(job_id) == seen


def test_a_lease_that_nobody_took_is_good_again_after_sleep() -> None:
    lease = leases.claim(_queued(), "elsewhere:1:x", lease_s=-1)
    assert lease is not None
    leases.renew(lease)
    assert leases.requeue_expired() == []


def test_a_process_that_is_gone_from_this_machine_frees_its_job_before_the_lease_ends() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    job_id = _queued()
    worker_id = liveness.new_worker_id().split(":")
    worker_id[-2] = str(gone.pid)
    assert leases.claim(job_id, ":".join(worker_id), lease_s=1000)
    assert leases.lease_holder(job_id) is None
    assert [job.id for job in leases.requeue_expired()] == [job_id]


def test_a_process_that_lives_here_or_elsewhere_keeps_its_job() -> None:
    for worker_id in (liveness.new_worker_id(), "elsewhere:999999:x"):
        job_id = _queued()
        assert leases.claim(job_id, worker_id)
        assert leases.lease_holder(job_id) == worker_id
        assert leases.requeue_expired() == []


def test_after_three_attempts_the_job_fails_and_says_why() -> None:
    job_id = _queued()
    for _ in range(leases.MAX_ATTEMPTS):
        assert leases.claim(job_id, "elsewhere:1:x", lease_s=-1)
        leases.requeue_expired()
    job = queue.get_job(job_id)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == "job.worker_died"
    assert "memory" in job.error["mend"]


@pytest.mark.parametrize(
    ("reason", "interrupted", "asked", "request_", "status"),
    [
        ("cancel", False, True, "cancel", "cancelled"),
        ("pause", False, True, "pause", "paused"),
        ("pause", False, True, None, "queued"),
        ("pause", True, False, None, "queued"),
        ("pause", True, False, "pause", "paused"),
        ("pause", True, False, "cancel", "cancelled"),
        ("pause", False, False, None, "paused"),
    ],
)
def test_an_orderly_stop_ends_in_the_state_that_was_asked_for(
    reason: str, interrupted: bool, asked: bool, request_: str | None, status: str
) -> None:
    job_id = _queued()
    lease = leases.claim(job_id, "elsewhere:1:x")
    assert lease is not None
    if request_:
        queue.request_stop(job_id, request_)  # type: ignore[arg-type]
    job = leases.release(lease, reason, interrupted=interrupted, asked=asked)  # type: ignore[arg-type]
    assert (job.status, job.attempt, job.stop_requested) == (status, 1, None)
