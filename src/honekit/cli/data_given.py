"""What the commands on data take about the format of a file, when it is not to be guessed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.render import progress

if TYPE_CHECKING:
    from honekit.data.formats.detect import Given

FromFormat = Annotated[
    str | None, typer.Option("--from", metavar="FORMAT", help="Format of FILE, when it is guessed wrong: alpaca, csv, ...")
]
Columns = Annotated[
    list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="Role input, answer or system of a column; repeat.")
]
Pattern = Annotated[str | None, typer.Option(metavar="REGEX", help="For logs: named groups become columns (RE2).")]
Split = Annotated[
    str | None,
    typer.Option("--split", "--sheet", help="Split of a data set's folder (default: train), or sheet of a workbook (the first)."),
]

BAR_FROM_BYTES = 20 << 20


def given(format: str | None, columns: list[str] | None, pattern: str | None, split: str | None) -> Given:
    """The four options as one."""
    from honekit.data.formats.detect import Given

    return Given(format, tuple(columns or ()), pattern, split)


def options_of(said: Given) -> list[str]:
    """The options of a command line that say the same."""
    maps = [("--map", column) for column in said.columns]
    named = [("--from", said.format), *maps, ("--pattern", said.pattern), ("--split", said.split)]
    return [part for name, value in named if value is not None for part in (name, value)]


@contextmanager
def rows_progress(title: str, file: Path, said: Given) -> Iterator[Callable[[int], None] | None]:
    """A bar over the rows of a big file."""
    if not file.is_file() or file.stat().st_size < BAR_FROM_BYTES:
        yield None
        return
    from honekit.data.formats.detect import detect, expected_rows

    expected = expected_rows(detect(file, said))
    with progress(f"{title} {file.name}", expected) as bar:
        yield lambda number: bar(number, expected and max(expected, number))


_TABLES = ("json", "csv", "tsv", "excel", "parquet", "arrow", "huggingface")
_CONVERTED = ("alpaca", "sharegpt", "gemini", "chosen-rejected")


def expect_jsonl(*files: Path | None, but: Collection[str] = ()) -> None:
    """Refuses a table, an array or records of another format before every line of it is called broken. `but`: formats of
    records that the command does not take either.

    Raises: DataError[data.not_jsonl].
    """
    from honekit.data.formats.container import container_of
    from honekit.data.formats.detect import detect
    from honekit.errors import DataError

    for file in filter(None, files):
        try:
            found: str = container_of(file)
            if found not in _TABLES:
                source = detect(file)
                found = source.container if source.container == "log" else source.format
        except DataError:
            continue  # What reads the file next says what is wrong with it.
        if found in (*_TABLES, *_CONVERTED, "log", *but):
            target = "preference" if found == "chosen-rejected" else "chat"
            out = file.with_suffix(".jsonl" if file.suffix != ".jsonl" else f".{target}.jsonl")
            convert = f"`hone data convert {file} --to {target} --out {out}` writes it as {target} JSONL"
            by_hand = f"`hone data check {file}` says what is to be mended by hand"
            raise DataError(
                "data.not_jsonl",
                what=f"this command reads chat JSONL, and this is {found}",
                where=str(file),
                mend=by_hand if found in ("preference", "reinforcement") else convert,
            )
