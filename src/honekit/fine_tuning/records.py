"""What clients asked for, beside the job that does it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Row, select

from honekit.jobs import Job
from honekit.jobs.records import job_of
from honekit.store.answers import ANY_METADATA
from honekit.store.database import open_database
from honekit.store.order import behind, ordered
from honekit.store.tables import fine_tuning_jobs, jobs

_CHECKPOINT = re.compile(r"(.+):ckpt-step-([1-9][0-9]{0,8})")
"""One name for each: with whom a checkpoint is shared is kept by its name."""


@dataclass(frozen=True)
class Asked:
    """A fine-tuning request. `model_name` is what the tuned model will be called."""

    job_id: str
    model: str
    """As the client named it."""
    model_name: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int
    method: dict[str, Any]
    """`type`, and under it the hyperparameters with every `auto` decided."""
    metadata: dict[str, str] | None
    result_file: str | None
    integrations: list[dict[str, Any]] | None = None
    """Where the metrics go besides, as in the contract."""


def asked(owner: str, job_id: str) -> tuple[Job, Asked] | None:
    """A job of the owner and what was asked for; None when there is none."""
    query = _joined(owner).where(jobs.c.id == job_id)
    with open_database().read() as connection:
        row = connection.execute(query).first()
    return _pair(row) if row else None


def asked_by_id(job_ids: Collection[str]) -> dict[str, Asked]:
    """What was asked for, of those of these jobs that a client, of any owner, asked for."""
    query = _joined(None).where(jobs.c.id.in_(job_ids))
    with open_database().read() as connection:
        return {row.id: _asked(row, row.id) for row in connection.execute(query)}


def list_asked(
    owner: str | None, *, after: Job | None = None, limit: int = 20, metadata: Mapping[str, str] | None = ANY_METADATA
) -> list[tuple[Job, Asked]]:
    """The owner's jobs (None: everybody's), newest first, behind `after`; only those whose metadata has these pairs, or (None)
    that have none."""
    query = _joined(owner).order_by(*ordered(jobs, True))
    if after is not None:
        query = query.where(behind(jobs, after.created_at, after.id, True))
    if metadata is None:
        query = query.where(fine_tuning_jobs.c.metadata.is_(None))
    wanted = (metadata or {}).items()
    if not wanted:
        query = query.limit(limit)
    with open_database().read() as connection:
        # Compared here: databases do not agree on paths into JSON, and SQLite's miss keys outside ASCII or fail on them.
        pairs = (_pair(row) for row in connection.execute(query))
        return list(islice((pair for pair in pairs if wanted <= (pair[1].metadata or {}).items()), limit))


def by_model_name(name: str, owner: str | None = None) -> tuple[Job, Asked] | None:
    """The job, of this owner (None: of any), whose tuned model has or will have this name.

    What is another's is not read, so that it takes as long to be refused as what is nobody's.
    """
    query = _joined(owner).where(fine_tuning_jobs.c.model_name == name)
    with open_database().read() as connection:
        row = connection.execute(query).first()
    return _pair(row) if row else None


def checkpoint_name(model_name: str, step: int) -> str:
    """What the model after `step` optimizer steps answers by."""
    return f"{model_name}:ckpt-step-{step}"


def split_checkpoint(name: str) -> tuple[str, int] | None:
    """The tuned model's name and the step, when `name` is a checkpoint's."""
    found = _CHECKPOINT.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def _joined(owner: str | None) -> Any:
    query = select(jobs, *(column for column in fine_tuning_jobs.c if column.name != "job_id")).join(
        fine_tuning_jobs, fine_tuning_jobs.c.job_id == jobs.c.id
    )
    return query if owner is None else query.where(jobs.c.owner == owner)


def _pair(row: Row[Any]) -> tuple[Job, Asked]:
    job = job_of(row)
    return job, _asked(row, job.id)


def _asked(row: Row[Any], job_id: str) -> Asked:
    names = [name for name in Asked.__dataclass_fields__ if name != "job_id"]
    return Asked(job_id=job_id, **{name: row._mapping[name] for name in names})
