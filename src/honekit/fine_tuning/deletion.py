"""Deleting a tuned model with the models of its epochs."""

from __future__ import annotations

import shutil
from pathlib import Path

from honekit import jobs
from honekit.fine_tuning.records import by_model_name
from honekit.registry import delete_version


def delete_model(name: str) -> list[Path]:
    """Forget a tuned model and remove its adapters from the disk; returns where they were.

    Raises: RegistryError[registry.unknown_version | registry.in_use].
    """
    found = by_model_name(name)
    version = delete_version(name)
    removed = [version.adapter_path]
    for saved in jobs.checkpoints(found[0].id) if found else []:
        if saved.model:
            jobs.forget_model(saved.job_id, saved.step)
            shutil.rmtree(saved.model.path, ignore_errors=True)
            removed.append(saved.model.path)
    return removed
