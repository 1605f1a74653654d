"""The process in which a Python grader runs: it gives up the machine, step by step, before it runs a line of the grader.

Started by `honekit.graders.sandbox` as `python -I -S jail.py`; it uses the standard library alone. One JSON request comes
in on stdin. On stdout comes either {"refused": reason} (no isolation here, and nothing was run), or the line "isolated"
and then one JSON answer, {"reward"} or {"fault"}, of the grader's own. A step that fails ends it; there is no way round.

Three processes: this one stays outside and maps the user ids, its child enters the new namespaces, and the grandchild,
process 1 in there, runs the grader.
"""

from __future__ import annotations

import ast
import ctypes
import json
import linecache
import math
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
import traceback
from contextlib import suppress
from typing import Any, NoReturn

MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Audit code of the architecture (linux/audit.h), and its column in CALLS."""
CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "pwrite64": (18, 68),
    "open": (2, None), "openat": (257, 56), "close": (3, 57), "close_range": (436, 436), "lseek": (8, 62),
    "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78),
    "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "fcntl": (72, 25), "ioctl": (16, 29), "ftruncate": (77, 46), "fsync": (74, 82), "flock": (73, 32),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "umask": (95, 166), "utimensat": (280, 88),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "tgkill": (234, 131), "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "uname": (63, 160), "sysinfo": (99, 179),
    "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163), "prlimit64": (302, 261),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "restart_syscall": (219, 128), "getrandom": (318, 278),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""All that a grader may ask of the kernel: (x86_64, aarch64). No sockets, no processes, no memory outside the limit."""

INSIDE_UID = 1000
NOBODY = 65534
NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000  # user mount pid net ipc uts
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
PIVOT_ROOT = (155, 41)
READ_ONLY, NO_SUID, NO_DEVICES = 1, 2, 4
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
CAPABILITY_VERSION_3 = 0x20080522
EPERM = 1
MAX_DETAILS = 4000
BEHIND = 10
"""How much nicer than the server a grader is."""

libc = ctypes.CDLL(None, use_errno=True)


class NoIsolation(Exception):
    """A step of the isolation failed."""


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    answer = os.dup(1)
    try:
        machine = MACHINES.get(platform.machine())
        if machine is None or sys.platform != "linux":
            raise NoIsolation(f"there is no list of system calls for {sys.platform} on {platform.machine()}")
        signal.alarm(int(request["limits"]["wall_s"]) + 10)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        status = _outside(request, answer, machine)
    except (NoIsolation, OSError) as fault:
        _send(answer, {"refused": str(fault)[:MAX_DETAILS]})
        status = 0
    os._exit(status)


def _stand_back() -> None:
    """The server and its training come first when the processor is wanted by all."""
    os.nice(BEHIND)
    # A session shares the processor with others as a whole where the kernel groups them: its rank counts then (sched(7)).
    with suppress(OSError):
        _write("/proc/self/autogroup", str(BEHIND))


def _outside(request: dict[str, Any], answer: int, machine: tuple[int, int]) -> int:
    """Start the child, map its ids once it has its namespace, and wait for it."""
    _stand_back()
    unshared, mapped = os.pipe(), os.pipe()
    root = os.geteuid() == 0 and _is_mapped(NOBODY)
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.close(mapped[1])  # so that reading from the other end stops when this process's parent ends
        _guarded(answer, lambda: _middle(request, answer, machine, unshared[1], mapped[0], root))
    os.close(unshared[1])
    if os.read(unshared[0], 1):
        inner, outer = INSIDE_UID, (NOBODY if root else os.geteuid())
        _write(f"/proc/{child}/uid_map", f"{'0 0 1' if root else ''}\n{inner} {outer} 1\n".lstrip())
        if not root:
            _write(f"/proc/{child}/setgroups", "deny")
        outer = NOBODY if root else os.getegid()
        _write(f"/proc/{child}/gid_map", f"{'0 0 1' if root else ''}\n{inner} {outer} 1\n".lstrip())
        os.write(mapped[1], b"m")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _is_mapped(uid: int) -> bool:
    """Whether there is such a user here: not for the only user of a container, who may be called root."""
    with open("/proc/self/uid_map", encoding="ascii") as lines:
        ranges = [[int(number) for number in line.split()] for line in lines]
    return any(first <= uid < first + count for first, _, count in ranges)


def _middle(request: dict[str, Any], answer: int, machine: tuple[int, int], unshared: int, mapped: int, root: bool) -> None:
    if root and os.getgroups():
        os.setgroups([])
    _call("namespaces", libc.unshare(NEW_NAMESPACES))
    os.write(unshared, b"u")
    if not os.read(mapped, 1):
        raise NoIsolation("the user ids could not be mapped")
    child = os.fork()
    if child == 0:
        _guarded(answer, lambda: _inside(request, answer, machine, root))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _guarded(answer: int, work: Any) -> NoReturn:
    try:
        work()
    except (NoIsolation, OSError) as fault:
        _send(answer, {"refused": str(fault)[:MAX_DETAILS]})
    finally:
        os._exit(0)


def _inside(request: dict[str, Any], answer: int, machine: tuple[int, int], root: bool) -> None:
    """Process 1: give everything up, then run the grader."""
    _own_files(machine)
    if root:
        os.setresgid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
        os.setresuid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
    _call("no new privileges", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    _call("no capabilities", libc.capset(header, bytes(24)))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    nothing = os.open("/tmp/nothing", os.O_RDWR | os.O_CREAT)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.dup2(answer, 3)
    os.closerange(4, 1 << 16)
    os.environ.clear()
    _limit(request["limits"])
    _filter_calls(*machine)
    os.write(3, b"isolated\n")
    _send(3, _check(request) if request["check"] else _grade(request))


def _own_files(machine: tuple[int, int]) -> None:
    """A file tree of its own in memory: Python's standard library, the system's libraries, and an empty /tmp."""
    libraries = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
    links = {path: os.readlink(path) for path in libraries if os.path.islink(path)}
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *sys.path}
    wanted = {*libraries, f"{sys.base_prefix}/lib", f"{sys.base_exec_prefix}/lib", *standard} - set(links)
    found = sorted((path, os.path.realpath(path)) for path in wanted if os.path.isdir(path))
    _mount("", "/", "", MS_REC | MS_PRIVATE, "")
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,nr_inodes=500,mode=755")
    os.chdir("/tmp")
    os.mkdir("old")
    _call("a root of its own", libc.syscall(PIVOT_ROOT[machine[1]], b".", b"old"))
    os.chdir("/")
    for path, source in found:
        if not os.path.isdir(path):
            os.makedirs(path)
            _mount(f"/old{source}", path, "", MS_BIND | MS_REC, "")
            _set_attributes(path, READ_ONLY | NO_SUID | NO_DEVICES, AT_RECURSIVE)
    for path, target in links.items():
        if not os.path.lexists(path):
            os.symlink(target, path)
    for path in {f"{folder}/{packages}" for folder in standard for packages in ("site-packages", "dist-packages")}:
        if os.path.isdir(path):  # packages may be the user's own code
            _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=2,mode=755")
            _set_attributes(path, READ_ONLY, 0)
    _call("the old root", libc.umount2(b"/old", 2))
    os.rmdir("/old")
    os.mkdir("/tmp")
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64m,nr_inodes=4k,mode=1777")
    _set_attributes("/", READ_ONLY, 0)
    os.chdir("/tmp")


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    result = libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _call(f"mounting {target}", result)


def _set_attributes(path: str, attributes: int, flags: int) -> None:
    """mount_setattr (Linux 5.12): unlike a remount it reaches what is mounted below."""
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    _call(
        f"making {path} read-only",
        libc.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, wanted, ctypes.c_size_t(len(wanted))),
    )


def _limit(limits: dict[str, int]) -> None:
    """One process, so that the limits of a process are those of the grader."""
    for kind, value in (
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _filter_calls(audit: int, column: int) -> None:
    """A seccomp program that answers every call outside CALLS with EPERM."""
    numbers = [number for pair in CALLS.values() if (number := pair[column]) is not None]
    load, equal, answer = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, audit), (answer, 0, 0, 0x80000000), (load, 0, 0, 0)]
    program += [(equal, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    program += [(answer, 0, 0, 0x00050000 | EPERM), (answer, 0, 0, 0x7FFF0000)]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    _call("the filter of system calls", libc.prctl(PR_SET_SECCOMP, 2, head, 0, 0))


def _check(request: dict[str, Any]) -> dict[str, Any]:
    try:
        tree = ast.parse(request["source"], "grader.py")
        code = compile(tree, "grader.py", "exec")
    except Exception as fault:
        return {"fault": _details(fault)}
    if "grade" not in code.co_names:
        return {"fault": "the source defines no function grade(sample, item)"}
    if missing := _not_here(tree):
        return {"fault": f"it imports {', '.join(missing)}, and only Python's standard library is here"}
    return {"reward": 0.0}


def _not_here(tree: ast.Module) -> list[str]:
    """What the source cannot do without: imports that stand in a `try` or a function may have something in their place."""
    named = [alias.name for one in tree.body if isinstance(one, ast.Import) for alias in one.names]
    named += [one.module or "" for one in tree.body if isinstance(one, ast.ImportFrom)]
    roots = dict.fromkeys(name.partition(".")[0] for name in named)
    return [root for root in roots if root not in sys.stdlib_module_names]


def _grade(request: dict[str, Any]) -> dict[str, Any]:
    source = request["source"]
    linecache.cache["grader.py"] = (len(source), None, source.splitlines(True), "grader.py")
    try:
        names: dict[str, Any] = {"__name__": "grader"}
        exec(compile(source, "grader.py", "exec"), names)  # noqa: S102 - this is the place made for it
        if not callable(names.get("grade")):
            return {"fault": "the source defines no function grade(sample, item)"}
        reward = names["grade"](request["sample"], request["item"])
        if not isinstance(reward, int | float) or not math.isfinite(reward):
            return {"fault": f"grade returned {str(reward)[:200]!r}, which is no finite number", "unresponsive": True}
        return {"reward": float(reward)}
    except BaseException as fault:
        return {"fault": _details(fault)}


def _details(fault: BaseException) -> str:
    try:
        of_grader = fault.__traceback__ and fault.__traceback__.tb_next
        lines = traceback.format_exception(type(fault), fault, of_grader, limit=-8)
        # Where the interpreter lies is the server's own business.
        return "".join(lines).strip().replace(sysconfig.get_path("stdlib") + os.sep, "")[-MAX_DETAILS:]
    except Exception:  # a fault that cannot even be printed
        return type(fault).__name__[:200]


def _send(answer: int, content: dict[str, Any]) -> None:
    left = json.dumps(content).encode()
    while left:
        left = left[os.write(answer, left) :]


def _call(step: str, result: int) -> None:
    if result != 0:
        raise NoIsolation(f"{step}: {os.strerror(ctypes.get_errno())}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
