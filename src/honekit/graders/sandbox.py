"""Python graders: somebody else's code, run where it can reach neither the network nor a file of the user.

Isolation is the kernel's (namespaces, a filter of system calls, resource limits; see `honekit.graders.jail`), never
Python's. Where it cannot be had, nothing runs. The limits are those of OpenAI's hosted graders where they are published.
"""

from __future__ import annotations

import functools
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from honekit import settings
from honekit.errors import GraderError

MAX_SOURCE_BYTES = 256_000
MAX_ANSWER_BYTES = 64_000
ISOLATED = b"isolated\n"
"""What the jail writes before it runs the grader."""
_SIGNALS = {known.value: known.name for known in signal.Signals}
JAIL = Path(__file__).with_name("jail.py")


@dataclass(frozen=True)
class Limits:
    """What one run may use. Beside these: one process, one thread, 64 open files."""

    wall_s: float = 120
    cpu_s: int = 120
    memory_bytes: int = 2_000_000_000
    file_bytes: int = 64_000_000


@dataclass(frozen=True)
class Ran:
    """How a run ended: with a reward, or with a fault of the grader's own code.

    unresponsive: it ended (or was stopped) without a finite number.
    """

    reward: float | None
    fault: str | None = None
    unresponsive: bool = False


class SandboxFailed(Exception):
    """The run was isolated but ended without an answer, for a reason that is not the grader's code."""


def require() -> None:
    """Make sure that Python graders are allowed and isolated here.

    Raises: GraderError[graders.python_not_allowed | graders.no_isolation].
    """
    if not settings.python_graders_allowed():
        raise GraderError(
            "graders.python_not_allowed",
            what="Python graders run code from requests, and this installation does not allow them",
            mend="an administrator can set HONE_PYTHON_GRADERS=1",
        )
    probe()


@functools.cache  # keeps a success only: a refusal is an exception, and the next call tries anew
def probe() -> None:
    """Try on this machine whether isolation holds, by a grader that looks for ways out.

    Raises: GraderError[graders.no_isolation] with the step that failed or the way out that was found.
    """
    with tempfile.NamedTemporaryFile() as secret:
        # The home itself may be there, empty but for the interpreter's own library.
        of_home = [str(path) for path in islice(Path.home().iterdir(), 1000) if path.is_file()]
        paths = [secret.name, str(settings.home()), *of_home, "/proc/self", "/etc/passwd", "/dev"]
        ran = _run(_PROBE, {}, {"paths": paths}, Limits(wall_s=20, cpu_s=10), check=False)
    if ran.reward != 1:
        raise _no_isolation(f"the probe found a way out: {ran.fault}")


def run_python(source: str, sample: Mapping[str, Any], item: Mapping[str, Any], limits: Limits | None = None) -> Ran:
    """Run `grade(sample, item)` of a source, isolated; blocks for at most `limits.wall_s`.

    Raises: GraderError[graders.python_not_allowed | graders.no_isolation | graders.source_too_long], SandboxFailed.
    """
    require()
    _check_length(source)
    return _run(source, sample, item, limits or Limits(), check=False)


def check_source(source: str) -> str | None:
    """What keeps a source from being a grader (it does not compile, it has no `grade`), or None.

    Compiling is isolated too: a source can be made to bring the compiler down. Raises as `run_python`.
    """
    require()
    _check_length(source)
    return _run(source, {}, {}, Limits(wall_s=20, cpu_s=10), check=True).fault


_PROBE = """
import os, socket
def grade(sample, item):
    found = [path for path in item["paths"] if os.path.exists(path)]
    assert not found, f"{found[0]} can be seen"
    assert os.getpid() == 1, "other processes can be seen"
    for what, attempt in {
        "a socket": lambda: socket.socket(),
        "a process": os.fork,
        "a root of its own choice": lambda: os.chroot("/tmp"),
        "another user": lambda: os.setuid(0),
        "a file outside /tmp": lambda: open("/usr/lib/x", "w"),
    }.items():
        try:
            attempt()
        except OSError:
            continue
        raise AssertionError(f"{what} can be had")
    assert os.environ == {}, "the environment can be seen"
    return 1
"""


def _run(source: str, sample: Mapping[str, Any], item: Mapping[str, Any], limits: Limits, *, check: bool) -> Ran:
    if sys.platform != "linux":
        raise _no_isolation("Python graders need Linux")
    asked = asdict(limits) | {"wall_s": int(limits.wall_s) + 1}
    request = {"source": source, "sample": dict(sample), "item": dict(item), "limits": asked, "check": check}
    # The base interpreter, without site: a virtual environment's packages are not for graders.
    interpreter = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    started = time.monotonic()
    with subprocess.Popen(
        [interpreter, "-I", "-S", "-B", str(JAIL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    ) as process:
        try:
            raw, late = _exchange(process, json.dumps(request).encode(), started + limits.wall_s)
        finally:
            _kill(process)
    if late:
        return Ran(None, f"stopped at the limit: {limits.wall_s:.3g} seconds were left", unresponsive=True)
    return _read_answer(raw, process.returncode)


def _exchange(process: subprocess.Popen[bytes], request: bytes, deadline: float) -> tuple[bytes, bool]:
    """(what was answered, whether the deadline came first)"""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(request)
        process.stdin.close()
    except BrokenPipeError:
        return b"", False
    answer = b""
    waiting = select.poll()  # select itself fails where the server has a thousand files open
    waiting.register(process.stdout, select.POLLIN)
    while len(answer) <= MAX_ANSWER_BYTES:
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return answer, True
        part = os.read(process.stdout.fileno(), MAX_ANSWER_BYTES)
        if not part:
            process.wait()
            break
        answer += part
    return answer, False


def _kill(process: subprocess.Popen[bytes]) -> None:
    # Even when the first process has ended: its group lives as long as one of its children.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _read_answer(raw: bytes, code: int) -> Ran:
    """Before the mark the answer is the jail's own; after it the grader had the pipe, and may have written anything."""
    isolated, mark, answer = raw.partition(ISOLATED)
    if not mark:
        try:
            raise _no_isolation(str(json.loads(isolated)["refused"]))
        except (ValueError, TypeError, KeyError) as fault:
            raise SandboxFailed(f"the isolated process ended with {code} before it ran the grader") from fault
    if answer:
        try:
            found = json.loads(answer)
            if "fault" in found:
                text = str(found["fault"]).encode(errors="replace").decode()  # may hold halves of surrogate pairs
                return Ran(None, text, bool(found.get("unresponsive")))
            reward = float(found["reward"])
            if math.isfinite(reward):
                return Ran(reward)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            pass
        return Ran(None, "the grader wrote something else than its result", unresponsive=True)
    cause = _SIGNALS.get(code - 128)
    if cause is not None:
        return Ran(None, f"stopped by {cause}: over the limit of processor time or memory, or a crash", unresponsive=True)
    return Ran(None, "the grader ended its process instead of returning a number", unresponsive=True)


def _check_length(source: str) -> None:
    size = len(source.encode(errors="surrogatepass"))
    if size > MAX_SOURCE_BYTES:
        raise GraderError(
            "graders.source_too_long",
            what=f"the source has {size} bytes; a grader may have {MAX_SOURCE_BYTES}",
            where="source",
            mend="make the source shorter",
        )


def _no_isolation(reason: str) -> GraderError:
    return GraderError(
        "graders.no_isolation",
        what=f"Python graders cannot be isolated on this machine ({reason}), so they are refused",
        mend="use Linux 5.12 or newer with user namespaces allowed (a container may need them switched on), or another grader",
    )
