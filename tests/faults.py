"""Faults on purpose, for tests only: a shim around the file layer and the database's transactions.

A boundary is a moment between two effects on the disk: before and after a rename, a sync, an opening for writing, a removal,
a saved tensor file, a committed transaction. Only paths below the given folder count. In SQLite itself nothing is patched:
its own files are cut by `tests/reliability/test_wal.py`.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from honekit.store import database
from honekit.store.database import Database

Act = Callable[[], None]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_truncate = os.truncate


class Crash(BaseException):
    """The process is gone. Whatever still runs after it is refused every effect."""


class Boundaries:
    """Counts the boundaries that are crossed; at number `at` (from 1) it calls `act`."""

    def __init__(self, root: Path, at: int | None = None, act: Act | None = None) -> None:
        self.root, self.at, self.act = root, at, act
        self.crossed: list[str] = []
        self.unsynced: set[int] = set()
        """Inodes of files that were written and not forced to the disk since."""
        self._dead = False

    def cross(self, name: str) -> None:
        if self._dead:
            raise Crash
        self.crossed.append(name)
        if len(self.crossed) == self.at and self.act:
            try:
                self.act()
            except Crash:
                self._dead = True
                raise

    def below(self, path: Any) -> bool:
        if isinstance(path, int):
            try:
                path = os.readlink(f"/proc/self/fd/{path}")
            except OSError:
                return True
        return os.path.abspath(os.fspath(path)).startswith(str(self.root))

    def written(self, path: Any) -> None:
        with suppress(OSError):
            self.unsynced.add(os.stat(path).st_ino)

    def tear(self, draw: random.Random) -> int:
        """A power cut: cut the files that were not synced at a random byte. Returns how many."""
        torn = 0
        for file in self.root.rglob("*"):
            if file.is_file() and file.stat().st_ino in self.unsynced:
                _truncate(file, draw.randrange(file.stat().st_size + 1))
                torn += 1
        return torn


@contextmanager
def watching(boundaries: Boundaries) -> Iterator[Boundaries]:
    """Inside the block the process's file layer crosses `boundaries`."""
    from safetensors import torch as safetensors_torch

    cross, below = boundaries.cross, boundaries.below
    patch = pytest.MonkeyPatch()

    def around(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if "dir_fd" not in kwargs and not below(args[0]):
                return real(*args, **kwargs)
            cross(f"before {name}")
            made = real(*args, **kwargs)
            cross(f"after {name}")
            return made

        return wrapped

    def fsync(descriptor: int) -> None:
        if not below(descriptor):
            return real_fsync(descriptor)
        cross("before fsync")
        real_fsync(descriptor)
        boundaries.unsynced.discard(os.fstat(descriptor).st_ino)
        return cross("after fsync")

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        writing = any(letter in mode for letter in "wax+") and not isinstance(file, int) and below(file)
        if writing:
            cross("before open")
        made = real_open(file, mode, *args, **kwargs)
        if writing:
            boundaries.written(file)
        return made

    def os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & _WRITING and below(path):
            cross("before os.open")
        return real_os_open(path, flags, *args, **kwargs)

    def save_file(tensors: Any, path: Any, *args: Any, **kwargs: Any) -> None:
        cross("before save_file")
        real_save(tensors, path, *args, **kwargs)
        boundaries.written(path)
        cross("after save_file")

    @contextmanager
    def write(self: Database, **options: Any) -> Iterator[Any]:
        cross("before transaction")
        with real_write(self, **options) as connection:
            yield connection
        cross("after commit")

    real_fsync, real_open, real_os_open, real_save, real_write = (
        os.fsync, builtins.open, os.open, safetensors_torch.save_file, Database.write
    )  # fmt: skip
    for name in ("replace", "rename", "mkdir", "unlink", "rmdir", "truncate"):
        patch.setattr(os, name, around(name, getattr(os, name)))
    patch.setattr(os, "fsync", fsync)
    patch.setattr(os, "open", os_open)
    patch.setattr(builtins, "open", opened)
    patch.setattr(io, "open", opened)
    patch.setattr(safetensors_torch, "save_file", save_file)
    patch.setattr(Database, "write", write)
    try:
        yield boundaries
    finally:
        patch.undo()


def crash() -> NoReturn:
    raise Crash


def kill() -> None:
    """`kill -9` of this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """The process does nothing more until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def refuse(number: int) -> Act:
    """The operating system says no, once."""

    def act() -> None:
        raise OSError(number, os.strerror(number))

    return act


def jump(seconds: float) -> Act:
    """The clock is set to another time, for good."""

    def act() -> None:
        real = time.time
        time.time = lambda: real() + seconds

    return act


REFUSALS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EMFILE": errno.EMFILE}


def forked(work: Callable[[], int]) -> int:
    """Run `work` in a process that begins as a copy of this one, everything imported; returns its id.

    A worker starts like this in no time, where a new interpreter would import for seconds.
    """
    for opened in list(database._open.values()):
        opened.engine.dispose()  # a connection must not be shared across a fork
    database._open.clear()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


GUARD_S = 300.0
"""No process of a test works this long; one that does hangs."""


def ended(pid: int, options: int = 0, meanwhile: Act | None = None) -> int:
    """Wait for a process; its exit code, or minus the signal that ended it. One that hangs prints where, and is ended.

    `options`: os.WUNTRACED also returns for a process that was stopped: minus SIGSTOP. `meanwhile` is called again and again.
    """
    deadline = time.monotonic() + GUARD_S
    while True:
        found, status = os.waitpid(pid, options | os.WNOHANG)
        if found:
            return -os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGABRT)  # pytest's faulthandler prints the stacks of all threads
            os.waitpid(pid, 0)
            raise AssertionError(f"process {pid} hung for {GUARD_S:.0f} s; its stacks are on stderr")
        if meanwhile:
            meanwhile()
        time.sleep(0.01)


def scratch(prefix: str) -> Path:
    """A folder for one trial of many."""
    return Path(tempfile.mkdtemp(prefix=prefix))
