"""`hone iot`: the IoT diagnostic assistant on the command line."""

from __future__ import annotations

import os
import select
import shlex
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import DataError, SettingsError

if TYPE_CHECKING:
    from honekit.data.lines import Line
    from honekit.iot import Assistant, Log

PAUSE_S = 0.1
"""How long the next line of stdin may let wait before those that are there are answered."""

app = typer.Typer(no_args_is_help=True, help="The IoT diagnostic assistant.")


@app.callback()
def _group() -> None:
    """The IoT diagnostic assistant."""


@app.command()
def diagnose(
    text: Annotated[str | None, typer.Argument(help="One log excerpt, or - to read lines of JSON from stdin.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Version or alias; default: the shipped model, else the newest one.", autocompletion=completion.own_tuned
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option(help='JSONL file with lines of {"log": ...}.')] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON diagnosis per line on stdout.")] = False,
) -> None:
    """Diagnose raw logs: cause, category, severity, actions and the manual's section.

    A line that cannot be read or diagnosed is named and costs none of the others; the exit code is 1 then. With --json
    it has null in all fields, and an `error`. An answer with a wrong field is shown as it is, with an `error` beside it.

    Examples:

        hone iot diagnose "03:14:07 gw-7 modem: PDP context rejected, retry 9"

        hone iot diagnose --file logs.jsonl --json > diagnoses.jsonl

        tail -f logs.jsonl | hone iot diagnose - --json
    """
    from honekit.cli import render
    from honekit.iot import Assistant, Log
    from honekit.pipeline.run import bundled_project
    from honekit.project import load_project

    logs, count = _logs(text, file)
    assistant = Assistant.load(load_project(bundled_project("iot-diagnostics")), model)
    if not as_json:
        render.console.print(f"model {assistant.version.name}")
    faults = done = 0
    with render.progress("diagnosing", count) as report:
        for done, (log, found) in enumerate(assistant.diagnose(logs), 1):
            if isinstance(found, DataError):
                if file is None and text != "-":
                    raise found
                faults += 1
                _tell(found, assistant, as_json)
            elif as_json:
                render.print_json(found.as_dict())
            elif isinstance(log, Log):
                _show(log.text, {**found.values, "confidence": found.confidence})
                if found.fault:
                    render.print_error(found.fault)
            report(done)
    if faults:
        render.console.print(f"{faults} of {done} logs could not be diagnosed")
        raise typer.Exit(1)


def _tell(fault: DataError, assistant: Assistant, as_json: bool) -> None:
    """In JSON in the place of the diagnosis, with all its keys, so that the lines stay those of the input."""
    from honekit.cli import render

    if as_json:
        render.print_json({**assistant.nothing.as_dict(), "error": fault.as_dict()})
    else:
        render.print_error(fault)


def _logs(text: str | None, file: Path | None) -> tuple[Iterator[Log | DataError | None], int | None]:
    """The logs, None where no more come for now, and how many there are where that is known before they are answered."""
    from honekit.data.lines import read_lines
    from honekit.iot import Log, read_logs

    if (text is None) == (file is None):
        raise SettingsError(
            "iot.no_input", what="give either a log text, or --file FILE, or - for stdin", mend="`hone iot diagnose --help`"
        )
    if text is not None and text != "-":
        if os.path.isfile(text):
            mend = f"give it with --file {shlex.quote(text)}"
            raise SettingsError("iot.no_input", what=f"{text} is a file, not a log's text", where="TEXT", mend=mend)
        if os.path.isdir(text):
            mend = 'give a log\'s text, or with --file one file with lines of {"log": ...}'
            raise SettingsError("iot.no_input", what=f"{text} is a folder, not a log's text", where="TEXT", mend=mend)
        # An argument may hold any byte, and a device's log often does.
        log = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        logs: list[Log | DataError | None] = [Log(log)] if log.strip() else []
    elif file is not None:
        logs = list(read_logs(read_lines(file), str(file)))
    else:
        coming = read_logs(_stdin(), "stdin")
        logs = list(islice((one for one in coming if one), 1))
    if not logs:
        raise DataError(
            "iot.empty_log",
            what="there is no log in it",
            where=str(file) if file else "stdin" if text == "-" else "TEXT",
            mend='give the raw log as the argument, or lines of {"log": ...}',
        )
    return (chain(logs, coming), None) if text == "-" else (iter(logs), len(logs))


def _stdin() -> Iterator[Line | None]:
    """Its lines; None where the next one lets wait, so that those before it are answered meanwhile."""
    from honekit.data.lines import line_of

    number = 0
    for raw in _raw_lines(sys.stdin.fileno()):
        if raw is None:
            yield None
            continue
        number += 1
        yield line_of(raw if number > 1 else raw.removeprefix(BOM_UTF8), number)


def _raw_lines(descriptor: int) -> Iterator[bytes | None]:
    begun: list[bytes] = []
    while True:
        if not select.select([descriptor], [], [], PAUSE_S)[0]:
            yield None
        read = os.read(descriptor, 1 << 16)
        begun.append(read)
        if b"\n" in read:
            *lines, rest = b"".join(begun).split(b"\n")
            yield from lines
            begun = [rest]
        elif not read:
            yield b"".join(begun)  # a blank line counts for nothing
            return


def _show(log: str, diagnosis: dict[str, Any]) -> None:
    print(_printable(log.strip().splitlines()[0][:100]))
    for name, value in diagnosis.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else f"{value:.2f}" if isinstance(value, float) else value
        print(f"  {name:<15} {'-' if shown is None else _printable(str(shown))}")
    print()


def _printable(text: str) -> str:
    """A device's log may steer the terminal, and an answer copies from it."""
    return "".join(char if char.isprintable() else " " for char in text)
