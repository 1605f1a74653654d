"""`hone data convert`: training records from one format into another."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.render import console, print_json

if TYPE_CHECKING:
    from honekit.data.formats.convert import Converted

TARGETS = (
    "chat, openai, mistral, together, gemini, bedrock-claude, bedrock-nova, alpaca, sharegpt, prompt-completion, csv, parquet"
)


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File, or folder of a data set, in any format.")],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help=f"One of {TARGETS}.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New file; a name in .json gives one array. Default: stdout.")
    ] = None,
    given: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Format of FILE, when it is guessed wrong.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="Role input, answer or system of a column; repeat.")
    ] = None,
    pattern: Annotated[str | None, typer.Option(metavar="REGEX", help="For logs: named groups become columns (RE2).")] = None,
    split: Annotated[str | None, typer.Option(help="For folders of data sets; default: train.")] = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="System message for conversations without one.")] = None,
    lossy: Annotated[bool, typer.Option("--lossy", help="Leave out what FORMAT cannot express, and count it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Write training records in another format.

    Nothing is written when a record is faulty, or holds what the new format cannot express; each is named with its line and
    field. The file that is read is never changed.

    Examples:

        hone data convert tickets.csv --to chat --map input=text --map answer=queue --out train.jsonl

        hone data convert train.jsonl --to bedrock-nova --lossy --out nova.jsonl

        hone data convert my-dataset/ --split test --to chat --out test.jsonl --json
    """
    from honekit.data.formats.convert import convert as convert_file
    from honekit.data.formats.detect import Given

    if out is None and (as_json or to == "parquet"):
        raise typer.BadParameter("name the new file", param_hint="--out")
    said = Given(given, tuple(columns or ()), pattern, split)
    if out is not None:
        made = convert_file(file, to, out, given=said, system=system, is_lossy=lossy)
    else:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="hone-convert-") as folder:
            whole = Path(folder) / "out"
            made = convert_file(file, to, whole, given=said, system=system, is_lossy=lossy)
            with whole.open(encoding="utf-8", newline="") as text:
                shutil.copyfileobj(text, sys.stdout)
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
