"""What a process asks the kernel about files, by strace, which traces one's own programs without root."""

from __future__ import annotations

import codecs
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PREFIX = ["strace", "--follow-forks", "--seccomp-bpf", "--quiet=all", "--string-limit=4096", "--timestamps=unix,us"]
_CALL = re.compile(r"^(?:\d+\s+)?(?P<at>\d+\.\d+) (?P<call>\w+)\((?P<arguments>.*)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


def unavailable(folder: Path) -> str | None:
    """Why nothing can be traced here; None when it can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "strace is not installed"
    command = [*PREFIX, "--trace=%file", f"--output={folder / 'try'}", sys.executable, "-c", "open('/dev/null')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return f"strace does not work: {done.stderr.strip()[:200]}"
    return None if "/dev/null" in asked(folder / "try", folder) else "strace does not see what a program opens"


def asked(record: Path, folder: Path, *, since: float = 0, until: float = math.inf) -> set[str]:
    """Paths in calls within this time; those that are relative are taken from `folder`, where the program runs."""
    found = set()
    for line in record.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        call = _CALL.match(line)
        if call and since <= float(call["at"]) < until and call["call"] != "execve":
            for text in _TEXT.findall(call["arguments"]):
                path = os.fsdecode(codecs.escape_decode(text.encode("utf-8", "surrogateescape"))[0])  # type: ignore[attr-defined]
                found.add(os.path.normpath(folder / path))
    return found
