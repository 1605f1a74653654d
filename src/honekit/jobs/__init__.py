"""Jobs: states, events, leases, worker processes. Knows nothing of what a job computes."""

from honekit.jobs.context import JobContext, Stopped
from honekit.jobs.queue import (
    add_event,
    checkpoints,
    create_job,
    events,
    fail,
    finish,
    forget_model,
    get_job,
    latest_events,
    list_jobs,
    request_stop,
    resume,
    transition,
)
from honekit.jobs.records import CHECKPOINTS, EPOCHS, MODEL, Checkpoint, Event, Job, Model, job_dir
from honekit.jobs.scheduler import Scheduler
from honekit.jobs.states import FINAL, JobError
from honekit.jobs.supervisor import run_job

__all__ = [
    "CHECKPOINTS",
    "EPOCHS",
    "FINAL",
    "MODEL",
    "Checkpoint",
    "Event",
    "Job",
    "JobContext",
    "JobError",
    "Model",
    "Scheduler",
    "Stopped",
    "add_event",
    "checkpoints",
    "create_job",
    "events",
    "fail",
    "finish",
    "forget_model",
    "get_job",
    "job_dir",
    "latest_events",
    "list_jobs",
    "request_stop",
    "resume",
    "run_job",
    "transition",
]
