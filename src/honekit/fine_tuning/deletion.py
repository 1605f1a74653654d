"""Deleting a tuned model with the models of its epochs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from honekit import jobs
from honekit.errors import RegistryError
from honekit.fine_tuning.records import by_model_name
from honekit.jobs.states import FINAL, TRANSITIONS
from honekit.registry import delete_version, get_version


def delete_model(name: str) -> list[Path]:
    """Forget a tuned model and remove its adapters from the disk; returns where they were.

    Raises: RegistryError[registry.unknown_version | registry.in_use].
    """
    found = by_model_name(name)
    saved = [one for one in jobs.checkpoints(found[0].id) if one.model] if found else []
    removed = [get_version(name).adapter_path, *(one.model.path for one in saved if one.model)]
    _require_unused(name, removed)
    delete_version(name)
    for one in saved:
        jobs.forget_model(one.job_id, one.step)
    for path in removed[1:]:
        shutil.rmtree(path, ignore_errors=True)
    return removed


def _require_unused(name: str, adapters: Sequence[Path]) -> None:
    """Raises: RegistryError[registry.in_use] while a job that is not over starts from one of them, or asks one as a judge."""
    own = {str(path.resolve()) for path in adapters}
    for job in jobs.list_jobs(kind="fine_tuning", status=TRANSITIONS.keys() - FINAL, limit=100_000):
        if own & {job.spec.get("start_from"), *(job.spec.get("judges") or {}).values()}:
            raise RegistryError(
                "registry.in_use",
                what="a job that is not over yet goes on from this model, or has it as a judge",
                where=name,
                mend="wait for the end of that job, or cancel it",
            )
