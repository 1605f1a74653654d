"""Limits that the kernel itself sets, on a process of a test. `Unavailable` says why one cannot be had: most need no root, a
control group does unless one is delegated."""

from __future__ import annotations

import ctypes
import os
import resource
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults import ended, forked

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_NO_SUID, _NO_DEVICES, _RECURSIVE, _PRIVATE = 0x2, 0x4, 0x4000, 0x40000
_BLOCK = 4096


class Unavailable(Exception):
    """This machine does not allow it."""


def mount_small_disk(folder: Path, size: int) -> None:
    """An empty disk of `size` bytes at `folder`, which only this process and those that it forks see (user_namespaces(7)).

    The process must have one thread. Raises: Unavailable.
    """
    if sys.platform != "linux":
        raise Unavailable("namespaces are Linux's")
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)

    def require(code: int, what: str) -> None:
        if code:
            raise Unavailable(f"{what}: {os.strerror(ctypes.get_errno())}")

    require(libc.unshare(_NEW_USER | _NEW_MOUNTS), "no namespace of one's own")
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as fault:
        raise Unavailable(f"no user of one's own: {fault.strerror}") from fault
    require(libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None), "mounts cannot be kept to oneself")
    options = f"size={size}".encode()
    require(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _NO_SUID | _NO_DEVICES, options), "no disk in memory")


def fill(file: Path, spare: int = 0) -> None:
    """Write to a file until its disk has not one block left, or only so many bytes."""
    with open(file, "wb", buffering=0) as opened:
        with suppress(OSError):
            while True:
                opened.write(bytes(_BLOCK))
        opened.truncate(opened.tell() - spare)


def no_more_descriptors() -> None:
    """From now on nothing more can be opened by this process: EMFILE."""
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def no_longer_files() -> None:
    """From now on no file grows beyond a block by a write of this process: EFBIG (Python ignores SIGXFSZ)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_BLOCK, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def no_more_memory() -> None:
    """From now on the kernel gives this process no more memory: ENOMEM."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """A control group of at most `limit` bytes of memory: a process in it that wants more is ended by the kernel's
    out-of-memory killer. Raises: Unavailable."""
    group = _own_memory_group() / f"test-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        group.mkdir()
    except OSError as fault:
        raise Unavailable(f"no control group of one's own: {fault.strerror}") from fault
    try:
        limits = [name for name in ("memory.limit_in_bytes", "memory.max") if (group / name).exists()]
        if not limits:
            raise Unavailable("the memory controller is not given to one's own control group")
        (group / limits[0]).write_text(str(limit))
        yield group
    finally:
        group.rmdir()


def _own_memory_group() -> Path:
    """Of this process, in version 1 of cgroups(7) or, where memory is not there, in version 2."""
    try:
        mine = [line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError as fault:
        raise Unavailable("control groups are Linux's") from fault
    for controller, root in (("memory", Path("/sys/fs/cgroup/memory")), ("", Path("/sys/fs/cgroup"))):
        for controllers, path in mine:
            if controller in controllers.split(",") and (root / path.lstrip("/")).is_dir():
                return root / path.lstrip("/")
    raise Unavailable("no control group is mounted")


def enter(group: Path) -> None:
    """This process goes into a control group. What it holds already is not counted there."""
    (group / "cgroup.procs").write_text(str(os.getpid()))


def unavailable(attempt: Callable[[], None]) -> str | None:
    """Why this cannot be done here, found out by a process that tries it; None when it can."""
    reader, writer = os.pipe()

    def work() -> int:
        try:
            attempt()
        except Unavailable as reason:
            os.write(writer, str(reason).encode())
            return 1
        return 0

    code = ended(forked(work))
    os.close(writer)
    with open(reader, "rb") as said:
        return said.read().decode() if code else None
