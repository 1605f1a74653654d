"""`hone decide record`: the decision as a Markdown page beside the project."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from honekit.errors import SettingsError

RECORD = "decision.md"
"""Beside hone.toml."""


def record(
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or TOML with answers, in place of the interview.")
    ] = None,
    chosen: Annotated[str | None, typer.Option(help="What you do, where that is not the recommendation.")] = None,
    argument: Annotated[str, typer.Option(help="Your own reasons, kept with the record.")] = "",
    project: Annotated[
        Path,
        typer.Option(help="Folder with hone.toml, or the file; its last `hone decide measure`, if any, goes into the record."),
    ] = Path(),
    output: Annotated[
        Path | None,
        typer.Option("-o", "--out", "--output", metavar="FILE", help=f"Write there in place of {RECORD} beside hone.toml."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a record that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, with the page in it.")] = False,
) -> None:
    """Write the decision as a Markdown page to keep beside the project, with the measured evidence where there is some.

    In a folder with hone.toml it is written there; elsewhere, without -o, it is printed. A record that is there is kept. Where
    the measurement says otherwise than the interview, or than --chosen, the record names it.

    Examples:

        hone decide record --answers answers.json --project my-project

        hone decide record --answers answers.json -o docs/decision.md

        hone decide record --answers answers.json --chosen prompt --argument cheap
    """
    from honekit.cli.decide_interview import read_or_ask
    from honekit.cli.render import print_json
    from honekit.decide import OPTIONS, decision_record
    from honekit.decide import decide as verdict_on
    from honekit.decide.questions import text_fault
    from honekit.decide.record import contradictions
    from honekit.store.atomic import write_atomic

    if chosen is not None and chosen not in OPTIONS:
        raise SettingsError("decide.option", what=f"{chosen!r} is no option", mend=f"use one of: {', '.join(OPTIONS)}")
    if fault := text_fault(argument):
        raise SettingsError("cli.usage", what=f"the argument {fault}", where="--argument", mend="set the terminal to UTF-8")
    root = project if project.is_dir() else project.parent
    beside = root / RECORD if (root / "hone.toml").is_file() else None
    if beside is None and output is None and project != Path():
        raise SettingsError(
            "settings.project_missing",
            what="there is no hone.toml here",
            where=str(root),
            mend="name the project's folder, `hone init` one, or leave out --project and name the page with -o",
        )
    file = output or beside
    if file is not None and file.exists() and not replace:
        raise SettingsError(
            "decide.record_exists",
            what="there is a record already",
            where=str(file),
            mend="give another file with -o, or --replace to write over it",
        )
    measured = _measured(root)
    given = read_or_ask(answers, None)
    decision = verdict_on(given)
    page = decision_record(given, decision, date=time.strftime("%Y-%m-%d"), chosen=chosen, argument=argument, measured=measured)
    against = contradictions(decision, chosen, measured)
    if file is not None:
        write_atomic(file, page)
    if as_json:
        found = {"recommendation": decision.recommendation, "chosen": chosen or decision.recommendation}
        print_json({**found, "argument": argument, "contradictions": against, "file": file, "page": page})
    elif file is None:
        print(page, end="")
    else:
        print(f"written: {file}", file=sys.stderr)
        for text in against:
            print(f"Interview and measurement differ. {text}", file=sys.stderr)


def _measured(root: Path) -> dict[str, Any] | None:
    """The document of the project's last measurement. Raises: SettingsError[decide.measurement] when it cannot be read."""
    file = root / ".hone" / "measure" / "result.json"
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError) as fault:
        raise SettingsError(
            "decide.measurement",
            what=f"the measurement cannot be read: {fault}",
            where=str(file),
            mend="run `hone decide measure` again, it repeats nothing that is done",
        ) from fault
