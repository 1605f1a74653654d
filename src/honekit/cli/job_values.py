"""This machine's own jobs as the API has them, those of `hone run` too, so that a command prints one JSON wherever jobs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honekit import registry
from honekit.api.openai.job_shapes import checkpoint_objects, event_object, job_object
from honekit.fine_tuning import Asked
from honekit.fine_tuning.hyperparameters import RATES
from honekit.fine_tuning.records import asked_by_id
from honekit.jobs import Event, Job


def job_values(found: Sequence[Job]) -> list[dict[str, Any]]:
    """The API's job objects."""
    asked = asked_by_id([job.id for job in found])
    others = [job for job in found if job.id not in asked]
    names = {version.job_id: version.name for version in registry.list_versions()} if others else {}
    asked |= {job.id: _as_asked(job, names.get(job.id, "")) for job in others}
    values = [job_object(job, asked[job.id]).model_dump(mode="json") for job in found]
    return [{**one, "fine_tuned_model": one["fine_tuned_model"] or None} for one in values]


def event_values(event: Event) -> dict[str, Any]:
    """The API's event object."""
    return event_object(event).model_dump(mode="json")


def checkpoint_values(job: Job) -> list[dict[str, Any]]:
    """The API's checkpoint objects, newest first: what a client made a job for has some, others keep only what a resume needs."""
    asked = asked_by_id([job.id]).get(job.id)
    return [one.model_dump(mode="json") for one in checkpoint_objects(job, asked)] if asked else []


def _as_asked(job: Job, model_name: str) -> Asked:
    """A job that no client asked for, as if one had: its files are paths, and of a self-test there is only the kind."""
    recipe = job.spec.get("recipe")
    if recipe is None:
        method = {"type": job.kind, job.kind: {"hyperparameters": {}}}
        return Asked(job.id, "", model_name, "", None, None, 0, method, None, None)
    objective = recipe["objective"]
    numbers = {
        "n_epochs": recipe["epochs"],
        "batch_size": recipe["batch_size"],
        "learning_rate_multiplier": recipe["learning_rate"] / RATES[objective],
    }
    if objective == "dpo":
        numbers["beta"] = recipe["beta"]
    return Asked(
        job_id=job.id,
        model=job.spec["base"],
        model_name=model_name,
        training_file=job.spec["training_file"],
        validation_file=job.spec["validation_file"],
        suffix=job.spec["project"],
        seed=recipe["seed"],
        method={"type": objective, objective: {"hyperparameters": numbers}},
        metadata=None,
        result_file=None,
    )
