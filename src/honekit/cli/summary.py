"""The end of a run on the terminal: verdict, arms, time against the floor, and how to call the model."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from honekit.pipeline import Outcome

COLUMNS = 7
"""At most so many quality metrics in the table; the report has all of them."""
_INTERVAL = len("0.00 (0.00-0.00)")
_GAP = 2


def print_summary(outcome: Outcome) -> None:
    """Everything on stdout, the verdict first."""
    document = outcome.document
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    colour = {"ship": "green", "don't ship": "red"}.get(document["verdict"], "yellow")
    console.print(f"\n[bold {colour}]Verdict: {document['verdict']}[/bold {colour}]")
    for reason in document["reasons"]:
        console.print(f"  - {reason}", markup=False, soft_wrap=True)
    test = document["test"]
    part = "a fixed stratified part, " if test["share"] < 1 else ""
    console.print(f"\nMeasured on {part}{test['examples']} of {test['of']} test examples; 95 % intervals in brackets.")
    console.print(_arms(document, console.width))
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
    """As many metrics as `width` has room for without cutting a name or an interval, the primary one with its interval first."""
    names = document["metrics"]
    primary = document["primary_metric"]
    arms = max(map(len, document["arms"]))
    room = width - arms - _GAP - len("ms p50")
    shown: dict[str, int] = {}
    for name in [primary, *[n for n in names if n != primary and not n.startswith("field_exact")]][:COLUMNS]:
        needed = max(_INTERVAL if name == primary else len("0.00"), *map(len, name.split("_")))
        room -= needed + _GAP
        if room >= 0 or name == primary:
            shown[name] = needed
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("arm")
    for name, needed in shown.items():
        # Broken here, since rich would break the names of arms and the intervals as well, to give the headings more room.
        table.add_column("\n".join(textwrap.wrap(name.replace("_", " "), needed)), justify="right")
    table.add_column("ms p50", justify="right")
    for arm, values in document["arms"].items():
        row = [f"[bold]{arm}[/bold]" if arm == document["chosen_arm"] else arm]
        for name in shown:
            value = values.get(name)
            interval = values.get("intervals", {}).get(name)
            cell = "-" if value is None else f"{value:.2f}"
            if value is not None and interval and name == primary:
                cell += f" ({interval[0]:.2f}-{interval[1]:.2f})"
            row.append(cell)
        latency = values.get("latency_ms_p50")
        row.append("-" if latency is None else f"{latency:.0f}")
        table.add_row(*row)
    return table


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
