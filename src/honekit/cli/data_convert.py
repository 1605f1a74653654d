"""`hone data convert`: training records from one format into another."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.data_given import Columns, FromFormat, Pattern, Split, given, rows_progress
from honekit.cli.render import console, print_json

if TYPE_CHECKING:
    from honekit.data.formats.convert import Converted

TARGETS = (
    "chat, openai, mistral, together, gemini, bedrock-claude, bedrock-nova, alpaca, sharegpt, prompt-completion, preference, csv,"
    " parquet"
)


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File, or folder of a data set, in any format.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"One of {TARGETS}.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New file; .json gives one array, .gz and .zst pack it. Default: stdout.")
    ] = None,
    format: FromFormat = None,
    columns: Columns = None,
    pattern: Pattern = None,
    split: Split = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="System message for conversations without one.")] = None,
    lossy: Annotated[bool, typer.Option("--lossy", help="Leave out what FORMAT cannot express, and count it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Write training records in another format.

    Nothing is written when a record is faulty, or holds what the new format cannot express; each is named with its line and
    field. The file that is read is never changed.

    Examples:

        hone data convert tickets.csv --to chat --map input=text --out train.jsonl

        hone data convert train.jsonl --to bedrock-nova --lossy --out nova.jsonl

        hone data convert my-dataset/ --split test --to chat --out test.jsonl
    """
    from honekit.data.formats.convert import convert as convert_file
    from honekit.data.versions import record_version

    if out is None and (as_json or to == "parquet"):
        raise typer.BadParameter("name the new file", param_hint="--out")
    said = given(format, columns, pattern, split)
    with rows_progress("converting", file, said) as bar, ExitStack() as stack:
        new = out or Path(stack.enter_context(TemporaryDirectory(prefix="hone-convert-"))) / "new"
        made = convert_file(file, to, new, given=said, system=system, is_lossy=lossy, progress=bar)
        if out is None:
            with new.open(encoding="utf-8", newline="") as text:
                shutil.copyfileobj(text, sys.stdout)
        elif file.is_file():
            record_version(out, file, "converted", {"to": to, "lost": dict(made.lost)})
    if as_json:
        print_json({**made.as_dict(), "out": out})
    else:
        _print(made, out)


def _print(made: Converted, out: Path | None) -> None:
    columns = made.source.columns
    read_as = f"{made.source.format} in {made.source.container}"
    console.print(
        f"{made.source.path}: read as {read_as}; {made.written} of {made.records} records written as {made.to}", soft_wrap=True
    )
    if columns is not None:
        console.print(f"  columns: {columns.input} is asked, {', '.join(columns.answers)} answered", soft_wrap=True)
    for what, count in made.lost.items():
        console.print(f"  left out: {what} {count} times")
    if out is not None:
        console.print(f"  {out}", soft_wrap=True)
