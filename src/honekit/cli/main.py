"""`hone`: runs one command, and renders what goes wrong."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer
from typer.main import get_command

from honekit import __version__, runtime
from honekit.cli import completion
from honekit.cli.commands import HELP_OPTIONS, LazyGroup
from honekit.cli.faults import is_usage, told
from honekit.cli.help_text import tidy

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
TERMINATED = 143
"""The same after SIGTERM."""


root = typer.Typer(cls=LazyGroup, context_settings=HELP_OPTIONS, pretty_exceptions_enable=False)


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
    if completion.is_asked():
        return completion.answer(lambda: _run(args))
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


def _fail(fault: Exception, *, as_json: bool) -> int:
    from honekit.cli.render import print_error

    if os.environ.get("HONE_DEBUG", "") not in ("", "0"):
        traceback.print_exception(fault, file=sys.stderr)
    shown = told(fault)
    try:
        print_error(shown, as_json=as_json)
    except BrokenPipeError:
        _quiet_exit()
    return 2 if is_usage(shown) else 1


def _quiet_exit() -> int:
    """The reader of our output has gone (`hone ... | head`): say nothing, also not when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def command() -> int:
    """The command `hone` as a process of its own."""
    return runtime.ends_promptly(main)


if __name__ == "__main__":
    sys.exit(command())
