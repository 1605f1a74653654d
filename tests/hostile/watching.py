"""What this process does to files and programs, seen by an audit hook: no root is needed for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

FILES = frozenset(("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link",
                   "os.symlink", "os.chmod", "shutil.rmtree", "shutil.move", "shutil.copyfile"))  # fmt: skip
PROGRAMS = frozenset(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class"))


@dataclass
class Seen:
    files: set[str] = field(default_factory=set)
    """Real paths that were opened, listed, or changed."""
    programs: list[str] = field(default_factory=list)

    def outside(self, roots: Sequence[str]) -> list[str]:
        """The files that lie in none of these folders."""
        return sorted(path for path in self.files if not any(path == root or path.startswith(root + os.sep) for root in roots))


_watching: list[Seen] = []
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event in FILES:
        for path in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile") else 1]:
            if isinstance(path, str | bytes | os.PathLike):
                _watching[-1].files.add(os.path.realpath(os.fsdecode(path)))
    elif event in PROGRAMS:
        _watching[-1].programs.append(f"{event} {str(arguments)[:200]}")


@contextmanager
def watched() -> Iterator[Seen]:
    """Everything that any thread of this process does inside the block."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)  # there is no way to take one away
        _installed = True
    _watching.append(Seen())
    try:
        yield _watching[-1]
    finally:
        _watching.pop()
