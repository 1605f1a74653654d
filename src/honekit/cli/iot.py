"""`hone iot`: the IoT diagnostic assistant on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from honekit.cli.device import Device
from honekit.errors import DataError, SettingsError

app = typer.Typer(no_args_is_help=True, help="The IoT diagnostic assistant.")


@app.callback()
def _group() -> None:
    """The IoT diagnostic assistant."""


@app.command()
def diagnose(
    text: Annotated[str | None, typer.Argument(help="One log excerpt, or - to read lines of JSON from stdin.")] = None,
    model: Annotated[str | None, typer.Option(help="Version or alias; default: the shipped model, else the newest one.")] = None,
    file: Annotated[Path | None, typer.Option(help='JSONL file with lines of {"log": ...}.')] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON diagnosis per line on stdout.")] = False,
) -> None:
    """Diagnose raw logs: cause, category, severity, actions and the manual's section.

    Examples:

        hone iot diagnose "03:14:07 gw-7 modem: PDP context rejected, retry 9"

        hone iot diagnose --file logs.jsonl --json > diagnoses.jsonl

        cat logs.jsonl | hone iot diagnose - --json
    """
    from honekit.cli import render
    from honekit.iot import Assistant
    from honekit.pipeline.run import bundled_project
    from honekit.project import load_project

    logs = _logs(text, file)
    assistant = Assistant.load(load_project(bundled_project("iot-diagnostics")), model)
    if not as_json:
        render.console.print(f"model {assistant.version.name}")
    with render.progress("diagnosing", len(logs)) as report:
        for done, (log, diagnosis) in enumerate(zip(logs, assistant.diagnose(logs), strict=True), 1):
            if as_json:
                render.print_json(diagnosis.as_dict())
            else:
                _show(log, diagnosis.as_dict())
            report(done)


def _logs(text: str | None, file: Path | None) -> list[str]:
    from honekit.iot import read_logs

    if (text is None) == (file is None):
        raise SettingsError(
            "iot.no_input", what="give either a log text, or --file FILE, or - for stdin", mend="`hone iot diagnose --help`"
        )
    if text == "-":
        return list(read_logs(sys.stdin.buffer, "stdin"))
    if text is not None:
        if not text.strip():
            raise DataError("iot.empty_log", what="the log text is empty", mend="give the raw log as the argument")
        return [text]
    assert file is not None
    try:
        with open(file, "rb") as lines:
            return list(read_logs(lines, str(file)))
    except OSError as fault:
        raise DataError(
            "iot.file_unreadable",
            what=f"the file cannot be read: {fault.strerror}",
            where=str(file),
            mend="check the path and its permissions",
        ) from fault


def _show(log: str, diagnosis: dict[str, Any]) -> None:
    print(log.splitlines()[0][:100])
    for name, value in diagnosis.items():
        shown = ", ".join(value) if isinstance(value, list) else f"{value:.2f}" if isinstance(value, float) else value
        print(f"  {name:<15} {'-' if shown is None else shown}")
    print()
