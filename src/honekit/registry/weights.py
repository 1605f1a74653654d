"""The weights in a job's folder: what goes when nothing names it any more.

A row is what names them: the job's version, a checkpoint. A deletion removes the rows first, and then what has none left,
so that after a kill between the two `remove_left_over` finds what is still to be done.
"""

from __future__ import annotations

import shutil

from sqlalchemy import delete, select

from honekit import settings
from honekit.jobs import CHECKPOINTS, EPOCHS, MODEL
from honekit.store.database import open_database
from honekit.store.tables import job_checkpoints, jobs, model_versions


def remove_unnamed(job_id: str) -> None:
    """Remove from the folder of a job that is over the weights that no row names, and what was only half written."""
    folder = settings.home() / "jobs" / job_id
    with open_database().read() as connection:
        saved = connection.execute(select(job_checkpoints).where(job_checkpoints.c.job_id == job_id)).all()
        made = connection.execute(select(model_versions.c.name).where(model_versions.c.job_id == job_id)).first()
    # By their steps: the paths in the rows may be those of a data directory that was moved since.
    kept = {folder / CHECKPOINTS / f"step-{row.step}" for row in saved}
    kept |= {folder / EPOCHS / f"step-{row.step}" for row in saved if row.model_path}
    if made:
        kept.add(folder / MODEL)
    found = [*(folder / CHECKPOINTS).glob("*"), *(folder / EPOCHS).glob("*"), folder / MODEL, *folder.glob(".*")]
    for path in found:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def remove_left_over() -> None:
    """Do what a deletion that was killed has left undone. Raises: StoreError."""
    # Only a deletion takes its key from a job of `hone run`; one by the API has none, and makes its version before it succeeds.
    without_version = select(jobs.c.id).where(jobs.c.id.not_in(select(model_versions.c.job_id)))
    deleted = without_version.where(jobs.c.status == "succeeded", jobs.c.key.is_(None))
    ended = without_version.where(jobs.c.status.in_(["failed", "cancelled"]))
    with open_database().write() as connection:
        connection.execute(delete(job_checkpoints).where(job_checkpoints.c.job_id.in_(deleted)))
        found = connection.execute(deleted.union(ended)).scalars().all()
    for job_id in found:
        remove_unnamed(job_id)
