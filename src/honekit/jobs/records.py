"""What the job tables hold, as values: `Job`, `Event`, `Checkpoint`, `Lease`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Row

from honekit import settings
from honekit.jobs.states import FINAL, Status, StopRequest

Level = Literal["info", "warn", "error"]
EventType = Literal["message", "metrics"]

CHECKPOINTS, EPOCHS, MODEL = "checkpoints", "epochs", "model"
"""Where a job keeps weights in its folder: of single steps, to go on from and to be asked, and what it made."""


@dataclass(frozen=True)
class Job:
    id: str
    owner: str
    """Project of the API key that made it; `default` for the command line."""
    kind: str
    """Name in `jobs.kinds`: which function runs it."""
    status: Status
    spec: dict[str, Any]
    """All that the function needs, as JSON."""
    key: str | None
    """Content or idempotency key: one wanted job per kind and key."""
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    """The fields of a HoneError, once failed."""
    created_at: float
    started_at: float | None
    finished_at: float | None
    attempt: int
    """1 at first; one more each time that a worker died."""
    stop_requested: StopRequest | None
    progress: dict[str, Any]

    @property
    def final(self) -> bool:
        return self.status in FINAL

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Event:
    id: str
    job_id: str
    seq: int
    """1, 2, 3 ... within the job; readers ask for what came after the last one they saw."""
    created_at: float
    """Never lower than that of the event before."""
    level: Level
    type: EventType
    message: str
    data: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**vars(self)}


@dataclass(frozen=True)
class Model:
    """A model on disk that can be asked, such as the adapter of an epoch."""

    path: Path
    fingerprint: str


@dataclass(frozen=True)
class Checkpoint:
    id: str
    job_id: str
    step: int
    """Optimizer steps done when it was written."""
    path: Path
    metrics: dict[str, Any]
    model: Model | None
    created_at: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "path": str(self.path), "model": str(self.model.path) if self.model else None}


@dataclass(frozen=True)
class Lease:
    """The right to work on a job until `expires_at`, and the fencing token that each write has to show."""

    job_id: str
    token: int
    worker_id: str
    expires_at: float


_JOB_FIELDS = tuple(Job.__dataclass_fields__)
_EVENT_FIELDS = tuple(Event.__dataclass_fields__)


def job_of(row: Row[Any]) -> Job:
    return Job(**{name: row._mapping[name] for name in _JOB_FIELDS})


def event_of(row: Row[Any]) -> Event:
    return Event(**{name: row._mapping[name] for name in _EVENT_FIELDS})


def checkpoint_of(row: Row[Any]) -> Checkpoint:
    model = Model(Path(row.model_path), row.model_fingerprint) if row.model_path else None
    return Checkpoint(row.id, row.job_id, row.step, Path(row.path), row.metrics, model, row.created_at)


def job_dir(job_id: str) -> Path:
    """The job's own folder in the data directory (mode 0700): checkpoints, `worker.log`."""
    path = settings.home() / "jobs" / job_id
    for folder in (path.parent, path):  # `parents=True` would give the upper one the usual rights
        folder.mkdir(exist_ok=True, mode=0o700)
    return path
