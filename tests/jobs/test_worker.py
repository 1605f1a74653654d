"""What a worker makes of the ways in which a job's function can end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from honekit.errors import DataError, TrainError
from honekit.jobs import JobContext, Stopped, context, leases, queue, worker
from honekit.jobs.liveness import DONE, LOST, OUT_OF_MEMORY, REFUSED
from honekit.jobs.records import Job, Lease
from honekit.jobs.states import StopRequest

pytestmark = pytest.mark.both_databases


def _ended(monkeypatch: pytest.MonkeyPatch, function: Callable[[JobContext], dict[str, Any]]) -> tuple[int, Job]:
    monkeypatch.setattr(worker, "load_kind", lambda _kind: function)
    job = queue.create_job("selftest", {"steps": 1})
    return worker.main([job.id]), queue.get_job(job.id)


def test_a_result_makes_the_job_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, job = _ended(monkeypatch, lambda context: {"spec": context.spec})
    assert (code, job.status, job.result) == (DONE, "succeeded", {"spec": {"steps": 1}})


def test_what_the_function_reports_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def report(context: JobContext) -> dict[str, Any]:
        context.event("warn", "careful", {"a": 1})
        context.metrics(3, {"train_loss": float("nan"), "lr": 0.1})
        context.progress({"step": 3})
        return {}

    _, job = _ended(monkeypatch, report)
    log = [(event.level, event.type, event.message, event.data) for event in queue.events(job.id)]
    assert ("warn", "message", "careful", {"a": 1}) in log
    assert ("info", "metrics", "Step 3", {"step": 3, "train_loss": None, "lr": 0.1}) in log
    assert job.progress == {"step": 3}


def test_the_lease_is_renewed_in_time_however_long_a_look_at_the_database_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    look, renewed = leases.stop_request, threading.Event()

    def look_slowly(lease: Lease) -> StopRequest | None:
        time.sleep(0.05)
        return look(lease)

    monkeypatch.setattr(context, "POLL_S", 0.001)
    monkeypatch.setattr(leases, "LEASE_S", 0.3)
    monkeypatch.setattr(leases, "stop_request", look_slowly)
    monkeypatch.setattr(leases, "renew", lambda lease: renewed.set() or lease)
    _, job = _ended(monkeypatch, lambda _context: {"renewed": renewed.wait(4)})  # a hundred looks take longer
    assert job.result == {"renewed": True}


def test_a_hone_error_becomes_the_jobs_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_context: JobContext) -> dict[str, Any]:
        raise DataError("data.empty", what="no examples", where="a.jsonl:1", mend="add some")

    code, job = _ended(monkeypatch, refuse)
    assert (code, job.status) == (DONE, "failed")
    assert job.error == {
        "code": "data.empty",
        "what": "no examples",
        "where": "a.jsonl:1",
        "mend": "add some",
    }


@pytest.mark.parametrize("fault", [ValueError("secret text"), TypeError("x")])
def test_any_other_error_is_internal_with_its_traceback_in_the_log_only(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(_context: JobContext) -> dict[str, Any]:
        raise fault

    code, job = _ended(monkeypatch, broken)
    assert (code, job.status) == (DONE, "failed")
    assert job.error is not None
    assert job.error["code"] == "job.internal"
    assert "secret text" not in str(job.as_dict())
    file = Path(job.error["where"])
    log = file.read_text()
    assert "Traceback" in log
    assert str(fault) in log
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_result_that_is_not_json_is_a_fault_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    _, job = _ended(monkeypatch, lambda _context: {"model": object()})
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("failed", "job.internal")


def _told_as_another() -> Exception:
    """What a library could not read for want of memory, told by Hone as a damaged file."""
    told = TrainError("train.reload_differs", what="the adapter cannot be read", mend="check the disk")
    told.__cause__ = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return told


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("can't start new thread"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        _told_as_another(),
    ],
)
def test_without_memory_the_job_is_left_for_another_attempt(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def greedy(_context: JobContext) -> dict[str, Any]:
        raise fault

    code, job = _ended(monkeypatch, greedy)
    assert (code, job.status) == (OUT_OF_MEMORY, "running")


def test_a_function_may_pause_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(_context: JobContext) -> dict[str, Any]:
        raise Stopped("pause")

    assert _ended(monkeypatch, pause)[1].status == "paused"


def test_sigterm_leaves_the_job_queued_without_a_lost_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped_by_signal(context: JobContext) -> dict[str, Any]:
        assert context.stop_requested() is None
        os.kill(os.getpid(), signal.SIGTERM)
        reason = context.stop_requested()
        assert reason == "pause"
        raise Stopped(reason)

    handler = signal.getsignal(signal.SIGTERM)
    code, job = _ended(monkeypatch, stopped_by_signal)
    assert (code, job.status, job.attempt) == (DONE, "queued", 1)
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_worker_that_lost_its_job_stops_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def superseded(context: JobContext) -> dict[str, Any]:
        queue.transition(context.job_id, "queued", message="taken away")
        assert leases.claim(context.job_id, "elsewhere:1:x")
        context.metrics(1, {})
        return {}

    code, job = _ended(monkeypatch, superseded)
    assert (code, job.status) == (LOST, "running")


def test_a_job_that_another_worker_has_is_refused() -> None:
    job = queue.create_job("selftest", {"steps": 1})
    assert leases.claim(job.id, "elsewhere:1:x")
    command = [sys.executable, "-P", "-m", "honekit.jobs.worker", job.id]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == REFUSED
    assert job.id in done.stderr
    assert "Warning" not in done.stderr
