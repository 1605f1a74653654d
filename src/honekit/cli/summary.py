"""The end of a run on the terminal: verdict, arms, time against the floor, and how to call the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from honekit.cli.render import tables

if TYPE_CHECKING:
    from honekit.pipeline import Outcome

WIDE = 138
"""Columns that six arms with their intervals need side by side."""


def print_summary(outcome: Outcome, sliced: Sequence[str] = ()) -> None:
    """Everything on stdout, the verdict first; metrics in `sliced` for each slice too."""
    document = outcome.document
    console = tables()
    colour = {"ship": "green", "don't ship": "red"}.get(document["verdict"], "yellow")
    console.print(f"\n[bold {colour}]Verdict: {document['verdict']}[/bold {colour}]")
    for reason in document["reasons"]:
        console.print(f"  - {reason}", markup=False, soft_wrap=True)
    test = document["test"]
    part = "a fixed stratified part, " if test["share"] < 1 else ""
    console.print(
        f"\nMeasured on {part}{test['examples']} of {test['of']} test examples, with 95 % intervals; * chosen on validation."
    )
    console.print(_arms(document, console.width))
    if sliced and any(arm.get("slices") for arm in document["arms"].values()):
        console.print("\nBy slice, with its number of examples; the report has every metric.")
        console.print(_slices(document, sliced, console.width))
    console.print(_stages(document))
    floor = document["floor"]
    if floor["ratio"]:
        console.print(
            f"Whole run {document['timings_s']['total']:.0f} s, floor {floor['seconds']:.0f} s, ratio {floor['ratio']:.2f}; "
            "floors by the mean of the speeds read before and after each stage, "
            f"{floor['reading_seconds']:.0f} s of the run for the readings",
            soft_wrap=True,
        )
    console.print(f"\nReport:   {outcome.report}", soft_wrap=True)
    if outcome.alias:
        console.print(f"Deployed: {outcome.alias} -> {outcome.version}", soft_wrap=True)
    else:
        console.print(f"Not promoted. The model can be called as {outcome.version}", soft_wrap=True)
    where = document["folder"]
    console.print(f"\nStart `hone serve`, make a key with `hone keys create`, then in {where}:\n", markup=False, soft_wrap=True)
    console.print(document["snippet"], markup=False, soft_wrap=True)


def _arms(document: dict[str, Any], width: int) -> Table:
    """Metrics down and arms across, so that every rate has room for its interval; exact match is left to the report."""
    primary, arms = document["primary_metric"], document["arms"].values()
    table = _table(document, width)
    for name in sorted(document["metrics"], key=lambda metric: metric != primary):
        if not name.startswith("field_exact"):
            table.add_row(_told(name), *(_cell(arm, arm.get("intervals", {}), name, width) for arm in arms))
    for name, title in (("latency_ms_p50", "ms p50"), ("tokens_per_request", "tokens per request")):
        values = [arm.get(name) for arm in arms]
        table.add_row(title, *("-" if value is None else f"{value:.0f}" for value in values))
    return table


def _slices(document: dict[str, Any], metrics: Sequence[str], width: int) -> Table:
    arms = document["arms"].values()
    table = _table(document, width)
    for slice_name in dict.fromkeys(name for arm in arms for name in arm.get("slices", {})):
        items = [pair["items"] for pair in document["tests"].get("by_slice", {}).get(slice_name, {}).values()]
        table.add_row(f"[bold]{escape(slice_name)}[/bold]" + (f" ({items[0]})" if items else ""))
        for metric in metrics:
            found = [
                (arm.get("slices", {}).get(slice_name, {}), arm.get("slice_intervals", {}).get(slice_name, {})) for arm in arms
            ]
            table.add_row(f"  {_told(metric)}", *(_cell(*values, metric, width) for values in found))
    return table


def _table(document: dict[str, Any], width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for arm in document["arms"]:
        heading = escape(arm if width >= WIDE else arm.replace("_", "\n_"))
        table.add_column(f"{heading} *" if arm == document["chosen_arm"] else heading, justify="right", overflow="fold")
    return table


def _cell(values: Mapping[str, Any], intervals: Mapping[str, Any], metric: str, width: int) -> str:
    value, interval = values.get(metric), intervals.get(metric)
    if value is None:
        return "-"
    if not interval:
        return f"{value:.2f}"
    if width >= WIDE:
        return f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"
    return f"{value:.2f}\n{interval[0]:.2f}-{interval[1]:.2f}"


def _told(metric: str) -> str:
    return escape(metric.replace("_", " "))


def _stages(document: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage")
    for title in ("seconds", "floor", "ratio", "GFLOP/s", "GB/s"):
        table.add_column(title, justify="right")
    table.add_column()
    for stage in document["stages"]:
        floor = stage["floor_seconds"]
        if stage["seconds"] < 0.5 and not floor:
            continue
        table.add_row(
            stage["name"],
            f"{stage['seconds']:.1f}",
            f"{floor:.1f}" if floor else "",
            f"{stage['seconds'] / floor:.2f}" if floor else "",
            _readings(stage, "gflops"),
            _readings(stage, "memory_gb_s"),
            stage["note"],
        )
    return table


def _readings(stage: dict[str, Any], what: str) -> str:
    """Before and after the stage."""
    return " ".join(f"{reading[what]:.0f}" for reading in stage["readings"])
