"""What deletes what: a tuned model its checkpoints, and of a job that made no model each checkpoint itself."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from honekit import fine_tuning, jobs, registry
from honekit.errors import RegistryError
from honekit.fine_tuning import Start
from honekit.jobs import CHECKPOINTS, EPOCHS, MODEL, Job, Model, job_dir, queue
from honekit.store import files
from honekit.store.tables import DEFAULT_OWNER

pytestmark = pytest.mark.both_databases

LINE = b'{"messages": [{"role": "user", "content": "a%d"}, {"role": "assistant", "content": "b"}]}\n'


def stopped(outcome: Literal["queued", "cancelled", "succeeded"], steps: tuple[int, ...] = (2, 4)) -> tuple[Job, str]:
    """A job with a model at each of the steps, and one step later a checkpoint without one; its tuned model's name."""
    file = files.create(DEFAULT_OWNER, "a.jsonl", "fine-tune", [LINE % number for number in range(10)])
    job, asked = fine_tuning.create(DEFAULT_OWNER, Start("tiny", "tiny"), file.id)
    folder = job_dir(job.id)
    for step in steps:
        save(folder / CHECKPOINTS / f"step-{step}")
        model = Model(save(folder / EPOCHS / f"step-{step}"), "f")
        queue.add_checkpoint(job.id, step, str(folder / CHECKPOINTS / f"step-{step}"), {}, model=model)
    queue.add_checkpoint(job.id, steps[-1] + 1, str(save(folder / CHECKPOINTS / f"step-{steps[-1] + 1}")), {})
    if outcome == "cancelled":
        jobs.request_stop(job.id, "cancel")
    if outcome == "succeeded":
        queue.transition(job.id, "running", message="")
        registry.create_version("", job.id, "tiny", "x", save(folder / MODEL), "y", name=asked.model_name)
        queue.finish(job.id, {})
    return jobs.get_job(job.id), asked.model_name


def save(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "state.safetensors").write_bytes(b"w")
    return folder


def weights_of(job: Job) -> set[str]:
    return {str(path.parent.relative_to(job_dir(job.id))) for path in job_dir(job.id).rglob("*.safetensors")}


def refused(name: str) -> str:
    with pytest.raises(RegistryError) as caught:
        fine_tuning.delete_model(name)
    return caught.value.code


def test_a_tuned_model_goes_with_its_checkpoints_and_their_states() -> None:
    job, name = stopped("succeeded")
    folder = job_dir(job.id)
    assert refused(f"{name}:ckpt-step-2") == "registry.part_of_model"
    removed = fine_tuning.delete_model(name)
    assert set(removed) == {folder / MODEL, folder / EPOCHS / "step-2", folder / EPOCHS / "step-4"}
    assert weights_of(job) == set()
    assert refused(name) == refused(f"{name}:ckpt-step-2") == "registry.unknown_version"


def test_checkpoints_of_a_job_that_made_no_model_go_one_by_one_and_the_last_with_all_the_rest() -> None:
    job, name = stopped("cancelled")
    assert refused(name) == "registry.unknown_version"
    assert fine_tuning.delete_model(f"{name}:ckpt-step-2") == [job_dir(job.id) / EPOCHS / "step-2"]
    assert weights_of(job) == {f"{CHECKPOINTS}/step-4", f"{EPOCHS}/step-4", f"{CHECKPOINTS}/step-5"}
    assert [one.step for one in jobs.checkpoints(job.id)] == [5, 4]
    assert refused(f"{name}:ckpt-step-2") == refused(f"{name}:ckpt-step-5") == "registry.unknown_version"
    fine_tuning.delete_model(f"{name}:ckpt-step-4")
    assert weights_of(job) == set()
    assert jobs.checkpoints(job.id) == []


def test_nothing_of_a_job_that_is_not_over_is_deleted() -> None:
    job, name = stopped("queued")
    before = weights_of(job)
    assert refused(f"{name}:ckpt-step-2") == "registry.in_use"
    # As between the recording of a model and the end of its job, where a worker may die.
    registry.create_version("", job.id, "tiny", "x", job_dir(job.id) / MODEL, "y", name=name)
    assert refused(name) == "registry.in_use"
    assert weights_of(job) == before


@pytest.mark.parametrize("kind", ["fine_tuning", "train"])
def test_a_checkpoint_that_a_job_goes_on_from_stays(kind: str) -> None:
    job, name = stopped("cancelled")
    spec = {"start_from": str((job_dir(job.id) / EPOCHS / "step-2").resolve())}
    going_on = queue.create_job(kind, spec)
    assert refused(f"{name}:ckpt-step-2") == "registry.in_use"
    jobs.request_stop(going_on.id, "cancel")
    assert fine_tuning.delete_model(f"{name}:ckpt-step-2")
