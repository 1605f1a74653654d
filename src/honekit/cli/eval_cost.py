"""`hone eval cost`: what does each arm cost, and when has the tuned one paid for itself?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from honekit.cli.render import print_json, tables

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def cost(
    place: Annotated[
        Path, typer.Argument(metavar="PROJECT|RESULT", help="Folder with hone.toml (its newest run counts), or a run's folder.")
    ] = Path("."),
    against: Annotated[
        str | None,
        typer.Option(metavar="ARM", help="The arm of the sentence. Default: the untuned one that is right most often."),
    ] = None,
    project: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The project of a result that lies elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run's arms cost, and when the chosen tuned arm has paid for its training and its labels.

    Prices come from [cost] of hone.toml as it is now: label_per_example, value_per_corrected_error, requests_per_day,
    machine_per_hour, and the hosted alternative's price, or its name in `alternative_model` for the list price. The payback is a
    range: that of the 95 % intervals of the difference in right answers, and of the seconds and tokens of a request.

    Examples:

        hone eval cost

        hone eval cost my-project --against base_few_shot --json
    """
    from honekit.cli.eval_gate import project_of
    from honekit.evals.benefit import benefit
    from honekit.evals.results import find_result, read_evidence
    from honekit.project import load_project

    result = find_result(place)
    loaded = load_project(project or project_of(place, result))
    document, evidence = read_evidence(loaded, result)
    found = benefit(loaded, document, evidence.graded, against)
    if as_json:
        print_json({"result": str(result), **found})
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = tables(150)
    heads = (
        "arm",
        "right",
        "per 1,000",
        "per 1,000 right",
        "corrected per 1,000",
        "paid back after",
        "at the earliest",
        "at the latest",
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="left" if head == "arm" else "right")
    rows = dict(found["arms"])
    if found["hosted"]:
        rows["hosted"] = {"correct_rate": None, "per_1000_correct": None, **found["hosted"]}
    for name, arm in rows.items():
        back = found["payback"].get(name)
        table.add_row(
            f"[bold]{name}[/bold]" if name == found["chosen"] else name,
            "-" if arm["correct_rate"] is None else f"{arm['correct_rate']:.1%}",
            f"{arm['per_1000_requests']:.4f}",
            "-" if arm["per_1000_correct"] is None else f"{arm['per_1000_correct']:.4f}",
            *(_back(back) if back else ("", "", "", "")),
        )
    console.print(
        f"{found['chosen']} cost {found['training']['cost']:.4f} {found['currency']} to train and {found['labelling']:.2f} for "
        f"{found['labelled_examples']} labels. In {found['currency']}; requests until {found['chosen']} has paid for itself "
        "against each arm.\n",
        soft_wrap=True,
    )
    console.print(table)
    if found["hosted"]:
        price = f"{found['hosted']['per_million_tokens']:.4g} {found['currency']} a million tokens"
        console.print(f"\nhosted: {price}, {found['hosted']['price_from']}.", soft_wrap=True, markup=False)
    if found["sentence"]:
        console.print(f"\n{found['sentence']}", soft_wrap=True, markup=False)
    console.print(f"Assumed: {found['assumption']}; given prices and the training's cost are exact.", soft_wrap=True)


def _back(back: dict[str, Any]) -> tuple[str, ...]:
    corrected = "not measured"
    if back["corrected_per_1000"] is not None:
        lo, hi = back["corrected_interval"]
        corrected = f"{back['corrected_per_1000']:+.0f} ({lo:+.0f} to {hi:+.0f})"
    times = (back["requests"], back["earliest"], back["latest"])
    return (corrected, *("never" if one is None else f"{one:,}" for one in times))
