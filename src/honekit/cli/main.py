"""`hone`: finds the command, runs it, and renders what goes wrong.

The table below is all that `hone --help` needs; a command's module is imported when the command is called, so that
help stays fast and one broken module does not take the others with it.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import secrets
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from honekit import __version__, runtime
from honekit.cli.help_text import tidy
from honekit.errors import HoneError, SettingsError, StoreError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
TERMINATED = 143
"""The same after SIGTERM."""
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

_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
_JOB, _PARTS = "The whole job", "Its parts"


@dataclass(frozen=True)
class Command:
    """Where a command lives (`module:attribute`, a function or a `typer.Typer`) and its line in `hone --help`."""

    target: str
    help: str
    panel: str


COMMANDS = {
    "demo": Command("honekit.cli.run:demo", "Tune, prove and deploy a model on the bundled IoT project.", _JOB),
    "decide": Command("honekit.cli.decide:app", "Whether to prompt, retrieve, fine-tune, or do something else.", _JOB),
    "init": Command("honekit.cli.init:init", "Start a project from a CSV, JSONL or log file of your own.", _JOB),
    "run": Command("honekit.cli.run:run", "Run the whole job on the project in this folder.", _JOB),
    "serve": Command("honekit.cli.serve:serve", "Serve base models, tuned models and aliases as OpenAI's API.", _JOB),
    "chat": Command("honekit.cli.chat:chat", "Talk to one model, or to two side by side.", _JOB),
    "doctor": Command("honekit.cli.doctor:doctor", "What this machine can do, what is wrong, how to mend it.", _JOB),
    "data": Command("honekit.cli.data:app", "Training data: check, fix, label, split, convert, report.", _PARTS),
    "eval": Command("honekit.cli.eval:app", "Evaluate any model: run, compare, gate, what was forgotten.", _PARTS),
    "bases": Command("honekit.cli.bases:app", "Base models: which there are, what they need, fetching them.", _PARTS),
    "files": Command("honekit.cli.files:app", "Files for the fine-tuning API: upload, list, read, delete.", _PARTS),
    "jobs": Command("honekit.cli.jobs:app", "Jobs: create, watch, pause, resume, cancel; what happened.", _PARTS),
    "models": Command("honekit.cli.models:app", "Tuned models: versions, reports, aliases, promotion.", _PARTS),
    "keys": Command("honekit.cli.keys:app", "Keys for the served API.", _PARTS),
    "iot": Command("honekit.cli.iot:app", "The IoT diagnostic assistant.", _PARTS),
}


class LazyGroup(TyperGroup):
    """Lists commands from the table and imports one only to run it or to show its own help."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = COMMANDS.get(cmd_name)
        return known and TyperCommand(name=cmd_name, help=known.help, rich_help_panel=known.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            ctx.fail(f"there is no command {args[0]!r}{_nearest(args[0])}")
        command, rest = load_command(args[0]), args[1:]
        if not rest and getattr(command, "no_args_is_help", False):
            rest = ["--help"]
        return args[0], command, rest


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean `hone {close[0]}`?" if close else ""


def load_command(name: str) -> Any:
    """Import a command of the table. Raises: SettingsError[cli.command_unavailable] when a package that it needs is missing."""
    module_name, attribute = COMMANDS[name].target.split(":")
    try:
        target = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as fault:
        raise SettingsError(
            "cli.command_unavailable",
            what=f"`hone {name}` needs the Python module {fault.name}, which is not installed",
            where=sys.prefix,
            mend="run `make setup` in a checkout, or `python -m pip install --upgrade honekit`",
        ) from fault
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return tidy(group)
    single = typer.Typer(add_completion=False, context_settings=_HELP_OPTIONS)
    single.command(name)(target)
    return tidy(get_command(single))


root = typer.Typer(cls=LazyGroup, context_settings=_HELP_OPTIONS, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hone {__version__}")
        raise typer.Exit


@root.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; HONE_DEBUG=1 does the same.")] = False,
) -> None:
    """Decide, prepare data, fine-tune, evaluate and deploy small language models on your own machine.

    Examples:

        hone demo

        hone init tickets --from tickets.csv && hone run tickets

        hone COMMAND --help
    """


def main(argv: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 failed or "the answer is no", 2 wrong usage or settings, 130 or 143 stopped."""
    args = list(sys.argv[1:] if argv is None else argv)
    options = args[: args.index("--")] if "--" in args else args
    if "--debug" in options:  # wherever it stands; through the environment it reaches worker processes too
        args.remove("--debug")
        os.environ["HONE_DEBUG"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    runtime.prepare()
    try:
        code = _run(args or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet_exit()
    except Exception as fault:
        return _fail(fault, as_json="--json" in options)
    if code in (INTERRUPTED, TERMINATED):
        print("\nstopped; run the same command again to go on", file=sys.stderr)
    return code


def _run(args: list[str]) -> int:
    command = tidy(get_command(root))
    try:
        result = command.main(args=args, prog_name="hone", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as fault:  # what watches a job turns SIGTERM into one
        if fault.code != TERMINATED:
            raise
        return TERMINATED
    return result if isinstance(result, int) else 0  # an int is the code of typer.Exit


def _named(fault: Exception) -> HoneError | None:
    """A HoneError for what is no bug in Hone: wrong usage, a full disk, too little memory, whoever raised it."""
    if isinstance(fault, HoneError):
        return fault
    if isinstance(fault, _usage_error()):
        context = getattr(fault, "ctx", None)
        command = context.command_path if context else "hone"
        return SettingsError(
            "cli.usage", what=fault.format_message().rstrip("."), where=command, mend=f"`{command} --help` shows what it takes"
        )
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


def _fail(fault: Exception, *, as_json: bool) -> int:
    from honekit.cli.render import print_error

    if os.environ.get("HONE_DEBUG", "") not in ("", "0"):
        traceback.print_exception(fault, file=sys.stderr)
    shown = _named(fault) or _bug(fault)
    try:
        print_error(shown, as_json=as_json)
    except BrokenPipeError:
        _quiet_exit()
    return 2 if _is_usage(shown) else 1


def _is_usage(fault: HoneError) -> bool:
    return isinstance(fault, SettingsError) or fault.code in NOT_THERE | MISWRITTEN or getattr(fault, "is_usage", False)


def _quiet_exit() -> int:
    """The reader of our output has gone (`hone ... | head`): say nothing, also not when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def command() -> int:
    """The command `hone` as a process of its own."""
    return runtime.ends_promptly(main)


if __name__ == "__main__":
    sys.exit(command())
