"""Jobs: states, events, leases, worker processes. Knows nothing of what a job computes."""

from honekit.jobs.context import JobContext, Stopped
from honekit.jobs.queue import (
    add_event,
    checkpoints,
    create_job,
    events,
    fail,
    finish,
    get_job,
    list_jobs,
    request_stop,
    resume,
    transition,
)
from honekit.jobs.records import Checkpoint, Event, Job, job_dir
from honekit.jobs.states import FINAL, JobError
from honekit.jobs.supervisor import run_job

__all__ = [
    "FINAL",
    "Checkpoint",
    "Event",
    "Job",
    "JobContext",
    "JobError",
    "Stopped",
    "add_event",
    "checkpoints",
    "create_job",
    "events",
    "fail",
    "finish",
    "get_job",
    "job_dir",
    "list_jobs",
    "request_stop",
    "resume",
    "run_job",
    "transition",
]
