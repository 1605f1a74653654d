"""The states of a job and the one table of what may follow what. Names are OpenAI's, with its `paused`."""

from __future__ import annotations

from typing import Literal

from honekit.errors import HoneError

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
StopRequest = Literal["cancel", "pause"]

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "validating_files": frozenset({"queued", "failed", "cancelled"}),
    "queued": frozenset({"running", "paused", "failed", "cancelled"}),
    # Back to queued: the worker was interrupted, or died and left its last checkpoint.
    "running": frozenset({"queued", "paused", "succeeded", "failed", "cancelled"}),
    "paused": frozenset({"queued", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
FINAL: frozenset[Status] = frozenset(state for state, following in TRANSITIONS.items() if not following)


class JobError(HoneError):
    """A job is unknown, in a state that does not allow what was asked, or lost to another worker."""


def check_transition(job_id: str, current: Status, to: Status) -> None:
    """Raises: JobError[job.illegal_transition] unless the table has this step."""
    if to in TRANSITIONS[current]:
        return
    allowed = ", ".join(sorted(TRANSITIONS[current]))
    final = f"a job that is {current} does not change any more; start a new one"
    raise JobError(
        "job.illegal_transition",
        what=f"a job that is {current} cannot become {to}",
        where=job_id,
        mend=f"from {current} it can become: {allowed}" if allowed else final,
    )
