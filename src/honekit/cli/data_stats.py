"""`hone data stats`: what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli import completion
from honekit.cli.data_given import expect_jsonl
from honekit.cli.render import print_json, tables

if TYPE_CHECKING:
    from rich.console import Console

    from honekit.data.histogram import Histogram
    from honekit.data.stats import FileStats

MAX_PRINTED = 20
_LEVELS = " ▁▂▃▄▅▆▇█"
_BARS = 24
_LENGTHS = {
    "turns": "turns",
    "question": "question, characters",
    "answer": "answer, characters",
    "record": "record, characters",
    "tokens": "record, tokens",
    "learnt_tokens": "learnt tokens",
}


def stats(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Chat JSONL, pairs of answers, or prompts with references.")],
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Also count in this base model's tokens.", autocompletion=completion.base)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Show what is in a file: records, turns, roles, lengths, labels, fields of JSON answers, duplicates.

    Quantiles are within 1 %. Files of any size are read in one pass.

    Examples:

        hone data stats train.jsonl

        hone data stats train.jsonl --base smollm2-135m --json
    """
    from honekit.cli.render import progress
    from honekit.data.stats import file_stats

    expect_jsonl(file)
    template = None
    if base:
        from honekit.cli.known_names import base_from
        from honekit.models import bases

        with base_from("--base", base):
            template = bases.load_template(bases.resolve_base(base))
    size = file.stat().st_size if file.is_file() else None
    with progress("characters", size) as bar:
        found = file_stats(file, template, bar)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)


def _print(found: FileStats) -> None:
    console = tables()
    roles = ", ".join(f"{count} {role}" for role, count in found.roles.most_common())
    console.print(f"{found.path}: {found.records} records; messages: {roles}; {found.learnt_messages} are learnt", soft_wrap=True)
    if found.unreadable:
        console.print(
            f"{found.unreadable} {'line holds' if found.unreadable == 1 else 'lines hold'} no record: `hone data check` says why"
        )
    if found.not_tokenised:
        console.print(f"{found.not_tokenised} records are refused by the chat template and have no tokens")
    if found.with_tools:
        console.print(f"{found.with_tools} records describe tools")
    console.print(f"{found.duplicates} records repeat another one, {found.same_questions} ask what was asked before\n")
    _print_lengths(console, found)
    answers = found.answers.as_dict()
    if answers and found.records >= 2 * len(answers):
        _print_values(console, "answers", answers)
    for name, values in found.fields.items():
        types = ", ".join(f"{count} {kind}" for kind, count in values.types.most_common())
        counts = values.values.as_dict()
        is_label = counts is not None and values.types.total() >= 2 * len(counts)
        _print_values(console, f"{name} ({types})", counts if is_label and counts else {})


def _print_lengths(console: Console, found: FileStats) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for heading in ("min", "p5", "median", "p95", "p99", "max", "mean"):
        table.add_column(heading, justify="right")
    table.add_column("min to max", no_wrap=True)
    for name, histogram in found.lengths.items():
        values = histogram.as_dict()
        if histogram.total:
            cells = [str(values[key]) for key in ("min", "p5", "p50", "p95", "p99", "max")]
            table.add_row(_LENGTHS[name], *cells, f"{values['mean']:.1f}", sparkline(histogram, _BARS))
    console.print(table)


def sparkline(histogram: Histogram, width: int) -> str:
    """One block for each part of the range; a part with any value at all has at least the lowest block."""
    bars = histogram.bars(width)
    most = max(bars)
    return "".join(_LEVELS[-(-bar * (len(_LEVELS) - 1) // most)] for bar in bars)


def _print_values(console: Console, title: str, counts: dict[str, int]) -> None:
    console.print(f"\n{title}", markup=False, soft_wrap=True)
    most = max(counts.values(), default=1)
    for value, count in list(counts.items())[:MAX_PRINTED]:
        console.print(f"  {value[:40]:<40} {count:>8}  {'█' * max(1, round(20 * count / most))}", markup=False)
    if len(counts) > MAX_PRINTED:
        console.print(f"  ... and {len(counts) - MAX_PRINTED} more")
