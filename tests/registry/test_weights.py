"""A deleted model's weights are gone from the disk, wherever the process was killed; what is still wanted stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from honekit import registry, settings
from honekit.jobs import CHECKPOINTS, EPOCHS, MODEL, Job, job_dir, queue
from honekit.registry import weights

pytestmark = pytest.mark.both_databases

LEFT_OVER = (".checkpoint.1.tmp", f"{EPOCHS}/.step-9-x.tmp", f"{CHECKPOINTS}/.step-9.old-1")


def trained(outcome: str, key: str | None = None) -> Job:
    """A job with its folder as training leaves it: two checkpoints with their models, one that has no row, parts of others."""
    job = queue.create_job("selftest", {}, key=key)
    folder = job_dir(job.id)
    names = (MODEL, *(f"{kind}/step-{step}" for kind in (CHECKPOINTS, EPOCHS) for step in (1, 2, 3)), *LEFT_OVER)
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "weights.safetensors").write_bytes(b"w")
    (folder / "example_losses.jsonl").write_text("{}")
    for step in (1, 2):
        model = queue.Model(folder / EPOCHS / f"step-{step}", "f")
        queue.add_checkpoint(job.id, step, str(folder / CHECKPOINTS / f"step-{step}"), {}, model=model)
    if outcome != "queued":
        queue.transition(job.id, "running", message="")
    if outcome == "succeeded":
        return queue.finish(job.id, {})
    return queue.fail(job.id, {"what": "x"}) if outcome == "failed" else queue.get_job(job.id)


def version(job: Job) -> registry.Version:
    return registry.create_version("iot", job.id, "b", "x", job_dir(job.id) / MODEL, "y")


def weights_of(job: Job) -> set[str]:
    folder = job_dir(job.id)
    return {path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors")}


def test_a_deleted_version_takes_all_weights_of_its_job_along() -> None:
    job, other = trained("succeeded"), trained("succeeded")
    registry.delete_version(version(job).name)
    version(other)
    assert weights_of(job) == set()
    assert queue.checkpoints(job.id) == []
    assert (job_dir(job.id) / "example_losses.jsonl").exists()
    assert len(weights_of(other)) == 10
    assert len(queue.checkpoints(other.id)) == 2


def test_what_a_killed_deletion_left_is_removed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    job = trained("succeeded", key="k")
    made = version(job)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_args, **_options: None)
        registry.delete_version(made.name)
    assert len(weights_of(job)) == 10
    registry.remove_left_over()
    assert weights_of(job) == set()


def test_what_an_earlier_release_left_of_a_deleted_model_is_removed() -> None:
    """Its deletions left the rows of the checkpoints."""
    job = trained("succeeded")
    registry.remove_left_over()
    assert weights_of(job) == set()
    assert queue.checkpoints(job.id) == []


@pytest.mark.parametrize("state", ["queued", "running"])
def test_the_checkpoints_of_a_job_that_is_not_over_stay(state: str) -> None:
    job = trained(state)
    registry.remove_left_over()
    assert len(weights_of(job)) == 10


def test_a_result_that_hone_run_is_about_to_record_stays() -> None:
    job = trained("succeeded", key="k")
    registry.remove_left_over()
    assert len(weights_of(job)) == 10


def test_a_failed_job_keeps_what_its_checkpoints_name_even_where_the_data_directory_was_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: str
) -> None:
    job = trained("failed")
    moved = tmp_path / "moved"
    settings.home().rename(moved)
    monkeypatch.setenv("HONE_HOME", str(moved))
    registry.remove_left_over()
    assert weights_of(job) == {f"{kind}/step-{step}" for kind in (CHECKPOINTS, EPOCHS) for step in (1, 2)}


def test_a_folder_that_is_not_there_is_no_fault() -> None:
    weights.remove_unnamed("ftjob-none")
    assert not (settings.home() / "jobs" / "ftjob-none").exists()
