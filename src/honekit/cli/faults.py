"""What goes wrong in a command, as what the user is told: a fault with its remedy, or a bug with its number."""

from __future__ import annotations

import errno
import re
import secrets
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import typer

from honekit import __version__, runtime
from honekit.errors import HoneError, SettingsError, StoreError

NOT_THERE = frozenset(
    {
        "data.file_missing",
        "evals.unknown_run",
        "gate.no_project",
        "gate.no_result",
        "job.unknown",
        "job.unknown_event",
        "model.base_missing",
        "model.no_such_directory",
        "model.unknown_base",
        "registry.unknown_alias",
        "registry.unknown_version",
        "serve.unknown_key",
        "serve.unknown_model",
        "store.unknown_file",
    }
)
"""What the command names does not exist: wrong usage (2), so that a script can tell it from an answer that is no (1)."""
MISWRITTEN = frozenset(
    {
        "decide.answers",
        "decide.unreadable",
        "eval.cost_arm",
        "evals.external_task",
        "evals.no_text",
        "evals.row",
        "evals.suite_invalid",
        "evals.suite_missing",
        "evals.suite_syntax",
        "gate.confidence",
        "gate.rule_syntax",
        "gate.rule_unknown",
        "serve.project_name",
        "serve.scope",
    }
)
"""What the user wrote for the command cannot be read as what it is to be."""


_TEXT = re.compile(r"\s|^-\d")
"""What was taken for an option's name and cannot be one."""


def told(fault: Exception) -> HoneError:
    """The fault as a HoneError. What is none, and no wrong usage, full disk or full memory either, is a bug: its traceback goes
    to a log, which is named."""
    return _named(fault) or _bug(fault)


def is_usage(fault: HoneError) -> bool:
    """Whether the command was called wrongly (exit code 2), other than that it failed (1)."""
    return isinstance(fault, SettingsError) or fault.code in NOT_THERE | MISWRITTEN or getattr(fault, "is_usage", False)


def _named(fault: Exception) -> HoneError | None:
    """A HoneError for what is no bug in Hone: wrong usage, a full disk, too little memory, whoever raised it."""
    if isinstance(fault, HoneError):
        return fault
    if isinstance(fault, _usage_error()):
        context = getattr(fault, "ctx", None)
        command = context.command_path if context else "hone"
        mend = f"`{command} --help` shows what it takes"
        if _TEXT.search(getattr(fault, "option_name", None) or ""):
            mend += "; write -- before a text that begins with a dash"
        return SettingsError("cli.usage", what=fault.format_message().rstrip("."), where=command, mend=mend)
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            "store.disk_full",
            what="the disk is full; nothing that was complete is lost",
            where=str(fault.filename) if fault.filename else None,
            mend="free some space, or set HONE_HOME to a disk that has room, then run the same command again",
        )
    if isinstance(fault, OSError) and fault.errno == errno.ENAMETOOLONG:
        return SettingsError(
            "cli.path_too_long",
            what="this is longer than the name of a file can be",
            where=f"{str(fault.filename)[:120]}...",
            mend="check the path: is it a text where a file is expected?",
        )
    if runtime.is_out_of_memory(fault):
        return HoneError(
            "system.out_of_memory",
            what="there is not enough memory",
            mend="end other programs, or lower `batch_size` in hone.toml; `hone doctor` shows the memory, and the GPU's",
        )
    return None


def _usage_error() -> type[Any]:
    # Newer typer has click inside, older typer beside it; BadParameter is public in both and knows its own base.
    return next(cls for cls in reversed(typer.BadParameter.__mro__) if hasattr(cls, "format_message"))


def _bug(fault: Exception) -> HoneError:
    """Write the traceback to a log and name it. Whatever is not a HoneError is a bug in Hone."""
    number = secrets.token_hex(4)
    text = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} hone {__version__} python {sys.version.split()[0]} {sys.platform}\n"
    text += "".join(traceback.format_exception(fault))
    log = _logs() / f"error-{number}.log"
    try:
        log.write_text(text, encoding="utf-8")
    except OSError:
        log = Path("-")
        print(text, file=sys.stderr)
    summary = (str(fault).strip() or "no message").splitlines()[0][:200]
    return HoneError(
        "internal.bug",
        what=f"this is a bug in Hone (id {number}): {type(fault).__name__}: {summary}",
        where=str(log),
        mend="run the command again with --debug to see the traceback, and report it with the log file",
    )


def _logs() -> Path:
    from honekit.settings import home

    try:
        folder = home() / "logs"
        folder.mkdir(exist_ok=True)
    except (HoneError, OSError):
        return Path(tempfile.gettempdir())
    return folder
