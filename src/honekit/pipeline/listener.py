"""Who is told how a run goes, and the lock that keeps two of them apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from honekit.errors import SettingsError
from honekit.project import Project


class Listener(Protocol):
    """Who is told how the run goes: the terminal, or nobody."""

    def stage(self, title: str, details: list[str]) -> None: ...
    def progress(self, title: str, done: int, total: int, note: str = "") -> None: ...
    def message(self, level: str, text: str) -> None: ...


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """No other run at work on this project. Raises: SettingsError[run.already_running]."""
    from filelock import FileLock, Timeout

    project.state_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(project.state_dir / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as fault:
        raise SettingsError(
            "run.already_running",
            what="another `hone run` is at work on this project",
            where=str(project.root),
            mend="wait for it to end, or stop it and run this command again: it goes on where that one stopped",
        ) from fault
    try:
        yield
    finally:
        lock.release()
