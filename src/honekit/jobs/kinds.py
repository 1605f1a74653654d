"""Which function runs which kind of job. The names are fixed here: nothing that a user sends becomes code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, cast

from honekit import runtime
from honekit.jobs.states import JobError

if TYPE_CHECKING:
    from honekit.jobs.context import JobContext

KINDS: dict[str, str] = {
    "train": "honekit.train.run:run_job",
    "fine_tuning": "honekit.fine_tuning.run:run_job",
    "selftest": "honekit.jobs.selftest:run_job",
}

SURROUNDINGS: dict[str, str] = {
    "train": "honekit.train.warm:surroundings",
    "fine_tuning": "honekit.train.warm:surroundings",
}
"""What a worker process that does several jobs puts around each one of the kind, so that the next finds a fresh process."""


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
    return cast("Callable[[JobContext], dict[str, Any]]", _imported(KINDS[kind]))


def import_kind(kind: str) -> None:
    """Import now what a job of the kind would import first. Raises: JobError[job.unknown_kind]."""
    load_kind(kind)
    surroundings_of(kind)


def surroundings_of(kind: str) -> AbstractContextManager[None]:
    """What goes around one job of several in a process; nothing for kinds that leave no traces."""
    if kind not in SURROUNDINGS:
        return nullcontext()
    return cast("AbstractContextManager[None]", _imported(SURROUNDINGS[kind])())


def _imported(name: str) -> Any:
    module, function = name.split(":")
    if module not in sys.modules:
        with runtime.importing():
            importlib.import_module(module)
    return getattr(sys.modules[module], function)
