"""`hone data diff`: what changed between two files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.data_given import expect_jsonl
from honekit.cli.render import print_json, tables

if TYPE_CHECKING:
    from rich.text import Text

    from honekit.data.diff import Change, FileDiff
    from honekit.data.rows import Row

MAX_PRINTED = 30
_STYLES = {"same": "", "removed": "red strike", "added": "green"}
_MARKS = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="The older file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The newer file.")],
    key: Annotated[str | None, typer.Option(help="Key of a record's id [default: id, metadata.id].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Show what was added, removed and changed between two files; exit 0 when they hold the same, 1 when not.

    Records are matched by id, else by the same or nearly the same question. The order of lines does not count. Changed
    answers are shown word by word ([-old-]{+new+}), and labels that moved are counted.

    Examples:

        hone data diff train.jsonl train-fixed.jsonl

        hone data diff old.jsonl new.jsonl --key metadata.ticket --json
    """
    from honekit.data.diff import diff_files

    expect_jsonl(a, b)
    found = diff_files(a, b, key)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found, a, b)
    raise typer.Exit(0 if found.is_equal else 1)


def _print(found: FileDiff, a: Path, b: Path) -> None:
    console = tables()
    for change in found.changed[:MAX_PRINTED]:
        console.print(_changed(change, a, b), soft_wrap=True)
    old, new = _names(a, b)
    for sign, name, rows in (("-", old, found.removed), ("+", new, found.added)):
        for row in rows[:MAX_PRINTED]:
            console.print(_whole(sign, name, row), soft_wrap=True)
    most = max(len(found.changed), len(found.removed), len(found.added))
    if most > MAX_PRINTED:
        console.print(f"... the first {MAX_PRINTED} of each kind are shown; --json gives all")
    if found.moves:
        console.print("\nlabels that moved:")
        for move, count in found.moves[:MAX_PRINTED]:
            console.print(f"  {count:>6}  {move.field}: {move.before} -> {move.after}", markup=False)
    console.print(
        f"\n{found.records_a} and {found.records_b} records: {found.same} the same, {len(found.changed)} changed, "
        f"{len(found.added)} added, {len(found.removed)} removed"
    )


def _changed(change: Change, a: Path, b: Path) -> Text:
    from rich.text import Text

    old, new = _names(a, b)
    where = f"{old}:{change.line_a} {new}:{change.line_b}"
    what = f"only {', '.join(change.others)}" if change.others else ", ".join(change.changed)
    text = Text(f"~ {where}  {what} changed (the same {change.matched_by})")
    if change.answer:
        text.append("\n    ")
    for piece in change.answer:
        before, after = _MARKS[piece.kind]
        text.append(f"{before}{piece.text}{after}", style=_STYLES[piece.kind])
    return text


def _names(a: Path, b: Path) -> tuple[str, str]:
    """How the files are called: by their paths where their names are the same."""
    return (str(a), str(b)) if a.name == b.name else (a.name, b.name)


def _whole(sign: str, name: str, row: Row) -> Text:
    from rich.text import Text

    shown = " ".join(f"{row.question} => {row.answer or '-'}".split())
    return Text(f"{sign} {name}:{row.line}  {shown[:160]}", style="green" if sign == "+" else "red")
