"""`hone data suspects`: which answers may be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.data_given import expect_jsonl
from honekit.cli.render import print_json, tables

if TYPE_CHECKING:
    from honekit.data.suspects.rank import SuspectReport

MAX_PRINTED = 40


def suspects(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Chat JSONL, or pairs of answers.")],
    job: Annotated[str | None, typer.Option(help="A training job on this very file: its losses count too.")] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="Label to judge, a key of the answer [default: all that look so].")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=50, help="Parts of the file; each is judged by the others.")] = 5,
    top: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the records that is listed.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Which records share a fold.")] = 0,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the list as JSONL, for `hone data label`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Rank the answers that may be wrong, the most suspect first. The file is not changed.

    Answers that are labels, and fields of JSON answers with a few values, are held against a classifier that saw only the
    other records (confident learning). With --job the losses of a training job on the file count as much; free texts are
    ranked by them alone.

    Examples:

        hone data suspects train.jsonl

        hone data suspects train.jsonl --field category --write review.jsonl

        hone data suspects train.jsonl --job ftjob-abc123 --top 0.05 --json
    """
    from honekit.cli.render import progress
    from honekit.data.suspects.rank import find_suspects
    from honekit.store.atomic import write_atomic

    expect_jsonl(file)
    with progress("judging") as bar:
        found = find_suspects(
            file, job=job, fields=field or (), folds=folds, top=top, seed=seed, report=lambda done, total: bar(done, total)
        )
    if write:
        keys = ("line", "field", "given", "suggested", "score")
        lines = [json.dumps({key: getattr(suspect, key) for key in keys}, ensure_ascii=False) for suspect in found.suspects]
        write_atomic(write, "".join(f"{line}\n" for line in lines))
    if as_json:
        print_json({**found.as_dict(), "written": write})
    else:
        _print(found, write)


def _print(found: SuspectReport, write: Path | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("line", justify="right")
    table.add_column("score", justify="right")
    for heading in ("field", "given", "suggested"):
        table.add_column(heading, overflow="fold")
    for suspect in found.suspects[:MAX_PRINTED]:
        mark = "*" if suspect.fits_another else ""
        suggested = escape(suspect.suggested) if suspect.suggested is not None else "-"
        table.add_row(str(suspect.line), f"{suspect.score:.3f}{mark}", escape(suspect.field), escape(suspect.given), suggested)
    console = tables()
    console.print(table)
    if len(found.suspects) > MAX_PRINTED:
        console.print(f"... and {len(found.suspects) - MAX_PRINTED} more; --write FILE or --json gives all")
    for summary in found.fields:
        console.print(
            f"{summary.field}: {summary.judged} of {found.records} records judged, {summary.labels} labels; "
            f"{summary.fit_another} fit another label better (*)",
            markup=False,
        )
    if found.job:
        console.print(f"losses of {found.job} count too", markup=False)
    if write:
        console.print(f"written: {write}", markup=False, soft_wrap=True)
