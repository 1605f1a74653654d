"""A job, its events and its checkpoints as the contract has them, for the routes and for commands without a server."""

from __future__ import annotations

import time

from honekit import fine_tuning, jobs
from honekit.api.openai.fine_tuning_schema import CheckpointObject, EventObject, Integration, JobObject
from honekit.api.openai.job_faults import job_fault
from honekit.fine_tuning import Asked
from honekit.jobs import Event, Job
from honekit.registry.versions import ORGANIZATION

_PRIVATE = frozenset({"path", "where"})
"""Keys of an event's data that name files of the server."""


def job_object(job: Job, asked: Asked) -> JobObject:
    """The job as the contract has it; internals (paths, leases) stay inside."""
    done = job.status == "succeeded"
    result = job.result or {}
    kind = asked.method["type"]
    return JobObject(
        id=job.id,
        created_at=int(job.created_at),
        error=job_fault(job),
        fine_tuned_model=asked.model_name if done else None,
        finished_at=int(job.finished_at) if job.finished_at else None,
        hyperparameters=asked.method[kind]["hyperparameters"],
        model=asked.model,
        organization_id=ORGANIZATION,
        result_files=[asked.result_file] if done and asked.result_file else [],
        status=job.status,
        trained_tokens=result.get("trained_tokens") if done else None,
        training_file=asked.training_file,
        validation_file=asked.validation_file,
        seed=asked.seed,
        estimated_finish=_estimated_finish(job),
        method=asked.method,
        metadata=asked.metadata,
        integrations=[Integration.model_validate(one) for one in asked.integrations or ()],
    )


def _estimated_finish(job: Job) -> int | None:
    """Of a running job that has shown how fast it is; what takes longer than was thought is not over before now."""
    finish_at = job.progress.get("finish_at") if job.status == "running" else None
    return None if finish_at is None else int(max(finish_at, time.time()))


def checkpoint_objects(job: Job, asked: Asked) -> list[CheckpointObject]:
    """Of a job's checkpoints those that can be asked, newest first, as the contract has them."""
    return [
        CheckpointObject(
            id=one.id,
            created_at=int(one.created_at),
            fine_tuning_job_id=job.id,
            fine_tuned_model_checkpoint=fine_tuning.checkpoint_name(asked.model_name, one.step),
            step_number=one.step,
            metrics=one.metrics,
        )
        for one in jobs.checkpoints(job.id)
        if one.model
    ]


def event_object(event: Event) -> EventObject:
    """The event as the contract has it, without files of the server."""
    data = {name: value for name, value in (event.data or {}).items() if name not in _PRIVATE}
    return EventObject(
        id=event.id,
        created_at=int(event.created_at),
        level=event.level,
        message=_message(event),
        type=event.type,
        data=data,
    )


def _message(event: Event) -> str:
    """A step with its loss in words, as the hosted service has it: programs print it, and some read it."""
    data = event.data or {}
    loss, steps = data.get("train_loss"), data.get("total_steps")
    if event.type != "metrics" or loss is None or steps is None:
        return event.message
    return f"Step {data['step']}/{steps}: training loss={loss:.2f}"
