"""What the tests of reliability share: a small base, and fine-tuning jobs whose workers are forked from the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import Connection, func, select, update
from tests import tiny
from tests.faults import Boundaries, ended, forked, watching

from honekit import fine_tuning, jobs
from honekit.fine_tuning import Start
from honekit.jobs import Event, Job, leases, worker
from honekit.jobs.liveness import DONE
from honekit.models import precision
from honekit.models.adapters import WEIGHTS
from honekit.models.precision import Measured
from honekit.store import files
from honekit.store.atomic import sha256_of
from honekit.store.database import open_database
from honekit.store.tables import DEFAULT_OWNER, fine_tuning_jobs, model_versions
from honekit.store.tables import jobs as table

STEPS = 9
CHECKPOINT_STEPS = 2


@pytest.fixture(scope="session", autouse=True)
def ready_to_fork() -> None:
    """A worker is a copy of this process: what it would import it finds, and no thread holds a lock at that moment."""
    import tqdm

    import honekit.train.run  # noqa: F401

    tqdm.tqdm.monitor_interval = 0
    if tqdm.tqdm.monitor:
        tqdm.tqdm.monitor.exit()
        tqdm.tqdm.monitor = None


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def speed_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring the machine decides fp32 or bf16; two runs that are to be compared must not fall on different sides."""
    monkeypatch.setattr(
        precision, "measure", lambda threads=None, device="cpu", memory=True: Measured(50.0, 1.0, 10.0, torch.get_num_threads())
    )


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base") / "tiny")


@dataclass(frozen=True)
class Outcome:
    """All that a job leaves and that must not depend on what happened to it on the way."""

    adapter: str
    """SHA-256 of its weights: what differs is printed."""
    history: list[dict[str, Any]]
    losses: str
    reported: list[int]
    versions: int
    result_files: int


NewJob = Callable[..., Job]


@pytest.fixture
def new_job(tiny_base: Path) -> NewJob:
    """The same fine-tuning job each time: nine steps, a checkpoint after every second and every epoch, dropout on, and what else
    is said of its recipe."""

    def make(records: list[dict[str, Any]] | None = None, **recipe: Any) -> Job:
        recipe = {"dropout": 0.1, "checkpoint_steps": CHECKPOINT_STEPS, "device": "cpu", **recipe}

        def with_recipe(connection: Connection, job_id: str) -> None:
            # In the transaction that queues the job: a server that runs takes it at once.
            of_job = table.c.id == job_id
            spec = connection.execute(select(table.c.spec).where(of_job)).scalar_one()
            connection.execute(update(table).where(of_job).values(spec={**spec, "recipe": {**spec["recipe"], **recipe}}))

        lines = [json.dumps(record).encode() + b"\n" for record in records or tiny.conversations(12)]
        held_out = [json.dumps(record).encode() + b"\n" for record in tiny.conversations(10, seed=1)]
        training = files.create(DEFAULT_OWNER, "train.jsonl", "fine-tune", lines)
        validation = files.create(DEFAULT_OWNER, "valid.jsonl", "fine-tune", held_out)
        wanted = fine_tuning.Wanted(n_epochs=3, batch_size=4)
        start = Start("tiny", str(tiny_base))
        job, _ = fine_tuning.create(
            DEFAULT_OWNER, start, training.id, validation_file=validation.id, wanted=wanted, seed=3, noted=with_recipe
        )
        return jobs.get_job(job.id)

    return make


def attempt(job: Job, boundaries: Boundaries | None = None) -> int:
    """Id of a worker process that works on the job, its file layer watched."""

    def work() -> int:
        if boundaries is None:
            return worker.work_on(job.id)
        with watching(boundaries):
            return worker.work_on(job.id)

    return forked(work)


def close_attempt(job: Job, pid: int) -> int:
    """Wait for a worker and book its end, as who watches a job does; returns its exit code."""
    code = ended(pid)
    if code != DONE:
        leases.report_death(job.id, pid, "it was ended by a test")
    return code


def finish(job: Job) -> Job:
    """Undisturbed workers, one after the other, until the job is final."""
    for _ in range(leases.MAX_ATTEMPTS):
        if jobs.get_job(job.id).final:
            break
        close_attempt(job, attempt(job))
    done = jobs.get_job(job.id)
    assert done.final, f"the job is stuck: {done}"
    return done


def outcome(job: Job) -> Outcome:
    """What a job has left. Fails on events that are lost or doubled."""
    done = jobs.get_job(job.id)
    assert done.status == "succeeded", (done.error, [event.message for event in jobs.events(job.id)])
    assert done.result
    events = jobs.events(job.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    said = [event.message for event in events]
    assert said.count("Job created") == said.count("The job has completed") == 1
    assert len([message for message in said if message.startswith("Checkpoint at step")]) == len(jobs.checkpoints(job.id))
    assert most_redone(events) <= CHECKPOINT_STEPS
    with open_database().read() as connection:
        versions = connection.execute(select(func.count()).where(model_versions.c.job_id == job.id)).scalar_one()
        named = connection.execute(select(fine_tuning_jobs.c.result_file).where(fine_tuning_jobs.c.result_file.is_not(None)))
        of_jobs = sorted(named.scalars())
    # A job that failed after it had made its result file keeps that.
    made = sorted(file.id for file in files.list_files(done.owner, limit=100_000) if file.purpose == "fine-tune-results")
    assert made == of_jobs, "a result file too many or too few"
    folder = jobs.job_dir(job.id)
    return Outcome(
        adapter=sha256_of(folder / "model" / WEIGHTS),
        history=[{k: v for k, v in row.items() if k != "tokens_per_s"} for row in done.result["history"]],
        losses=(folder / "example_losses.jsonl").read_text(),
        reported=[event.data["step"] for event in events if event.type == "metrics" and event.data],
        versions=versions,
        result_files=made.count(done.result["result_file"]),
    )


def most_redone(events: list[Event]) -> int:
    """Steps that were reported and that the attempt after a crash had to compute again, at most."""
    most = reported = 0
    resumed: int | None = None
    for event in events:
        if event.message.startswith("Job started"):
            resumed = 0
        elif event.message.startswith("Resumed at step"):
            resumed = int(event.message.rsplit(" ", 1)[1])
        elif event.type == "metrics" and event.data:
            most, resumed = max(most, 0 if resumed is None else reported - resumed), None
            reported = event.data["step"]
    return most


@pytest.fixture(scope="session")
def known() -> dict[str, tuple[Outcome, Boundaries]]:
    """By the database: what an undisturbed job leaves does not depend on the test that asks."""
    return {}


@pytest.fixture
def undisturbed(new_job: NewJob, database: str, known: dict[str, tuple[Outcome, Boundaries]]) -> tuple[Outcome, Boundaries]:
    """What the job leaves when nothing happens to it, and the boundaries that it crosses."""
    if database not in known:
        known[database] = left_alone(new_job())
    return known[database]


def left_alone(job: Job) -> tuple[Outcome, Boundaries]:
    counted = Boundaries(jobs.job_dir("x").parents[1])
    record = jobs.job_dir(job.id) / "boundaries.json"

    def work() -> int:
        with watching(counted):
            code = worker.work_on(job.id)
        record.write_text(json.dumps(counted.crossed))
        return code

    assert ended(forked(work)) == DONE
    counted.crossed = json.loads(record.read_text())
    left = outcome(job)
    assert left.reported == list(range(1, STEPS + 1))
    assert (left.versions, left.result_files) == (1, 1)
    return left, counted
