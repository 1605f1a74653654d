"""`hone data report`: a data file as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honekit.cli.data_given import expect_jsonl
from honekit.errors import SettingsError


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Chat JSONL.")],
    validation: Annotated[Path | None, typer.Option(help="The validation split, to compare and to find leaks.")] = None,
    test: Annotated[Path | None, typer.Option(help="The test split, to compare and to find leaks.")] = None,
    out: Annotated[Path | None, typer.Option(help="Default: FILE with `.report.html`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Write a report on a data file: findings by code and example, lengths, labels, splits, a map of the examples.

    The report is one HTML file that loads nothing from anywhere. It holds texts of the data.

    Examples:

        hone data report train.jsonl

        hone data report train.jsonl --test test.jsonl --out report.html
    """
    from honekit.cli.render import print_json, stage
    from honekit.data.report.render import data_report
    from honekit.store.atomic import write_atomic

    expect_jsonl(file, validation, test)
    target = out or file.with_name(f"{file.stem}.report.html")
    given = {path.resolve() for path in (file, validation, test) if path}
    if target.resolve() in given:
        raise SettingsError("cli.usage", what="--out is one of the data files", mend="name another one with --out")
    with stage(f"Looking through {file.name}"):
        html, figures = data_report(file, validation, test)
    write_atomic(target, html)
    if as_json:
        print_json({**figures, "out": target})
    else:
        print(f"{target}: {figures['records']} records, {figures['errors']} errors, {figures['warnings']} warnings")
