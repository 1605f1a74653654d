"""`hone init`: a new project from a file of one's own, or from the bundled example."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.base_name import EMBEDDED
from honekit.cli.render import print_json
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.data.infer import FieldGuess
    from honekit.data.scaffold import Scaffold

LABELLED = 20
"""Fewer examples than this cannot be split into training, validation and test."""
TOO_FEW = (
    f"  0. That is too little: a project needs {LABELLED} texts that differ. Find more, run this command on all of them\n"
    "     in a new folder, or write lines of your own into the file, as those that are there.\n"
)
EXAMPLE = "support-routing"


def init(
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="Folder of the new project.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="CSV, TSV, Excel, Parquet, JSONL, JSON or log file to start from."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the project; default: the folder's.")] = None,
    input_column: Annotated[str | None, typer.Option("--input", metavar="COLUMN", help="Column with the text to answer.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="COLUMN", help="Column to predict; repeat for more.")
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Copy the bundled example to DIR; without DIR print its hone.toml.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Start a project: infer input and labels from a file, split it, write a commented hone.toml.

    Nothing is overwritten. A file without labels gives a file to label instead, and exit code 1.

    Examples:

        hone init tickets --from tickets.csv

        hone init tickets --from export.csv --input message --label queue

        hone init --example
    """
    if example == (source is not None):
        raise _unclear(directory, source)
    if directory is not None and (file := next((path for path in (directory, *directory.parents) if path.is_file()), None)):
        raise _no_folder(file, "name a folder, or a new one")
    if source is None:
        _example(directory, as_json)
        return
    from honekit.data.scaffold import scaffold

    made = scaffold(source, directory or Path("."), name=name, input_column=input_column, labels=label or ())
    if as_json:
        print_json(_document(made))
    elif made.is_labelled:
        _print_project(made)
    else:
        _print_to_label(made)
    raise typer.Exit(0 if made.is_labelled else 1)


def _unclear(directory: Path | None, source: Path | None) -> SettingsError:
    if source is not None:
        return SettingsError("cli.usage", what="--from and --example are two beginnings", where="hone init", mend="leave one out")
    if directory is not None and directory.is_file():
        return _no_folder(directory, f"`hone init {shlex.quote(directory.stem)} --from {shlex.quote(str(directory))}`")
    return SettingsError(
        "cli.usage",
        what="there is nothing to start from",
        where="hone init",
        mend="`hone init NEW_FOLDER --from YOUR_FILE`, or `hone init NEW_FOLDER --example` for a copy of the bundled example",
    )


def _no_folder(file: Path, mend: str) -> SettingsError:
    return SettingsError("cli.usage", what=f"{file} is a file, where the new folder is to stand", where="DIR", mend=mend)


def _example(directory: Path | None, as_json: bool) -> None:
    from honekit.data.scaffold import copy_example
    from honekit.settings import examples_dir

    bundled = examples_dir() / EXAMPLE
    if directory is None:
        text = (bundled / "hone.toml").read_text(encoding="utf-8")
        if as_json:
            print_json({"example": EXAMPLE, "hone_toml": text})
        else:
            print(text, end="")
        return
    files = copy_example(bundled, directory)
    if as_json:
        print_json({"directory": directory, "example": EXAMPLE, "files": files})
    else:
        print(f"{directory} is a copy of the example {EXAMPLE} ({len(files)} files)\nNext: `cd {directory} && hone run`")


def _document(made: Scaffold) -> dict[str, Any]:
    found = made.inference
    return {
        "directory": made.directory,
        "labelled": made.is_labelled,
        "kind": made.table.kind,
        "rows": len(made.table.rows),
        "rows_left_out": made.rows_left_out,
        "input": found.input,
        "fields": [
            {"name": f.name, "column": f.column, "type": f.type, "values": f.values, "nullable": f.nullable} for f in found.fields
        ],
        "left_out": found.left_out,
        "counts": made.counts,
        "files": made.files,
    }


def _print_project(made: Scaffold) -> None:
    from statistics import median

    found = made.inference
    lengths = [len(row[found.input]) for row in made.table.rows if isinstance(row.get(found.input), str)]
    print(
        f"{made.table.path.resolve().name}: {len(made.table.rows)} rows, {made.rows_left_out} left out for want of input or label"
    )
    print(f"  input     {found.input} (median {median(lengths):.0f} characters)")
    for guess in found.fields:
        print(f"  answer    {guess.name}: {_described(guess)}")
        if guess.merged:
            print(f"            {len(guess.merged)} other spellings merged, e.g. {next(iter(guess.merged.items()))}")
    for column, why in found.left_out.items():
        print(f"  left out  {column}: {why}")
    counts = ", ".join(f"{name} {count}" for name, count in made.counts.items())
    print(f"  split     {counts}; near duplicates kept together, classes even")
    print(f"\nWritten to {made.directory}: {', '.join(str(file.relative_to(made.directory)) for file in made.files)}")
    where = "" if made.directory == Path(".") else f"cd {made.directory} && "
    print(
        "\nCheck next:\n"
        "  1. hone.toml: is the input right, is each field one to predict, is primary_metric what matters to you?\n"
        "     Guessed wrong: the command that takes other columns (--input, --label) stands in it.\n"
        "  2. system.txt: add what a person would need to know to decide doubtful cases.\n"
        f"  3. `{where}hone data prepare` shows the class balance and checks for leaks.\n"
        f"  4. `{where}hone run` tunes, evaluates and reports."
    )


def _described(guess: FieldGuess) -> str:
    if guess.type == "string":
        return "a short text" + (", or null" if guess.nullable else "")
    pairs = [f"{value} ({count})" for value, count in zip(guess.values, guess.counts, strict=True)]
    more = f", and {len(pairs) - 6} more" if len(pairs) > 6 else ""
    kind = "one of" if guess.type == "enum" else f"list of {guess.min_items} to {guess.max_items} of"
    return f"{kind} {len(pairs)}: {', '.join(pairs[:6])}{more}" + (", or null" if guess.nullable else "")


def _print_to_label(made: Scaffold) -> None:
    from honekit.data.infer import LONG_TEXT

    file, count = made.files[0], len(made.table.rows) - made.rows_left_out
    kinds = "one text" if count == 1 else f"{count} texts"
    print(
        f"{made.table.path.name}: {len(made.table.rows)} {made.table.kind} rows, and nothing in them looks like a label.\n"
        "A model is tuned on examples with their right answers, so these have to come from you.\n\n"
        f"Written: {file}, with {kinds} that differ (ids and numbers aside), the most frequent kinds first.\n\n"
        f"What to do:\n{TOO_FEW if count < LABELLED else ''}"
        f'  1. Replace null in `label` on at least {LABELLED} lines (100 and more are worth tuning on), e.g. "label": "Power".\n'
        "     Several answers per line: add keys of your own, e.g. `severity`. Lines that stay null are left out.\n"
        f"  2. `hone init NEW_FOLDER --from {file}`"
    )
    texts = [column for column, why in made.inference.left_out.items() if why == LONG_TEXT]
    if texts:
        source, asked, answered = (shlex.quote(str(name)) for name in (made.table.path, made.inference.input, texts[0]))
        print(
            f"\nWhole texts ({', '.join(texts)}) are not scored field by field, so they make no project. To tune on them:\n"
            f"  `hone data convert {source} --to chat --map input={asked} --map answer={answered} --out chat.jsonl`\n"
            f"  `hone jobs create chat.jsonl --model {EMBEDDED} --watch`"
        )
