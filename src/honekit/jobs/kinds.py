"""Which function runs which kind of job. The names are fixed here: nothing that a user sends becomes code."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from honekit.jobs.states import JobError

if TYPE_CHECKING:
    from honekit.jobs.context import JobContext

KINDS: dict[str, str] = {
    "train": "honekit.train.run:run_job",
    "fine_tuning": "honekit.fine_tuning.run:run_job",
    "selftest": "honekit.jobs.selftest:run_job",
}


def check_kind(kind: str) -> None:
    """Raises: JobError[job.unknown_kind]."""
    if kind not in KINDS:
        raise JobError(
            "job.unknown_kind",
            what=f"there is no job of kind {kind[:80]!r}",
            mend=f"use one of: {', '.join(sorted(KINDS))}",
        )


def load_kind(kind: str) -> Callable[[JobContext], dict[str, Any]]:
    """Import the function of a kind. Raises: JobError[job.unknown_kind]."""
    check_kind(kind)
    module, function = KINDS[kind].split(":")
    return cast("Callable[[JobContext], dict[str, Any]]", getattr(importlib.import_module(module), function))
