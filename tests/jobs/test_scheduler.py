"""Queued jobs are taken fairly, so many at once, and put back when the server ends."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from honekit import jobs
from honekit.jobs import Job, Scheduler, leases, queue
from honekit.jobs.scheduler import next_queued
from honekit.store.database import open_database
from honekit.store.tables import jobs as table

pytestmark = pytest.mark.both_databases

KINDS = ["selftest"]


def queued(owner: str, steps: int = 3, **spec: object) -> Job:
    return queue.create_job("selftest", {"steps": steps, **spec}, owner=owner)


def running(owner: str, started_at: float) -> Job:
    job = queued(owner)
    with open_database().write() as connection:
        values = {
            "status": "running",
            "started_at": started_at,
            "lease_expires_at": time.time() + 60,
            "lease_worker": "elsewhere:1:x",
        }
        connection.execute(update(table).where(table.c.id == job.id).values(**values))
    return job


def succeeded() -> int:
    with open_database().read() as connection:
        return connection.execute(select(func.count()).where(table.c.status == "succeeded")).scalar_one()


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_the_oldest_job_of_an_owner_comes_first() -> None:
    first, _ = queued("a"), queued("a")
    assert next_queued(KINDS) == first.id
    assert next_queued(KINDS, exclude=[first.id]) != first.id
    assert next_queued(["train"]) is None


def test_an_owner_with_a_hundred_jobs_does_not_hold_up_another() -> None:
    many = [queued("a") for _ in range(5)]
    one = queued("b")
    assert next_queued(KINDS) == many[0].id
    running("a", time.time())
    assert next_queued(KINDS) == one.id


def test_of_owners_with_nothing_running_the_one_served_longest_ago_is_next() -> None:
    for owner, ago in (("a", 10), ("b", 100)):
        job = running(owner, time.time() - ago)
        with open_database().write() as connection:
            connection.execute(update(table).where(table.c.id == job.id).values(status="succeeded"))
    queued("a")
    waiting = queued("b")
    assert next_queued(KINDS) == waiting.id


def test_queued_jobs_are_worked_off() -> None:
    made = [queued(owner) for owner in ("a", "a", "b")]
    scheduler = Scheduler(KINDS, concurrency=2)
    scheduler.start()
    try:
        until(lambda: all(jobs.get_job(job.id).status == "succeeded" for job in made))
    finally:
        scheduler.stop()
    events = [event.message for event in jobs.events(made[0].id)]
    assert events[0] == "Job created" and events[-1] == "The job has completed"


def test_two_hundred_jobs_queued_at_once_are_each_done_once_by_two_servers_and_in_turn() -> None:
    with ThreadPoolExecutor(16) as users:
        made = list(users.map(lambda owner: queued(owner, steps=1).id, ["a"] * 150 + ["b"] * 50))
    servers = [Scheduler(KINDS) for _ in range(2)]
    for server in servers:
        server.start()
    try:
        # However slow the machine is, each next job ends within the time of `until`.
        for number in range(1, 201):
            until(lambda number=number: succeeded() >= number)  # type: ignore[misc]
    finally:
        for server in servers:
            server.stop()
    done = sorted(jobs.list_jobs(limit=1000), key=lambda job: job.started_at or 0)
    assert sorted(job.id for job in done) == sorted(made)
    for job in done:
        said = [event.message for event in jobs.events(job.id)]
        assert [message for message in said if message.startswith("Job started")] == said[1:2]
        assert said.count("The job has completed") == 1
    # As long as both have jobs they take turns, although one has three times as many.
    assert 40 <= sum(job.owner == "b" for job in done[:90]) <= 50


def test_a_job_that_runs_when_the_server_ends_is_queued_again() -> None:
    job = queued("a", steps=100_000, step_s=0.01)
    scheduler = Scheduler(KINDS)
    scheduler.start()
    until(lambda: jobs.get_job(job.id).status == "running")
    scheduler.stop()
    assert jobs.get_job(job.id).status == "queued"
    assert jobs.get_job(job.id).attempt == 1


def test_a_job_that_is_expected_finds_a_process(started: list[subprocess.Popen[bytes]]) -> None:
    scheduler = Scheduler(KINDS)
    scheduler.start()
    try:
        scheduler.expect("selftest")
        until(lambda: len(started) == 1)
        job = queued("a")
        scheduler.wake()
        until(lambda: jobs.get_job(job.id).status == "succeeded")
    finally:
        scheduler.stop()
    assert len(started) == 1


def test_none_is_prepared_beside_one_at_work_or_where_none_is_kept(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HONE_WORKER_IDLE_S", "0")
    unkept = Scheduler(KINDS)
    unkept.expect("selftest")
    unkept.start()
    unkept.stop()
    assert started == []
    monkeypatch.delenv("HONE_WORKER_IDLE_S")
    job = queued("a", steps=100_000, step_s=0.01)
    busy = Scheduler(KINDS)
    busy.start()
    try:
        until(lambda: jobs.get_job(job.id).status == "running")
        busy.expect("selftest")
        looked = threading.Event()
        monkeypatch.setattr(leases, "requeue_expired", looked.set)
        assert looked.wait(60)
        looked.clear()
        assert looked.wait(60)
    finally:
        busy.stop()
    assert len(started) == 1
