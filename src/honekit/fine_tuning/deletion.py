"""Deleting a tuned model with the models of its epochs, and those that a job left which made none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, select

from honekit import jobs
from honekit.errors import RegistryError
from honekit.fine_tuning.records import by_model_name, split_checkpoint
from honekit.jobs import Checkpoint, Job, JobError
from honekit.jobs.queue import lock_job
from honekit.jobs.states import FINAL, TRANSITIONS
from honekit.registry import delete_version, get_version, list_versions, remove_unnamed, unknown_model
from honekit.store.database import open_database
from honekit.store.tables import job_checkpoints


def delete_model(name: str) -> list[Path]:
    """Forget a model and remove all weights of it from the disk; returns where its adapters were.

    A tuned model goes with the models of its epochs and all else that its job keeps to go on from. The model of an epoch can
    be named only when its job failed or was cancelled: it goes alone, and with the last one what such a job keeps.
    Raises: RegistryError[registry.unknown_version | registry.in_use | registry.part_of_model].
    """
    parts = split_checkpoint(name)
    if parts is not None:
        return _delete_checkpoint(name, *parts)
    version = get_version(name)
    removed = [version.adapter_path, *(one.model.path for one in jobs.checkpoints(version.job_id) if one.model)]
    job = _job(version.job_id)
    if job is not None:
        _require_over(name, job)
    _require_unused(name, removed)
    delete_version(name)
    return removed


def _delete_checkpoint(name: str, model_name: str, step: int) -> list[Path]:
    found = by_model_name(model_name)
    saved = [one for one in jobs.checkpoints(found[0].id) if one.model] if found else []
    wanted = next((one for one in saved if one.step == step), None)
    if found is None or wanted is None or wanted.model is None:
        raise unknown_model(name, [])
    _require_over(name, found[0])
    if any(version.job_id == found[0].id for version in list_versions()):
        raise RegistryError(
            "registry.part_of_model",
            what="a checkpoint goes with the tuned model of its job",
            where=name,
            mend=f"delete the tuned model itself, {model_name}",
        )
    _require_unused(name, [wanted.model.path])
    _forget(wanted)
    remove_unnamed(wanted.job_id)
    return [wanted.model.path]


def _forget(checkpoint: Checkpoint) -> None:
    with open_database().write() as connection:
        lock_job(connection, checkpoint.job_id)  # so that of two that are deleted at once one is the last
        of_job = job_checkpoints.c.job_id == checkpoint.job_id
        connection.execute(delete(job_checkpoints).where(of_job, job_checkpoints.c.step == checkpoint.step))
        others = select(job_checkpoints.c.step).where(of_job, job_checkpoints.c.model_path.is_not(None))
        if connection.execute(others).first() is None:
            connection.execute(delete(job_checkpoints).where(of_job))


def _job(job_id: str) -> Job | None:
    try:
        return jobs.get_job(job_id)
    except JobError:  # a version may outlive the record of its job
        return None


def _require_over(name: str, job: Job) -> None:
    """Raises: RegistryError[registry.in_use] while the job may still write what is to be deleted."""
    if not job.final:
        raise RegistryError(
            "registry.in_use", what="its job is not over yet", where=name, mend="wait for the end of that job, or cancel it"
        )


def _require_unused(name: str, adapters: Sequence[Path]) -> None:
    """Raises: RegistryError[registry.in_use] while a job that is not over starts from one of them, or asks one as a judge."""
    own = {str(path.resolve()) for path in adapters}
    for job in jobs.list_jobs(status=TRANSITIONS.keys() - FINAL, limit=100_000):
        if own & {job.spec.get("start_from"), *(job.spec.get("judges") or {}).values()}:
            raise RegistryError(
                "registry.in_use",
                what="a job that is not over yet goes on from this model, or has it as a judge",
                where=name,
                mend="wait for the end of that job, or cancel it",
            )
