"""Worker processes that are kept: what they take over from job to job (nothing but what is loaded), and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from honekit import jobs, settings
from honekit.errors import SettingsError
from honekit.jobs import Event, Job, leases, queue, run_job
from honekit.jobs.liveness import DONE, REFUSED, pid_of, process_gone
from honekit.jobs.processes import WarmProcesses, Working
from honekit.jobs.selftest import chain


@pytest.fixture
def kept() -> Iterator[WarmProcesses]:
    processes = WarmProcesses(idle_s=600)
    yield processes
    processes.close()


class Watched:
    """The processes that a pool gave out, in order."""

    def __init__(self, processes: WarmProcesses) -> None:
        self._processes, self.pids = processes, list[int]()

    def __call__(self, job_id: str) -> Working:
        given = self._processes.start(job_id)
        self.pids.append(given.pid)
        return given


def job(steps: int = 3, **spec: object) -> Job:
    return queue.create_job("selftest", {"steps": steps, **spec})


def ignore(_event: Event) -> None:
    """For jobs whose events do not matter."""


def digest(steps: int) -> str:
    value = ""
    for step in range(1, steps + 1):
        value = chain(value, step)
    return value


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while not process_gone(pid):
        assert time.monotonic() < deadline, "it did not end"
        time.sleep(0.02)


def test_one_process_does_job_after_job_each_with_its_own_events_and_log(kept: WarmProcesses) -> None:
    start = Watched(kept)
    done = [run_job(job(steps).id, ignore, start=start) for steps in (3, 5, 2)]
    assert [one.result for one in done] == [{"steps": n, "digest": digest(n)} for n in (3, 5, 2)]
    assert len(set(start.pids)) == 1
    for one in done:
        steps = [event.data["step"] for event in queue.events(one.id) if event.type == "metrics" and event.data]
        assert steps == list(range(1, len(steps) + 1))
        assert (jobs.job_dir(one.id) / "worker.log").read_text() == ""


def test_a_refused_job_is_said_in_its_own_log_and_the_process_stays(kept: WarmProcesses) -> None:
    start, taken = Watched(kept), job()
    run_job(job().id, ignore, start=start)
    assert leases.claim(taken.id, "elsewhere:1:x")
    working = start(taken.id)
    working.wait()
    assert working.poll() == REFUSED
    assert taken.id in (jobs.job_dir(taken.id) / "worker.log").read_text()
    assert run_job(job().id, ignore, start=start).status == "succeeded"
    assert len(set(start.pids)) == 1


def test_after_a_failed_job_the_next_gets_another_process(kept: WarmProcesses) -> None:
    start, broken = Watched(kept), queue.create_job("selftest", {"steps": "no number"})
    failed = run_job(broken.id, ignore, start=start)
    assert failed.error
    assert (failed.status, failed.error["code"]) == ("failed", "job.internal")
    assert "ValueError" in (jobs.job_dir(broken.id) / "worker.log").read_text()
    assert run_job(job().id, ignore, start=start).status == "succeeded"
    assert len(set(start.pids)) == 2
    until_gone(start.pids[0])


def test_a_process_killed_in_the_middle_costs_one_attempt(kept: WarmProcesses) -> None:
    start = Watched(kept)
    run_job(job().id, ignore, start=start)
    pending = [True]

    def kill(event: Event) -> None:
        if event.type == "metrics" and event.data and event.data["step"] >= 5 and pending:
            pending.clear()
            os.kill(pid_of(leases.lease_holder(event.job_id) or "") or 0, signal.SIGKILL)

    done = run_job(job(12, step_s=0.05, checkpoint_steps=3).id, kill, start=start)
    assert (done.attempt, done.result) == (2, {"steps": 12, "digest": digest(12)})
    assert len(set(start.pids)) == 2


def test_one_that_died_while_it_waited_is_replaced(kept: WarmProcesses) -> None:
    start = Watched(kept)
    run_job(job().id, ignore, start=start)
    os.kill(start.pids[0], signal.SIGKILL)
    done = run_job(job().id, ignore, start=start)
    assert (done.status, done.attempt) == ("succeeded", 1)
    assert len(set(start.pids)) == 2


def test_a_stopped_job_is_queued_and_its_process_not_used_again(kept: WarmProcesses) -> None:
    start, stop = Watched(kept), threading.Event()
    running = job(100_000, step_s=0.01)

    def stop_at_once(event: Event) -> None:
        if event.type == "metrics":
            stop.set()

    stopped = run_job(running.id, stop_at_once, stop=stop, start=start)
    assert (stopped.status, stopped.attempt) == ("queued", 1)
    queue.request_stop(running.id, "cancel")
    assert run_job(job().id, ignore, start=start).status == "succeeded"
    assert len(set(start.pids)) == 2


def test_a_cancelled_jobs_process_goes_on_with_the_next(kept: WarmProcesses) -> None:
    start = Watched(kept)

    def cancel(event: Event) -> None:
        if event.type == "metrics" and event.data and event.data["step"] == 2:
            queue.request_stop(event.job_id, "cancel")

    assert run_job(job(100_000, step_s=0.01).id, cancel, start=start).status == "cancelled"
    assert run_job(job().id, ignore, start=start).status == "succeeded"
    assert len(set(start.pids)) == 1


def test_another_environment_gets_another_process(kept: WarmProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Watched(kept)
    run_job(job().id, ignore, start=start)
    monkeypatch.setenv("HONE_SOMETHING", "else")
    run_job(job().id, ignore, start=start)
    assert len(set(start.pids)) == 2
    until_gone(start.pids[0])


def test_it_ends_after_its_idle_time_and_with_the_pool() -> None:
    brief, patient = WarmProcesses(idle_s=0), WarmProcesses(idle_s=600)
    first, second = Watched(brief), Watched(patient)
    run_job(job().id, ignore, start=first)
    run_job(job().id, ignore, start=second)
    brief.end_idle()
    until_gone(first.pids[0])
    patient.end_idle()
    assert not process_gone(second.pids[0])
    patient.close()
    until_gone(second.pids[0])
    late = patient.start(job().id)  # a job that was at work when the server ended
    late.wait()
    assert late.poll() == DONE
    until_gone(late.pid)


def test_a_prepared_process_takes_the_next_job(kept: WarmProcesses, started: list[subprocess.Popen[bytes]]) -> None:
    kept.prepare("selftest")
    kept.prepare("selftest")
    start = Watched(kept)
    assert run_job(job(4).id, ignore, start=start).result == {"steps": 4, "digest": digest(4)}
    assert [one.pid for one in started] == start.pids
    kept.prepare("selftest")  # one waits again
    assert len(started) == 1


def test_a_prepared_process_says_when_it_has_imported_all(kept: WarmProcesses, started: list[subprocess.Popen[bytes]]) -> None:
    kept.await_prepared(600)
    kept.prepare("selftest")
    kept.await_prepared(600)
    assert started[0].stdout
    assert started[0].stdout.peek().decode().strip() == "ready"  # type: ignore[attr-defined]
    assert [run_job(job().id, ignore, start=kept.start).status for _ in range(2)] == ["succeeded"] * 2
    assert len(started) == 1


def test_nobody_waits_for_a_prepared_process_that_fails(kept: WarmProcesses, started: list[subprocess.Popen[bytes]]) -> None:
    kept.prepare("no such kind")
    kept.await_prepared(600)
    started[0].wait(600)


def test_a_prepared_process_that_fails_costs_the_job_nothing(kept: WarmProcesses, started: list[subprocess.Popen[bytes]]) -> None:
    kept.prepare("no such kind")
    assert started[0].wait(60) == 1
    done = run_job(job().id, ignore, start=Watched(kept))
    assert (done.status, done.attempt, len(started)) == ("succeeded", 1, 2)


def test_a_prepared_process_ends_with_the_pool_while_it_imports(started: list[subprocess.Popen[bytes]]) -> None:
    closed = WarmProcesses(idle_s=600)
    closed.prepare("train")
    closed.close()
    assert started[0].returncode == -signal.SIGTERM
    closed.prepare("train")
    assert len(started) == 1


def test_what_is_prepared_has_imported_what_the_job_needs() -> None:
    """Nothing that takes long is left to import once the job is there."""
    code = (
        "import sys; from honekit.jobs.kinds import import_kind; import_kind(sys.argv[1]);"
        "print(*{'torch', 'tokenizers', 'honekit.train.run', 'honekit.train.warm'} - set(sys.modules))"
    )
    for kind in ("train", "fine_tuning"):
        made = subprocess.run([sys.executable, "-c", code, kind], capture_output=True, text=True, check=True)
        assert made.stdout.strip() == ""


def test_the_idle_time_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONE_WORKER_IDLE_S", raising=False)
    assert settings.worker_idle_s() == 600
    monkeypatch.setenv("HONE_WORKER_IDLE_S", "0")
    assert settings.worker_idle_s() == 0
    for wrong in ("-1", "soon", "inf", "nan"):
        monkeypatch.setenv("HONE_WORKER_IDLE_S", wrong)
        with pytest.raises(SettingsError) as refused:
            settings.worker_idle_s()
        assert refused.value.code == "settings.worker_idle"
