"""Queue a training job for two JSONL files and a recipe. Loads neither torch nor the base."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from honekit import jobs
from honekit.jobs import Job
from honekit.models.fingerprint import fingerprint_adapter
from honekit.project import TrainSection
from honekit.store import blobs
from honekit.train.recipe import TrainSpec


def training_job(
    training: Path,
    validation: Path | None,
    recipe: TrainSection,
    *,
    project: str,
    base_fingerprint: str,
    start_from: Path | None = None,
    grader: dict[str, Any] | None = None,
    judges: dict[str, str | None] | None = None,
) -> Job:
    """The job for exactly this data, recipe, base and start; one that exists already is returned instead of a second one.

    The files are copied into the blob store first, so that editing them later does not change a running job. `start_from`
    is the directory of a LoRA adapter of that base to go on from; it has to stay where it is until the job is done.
    `grader` is what a reinforcement job has its answers rated by (`honekit.graders.schema`, as JSON), `judges` are the models
    that it asks: the directory of an adapter of that base, or None for the base itself.
    Raises: ModelError[model.incomplete] when it holds no adapter.
    """
    training_sha = blobs.put_file(training)
    validation_sha = blobs.put_file(validation) if validation else None
    spec = TrainSpec(
        training_file=str(blobs.path_of(training_sha)),
        training_sha256=training_sha,
        validation_file=str(blobs.path_of(validation_sha)) if validation_sha else None,
        validation_sha256=validation_sha,
        base=recipe.base,
        project=project,
        recipe=recipe,
        start_from=str(start_from.resolve()) if start_from else None,
        start_fingerprint=fingerprint_adapter(start_from) if start_from else None,
        grader=grader,
        judges=judges,
    )
    identity = {**spec.identity(), "base_fingerprint": base_fingerprint}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return jobs.create_job("train", spec.as_dict(), key=key)
