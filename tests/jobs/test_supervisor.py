"""Real worker processes that are killed, stopped, paused, and go on where they were."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from sqlalchemy import update

from honekit.jobs import leases, queue, run_job, supervisor
from honekit.jobs.liveness import pid_of, process_gone
from honekit.jobs.processes import SingleUse, start_cold
from honekit.jobs.records import Event, Job
from honekit.jobs.selftest import chain
from honekit.store.database import open_database
from honekit.store.tables import jobs

STEPS = 12


def _job(step_s: float = 0.1) -> Job:
    return queue.create_job("selftest", {"steps": STEPS, "step_s": step_s, "checkpoint_steps": 3})


def _expected() -> str:
    digest = ""
    for step in range(1, STEPS + 1):
        digest = chain(digest, step)
    return digest


def _worker_pid(job_id: str) -> int:
    pid = pid_of(leases.lease_holder(job_id) or "")
    assert pid is not None
    return pid


def _at_step(step: int, action: Callable[[str], None], log: list[Event]) -> Callable[[Event], None]:
    """A callback that acts once, when the job gets to `step`, and keeps all events."""
    pending = [action]

    def on_event(event: Event) -> None:
        log.append(event)
        if event.type == "metrics" and event.data and event.data["step"] >= step and pending:
            pending.pop()(event.job_id)

    return on_event


def test_a_job_runs_to_its_end_and_each_event_is_passed_on_once() -> None:
    job, log = _job(0.0), list[Event]()
    done = run_job(job.id, log.append)
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert log == queue.events(job.id)[1:]
    assert run_job(job.id, log.append) == done


@pytest.mark.both_databases
def test_a_killed_worker_is_replaced_and_the_job_ends_as_if_nothing_had_happened() -> None:
    job, log = _job(), list[Event]()
    done = run_job(job.id, _at_step(5, lambda job_id: os.kill(_worker_pid(job_id), signal.SIGKILL), log))
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert done.attempt == 2
    resumed = [event.message for event in log if event.message.startswith("Resumed")]
    assert resumed in (["Resumed at step 3"], ["Resumed at step 6"])


def _stop_outside_a_transaction(pid: int) -> None:
    """The next test has one that stands still in a transaction; here nobody could write before it is ended."""
    file = open_database().where
    for _ in range(200):
        os.kill(pid, signal.SIGSTOP)
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection, suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("the worker writes all the time")


def test_a_worker_that_stands_still_is_ended_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "HUNG_S", 0.5)
    stopped: list[int] = []

    def stop(job_id: str) -> None:
        stopped.append(_worker_pid(job_id))
        _stop_outside_a_transaction(stopped[0])
        with open_database().write() as connection:  # as its lease is over after fifteen seconds
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(lease_expires_at=0))
        assert [job.id for job in leases.requeue_expired()] == [job_id]

    job, log = _job(), list[Event]()
    done = run_job(job.id, _at_step(5, stop, log))
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert done.attempt == 2
    assert process_gone(stopped[0])


HOLDING = """
import os, signal, sys
from sqlalchemy import update
from honekit.jobs import leases
from honekit.jobs.liveness import new_worker_id
from honekit.store.database import open_database
from honekit.store.tables import jobs
leases.claim(sys.argv[1], new_worker_id(), lease_s=1)
with open_database().write() as connection:
    connection.execute(update(jobs).where(jobs.c.id == sys.argv[1]).values(progress={}))
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.both_databases
def test_a_worker_that_stands_still_in_a_transaction_does_not_keep_the_others_from_writing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "HUNG_S", 0.5)
    started: list[SingleUse] = []

    def start(job_id: str) -> SingleUse:
        command = [sys.executable, "-c", HOLDING, job_id]
        started.append(start_cold(job_id) if started else SingleUse(subprocess.Popen(command)))
        return started[-1]

    done = run_job(_job(0.0).id, lambda _event: None, start=start)
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert (done.attempt, len(started)) == (2, 2)
    assert any("stood still" in event.message for event in queue.events(done.id))


def test_a_damaged_checkpoint_is_passed_over() -> None:
    def kill_and_damage(job_id: str) -> None:
        os.kill(_worker_pid(job_id), signal.SIGKILL)
        (queue.checkpoints(job_id)[0].path / "state.json").write_text('{"step": 9, "digest": "wrong"}')

    job, log = _job(), list[Event]()
    done = run_job(job.id, _at_step(7, kill_and_damage, log))
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert any(event.message in ("Resumed at step 3", "Resumed at step 6") for event in log)


@pytest.mark.both_databases
def test_a_worker_that_is_killed_each_time_fails_the_job_with_the_cause() -> None:
    def kill(event: Event) -> None:
        if event.type == "metrics" and queue.get_job(event.job_id).status == "running":
            holder = leases.lease_holder(event.job_id)
            if holder:
                os.kill(pid_of(holder) or 0, signal.SIGKILL)

    done = run_job(_job().id, kill)
    assert done.status == "failed"
    assert done.attempt == leases.MAX_ATTEMPTS
    assert done.error is not None
    assert done.error["code"] == "job.worker_died"
    assert "killed" in done.error["what"]


def test_cancel_stops_a_running_job_for_good() -> None:
    job, log = _job(0.1), list[Event]()
    done = run_job(job.id, _at_step(2, lambda job_id: void(queue.request_stop(job_id, "cancel")), log))
    assert done.status == "cancelled"
    assert done.progress["step"] < STEPS


@pytest.mark.both_databases
def test_pause_and_resume_go_on_from_the_same_step() -> None:
    job, log = _job(0.1), list[Event]()
    paused = run_job(job.id, _at_step(2, lambda job_id: void(queue.request_stop(job_id, "pause")), log))
    assert paused.status == "paused"
    assert run_job(job.id, log.append).status == "paused"
    step = queue.checkpoints(job.id)[0].step
    queue.resume(job.id)
    done = run_job(job.id, log.append)
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert done.attempt == 1
    steps = [event.data["step"] for event in log if event.type == "metrics" and event.data]
    assert steps == list(range(1, STEPS + 1))
    assert f"Resumed at step {step}" in [event.message for event in log]


def test_ctrl_c_writes_a_checkpoint_and_the_next_call_goes_on() -> None:
    def interrupt(_job_id: str) -> None:
        raise KeyboardInterrupt

    job, log = _job(0.1), list[Event]()
    with pytest.raises(KeyboardInterrupt):
        run_job(job.id, _at_step(2, interrupt, log))
    stopped = queue.get_job(job.id)
    assert (stopped.status, stopped.attempt) == ("queued", 1)
    assert queue.checkpoints(job.id)[0].step == stopped.progress["step"]
    assert run_job(job.id, log.append).result == {"steps": STEPS, "digest": _expected()}


def test_a_fault_of_the_listener_stops_the_worker_too() -> None:
    def broken(_job_id: str) -> None:
        raise BrokenPipeError

    job = _job(0.1)
    with pytest.raises(BrokenPipeError):
        run_job(job.id, _at_step(1, broken, []))
    assert queue.get_job(job.id).status == "queued"


def test_a_worker_that_does_not_listen_is_ended_after_the_grace_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.3)
    job = queue.create_job("selftest", {"steps": 2, "step_s": 60.0})

    def interrupt(_event: Event) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_job(job.id, interrupt)
    assert time.monotonic() - started < 10
    stopped = queue.get_job(job.id)
    assert (stopped.status, stopped.attempt) == ("queued", 1)


@pytest.mark.both_databases
def test_a_second_watcher_attaches_to_the_worker_that_runs() -> None:
    job, seen = _job(0.1), list[Event]()
    results: list[Job] = []
    other = threading.Thread(target=lambda: results.append(run_job(job.id, seen.append)))

    def attach(_job_id: str) -> None:
        other.start()

    done = run_job(job.id, _at_step(2, attach, []))
    other.join(30)
    assert results == [done]
    assert sum(event.message.startswith("Job started") for event in queue.events(job.id)) == 1
    assert seen[-1].message == "The job has completed"


def test_an_orphan_of_a_killed_command_goes_on_and_is_found_again() -> None:
    job, log = _job(0.15), list[Event]()
    code = f"from honekit.jobs import run_job; run_job({job.id!r}, lambda event: print(event.type, flush=True))"
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    while "metrics" not in command.stdout.readline():
        pass
    command.kill()
    command.wait()
    command.stdout.close()
    done = run_job(job.id, log.append)
    assert done.result == {"steps": STEPS, "digest": _expected()}
    assert done.attempt == 1


def test_sigterm_to_the_command_stops_its_worker() -> None:
    job = _job(0.15)
    code = f"from honekit.jobs import run_job; run_job({job.id!r}, lambda event: print(event.type, flush=True))"
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    while "metrics" not in command.stdout.readline():
        pass
    command.terminate()
    assert command.wait(30) == 128 + signal.SIGTERM
    command.stdout.close()
    assert queue.get_job(job.id).status == "queued"
    assert queue.checkpoints(job.id)


def test_a_worker_that_cannot_start_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    done = run_job(_job().id, lambda _event: None)
    assert done.error is not None
    assert (done.status, done.error["code"]) == ("failed", "job.worker_not_started")


def void(_value: object) -> None:
    """For callbacks whose result does not matter."""
