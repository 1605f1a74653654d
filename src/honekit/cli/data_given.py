"""What the commands on data take about the format of a file, when it is not to be guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
Split = Annotated[str | None, typer.Option(help="For folders of data sets; default: train.")]

BAR_FROM_BYTES = 20 << 20


def given(format: str | None, columns: list[str] | None, pattern: str | None, split: str | None) -> Given:
    """The four options as one."""
    from honekit.data.formats.detect import Given

    return Given(format, tuple(columns or ()), pattern, split)


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
