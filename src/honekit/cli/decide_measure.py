"""`hone decide measure`: every way to do the task on the same data, and the cheapest one that is good enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.base_name import absolute
from honekit.cli import completion
from honekit.cli.device import Device, chosen
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.project import Project


def measure(
    project: Annotated[Path, typer.Argument(help="Folder with hone.toml, or the file itself.")] = Path(),
    arms: Annotated[str | None, typer.Option(metavar="NAMES", help="Arms to measure, with commas; default all.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=4, help="At most so many validation and so many test examples.", metavar="N")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="Train the recipe with N seeds, to see how far they differ.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last measurement: its arms, limit, seeds, base, device.")
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(help="Base model in place of hone.toml's: id, Hub id or directory.", autocompletion=completion.base),
    ] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout; progress stays on stderr.")] = False,
) -> None:
    """Measure prompting, examples, retrieval, a classical model and fine-tuning on the same held-out data.

    The choice is the cheapest arm that is shown not to be worse than any other by the margin of [decide.measure]. Answers and
    trainings are kept, so that a call that was interrupted costs nothing twice. Exit code 0 when an arm is chosen, 1 when the
    data are too few.

    Examples:

        hone decide measure

        hone decide measure my-project --arms prompt,classical --limit 100

        hone decide measure my-project --arms few_shot,tuned --seeds 3

        hone decide measure --resume --json | jq .choice
    """
    from honekit.cli import render
    from honekit.cli.run import Terminal, base_of, changed
    from honekit.pipeline.measure import measure_project, result_file
    from honekit.pipeline.measure_settings import resumed_settings
    from honekit.project import load_project

    loaded = load_project(project)
    base = base and absolute(base, Path.cwd())
    names = [name.strip() for name in arms.split(",") if name.strip()] if arms is not None else None
    if resume:
        if names is not None or limit or seeds:
            raise SettingsError(
                "decide.resume",
                what="--resume takes arms, limit and seeds from the measurement that it goes on with",
                where="--resume",
                mend="leave --arms, --limit and --seeds out, or leave --resume out",
            )
        kept = resumed_settings(loaded, base, device)
        names, limit, seeds = kept.arms, kept.limit, kept.seeds
        base, device = kept.base or base, chosen(kept.device or device)
    if names is not None:
        require_recipe(seeds, names, "name tuned in --arms, or leave --seeds out")
    loaded = with_options(changed(loaded, base, device), seeds=seeds)
    terminal = Terminal()
    try:
        with base_of(loaded, base):
            document = measure_project(loaded, terminal, arms=names, limit=limit, command="hone decide measure")
    finally:
        terminal.close()
    if as_json:
        render.print_json(document)
    else:
        _print(document, result_file(loaded))
    raise typer.Exit(0 if document["choice"] else 1)


def require_recipe(seeds: int | None, arms: Sequence[str], mend: str) -> None:
    """Raises: SettingsError[decide.seeds] for several seeds of a recipe that is not trained on all examples."""
    if seeds is not None and seeds > 1 and "tuned" not in arms:
        raise SettingsError(
            "decide.seeds", what="--seeds trains the arm tuned again, and it is not measured here", where="--seeds", mend=mend
        )


def with_options(project: Project, **changes: Any) -> Project:
    """The project with these keys of [decide.measure]; None leaves what hone.toml says."""
    given = {name: value for name, value in changes.items() if value is not None}
    options = project.decide.measure.model_copy(update=given)
    return project.model_copy(update={"decide": project.decide.model_copy(update={"measure": options})})


def _print(document: dict[str, Any], file: Path) -> None:
    from rich.table import Table

    from honekit.cli.render import tables

    console = tables(150)
    colour = "green" if document["choice"] and document["settled"] else "yellow"
    console.print(f"\n[bold {colour}]{document['choice'] or 'Not enough evidence'}[/bold {colour}]")
    for reason in document["reasons"]:
        console.print(f"  - {reason}", markup=False, soft_wrap=True)
    if document["confirmation"]:
        console.print(f"  - {document['confirmation']['sentence']}", markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("arm", "validation", "test", "standing", "per 1,000", "per 1,000 right", "training", "all", "ms p50")
    for head in heads:
        table.add_column(head, justify="left" if head in ("arm", "standing") else "right")
    standings = {standing["arm"]: standing for standing in document["selection"]["standings"]}
    metric = document["primary_metric"]
    for name, arm in sorted(document["arms"].items(), key=lambda item: item[1]["cost"]["over_requests"]):
        cost, latency = arm["cost"], arm["seconds_per_request"]
        table.add_row(
            f"[bold]{name}[/bold]" if name == document["choice"] else name,
            *(_score(arm[part], metric) for part in ("validation", "test")),
            standings[name]["status"] + ("" if standings[name]["complete"] else ", not all fields"),
            f"{cost['per_1000_requests']:.4f}",
            "-" if cost["per_1000_correct"] is None else f"{cost['per_1000_correct']:.4f}",
            f"{cost['training']:.4f}",
            f"{cost['over_requests']:.2f}",
            "-" if latency is None else f"{1000 * latency:.0f}",
        )
    examples = document["examples"]
    console.print(
        f"\n{metric} with 95 % intervals; {examples['validation']} validation examples decide, {examples['test']} test examples "
        f"confirm. Costs in {document['currency']}; all: training and {document['requests']:,} requests.",
        markup=False,
    )
    console.print(table)
    for told in dict.fromkeys(arm["cost"]["price_from"] for arm in document["arms"].values()):
        if told:
            console.print(f"Price of the provider: {told}.", soft_wrap=True, markup=False)
    for one in document["noise"]:
        console.print(
            f"\nThe same arm twice ({one['arm']}, {one['changed']}): {one['different_answers']} of {one['items']} answers "
            f"differ, the score by {one['difference']['mean']:+.3f}.",
            markup=False,
        )
    if document["seeds"]:
        print_seeds(document)
    if told := payback_told(document):
        console.print(f"\n{told}", soft_wrap=True, markup=False)
    if document["learning_curve"]:
        gains = [gain["sentence"] for gain in document["learning_curve"]["gains"]]
        console.print("\nForecast: " + ("; ".join(gains) or "none"), markup=False)
        console.print(f"  {document['learning_curve']['note']}", soft_wrap=True, markup=False)
    console.print(f"\nReport: {document['report']}\nFigures: {file}", soft_wrap=True, markup=False)


def payback_told(document: dict[str, Any]) -> str | None:
    """When the chosen arm, or else the trained one that is right most often, has paid for its training: against the choice
    where that is another arm, else against the best one."""

    def right(name: str) -> float:
        return document["arms"][name]["test"]["correct_rate"] or 0.0

    found, choice = document["payback"], document["choice"]
    if not found:
        return None
    trained = choice if choice in found else max(found, key=right)
    rivals = {one["against"]: one["sentence"] for one in found[trained]}
    against = choice if choice in rivals else max(rivals, key=right, default=None)
    return rivals.get(against)


def print_seeds(document: dict[str, Any]) -> None:
    """How far trainings of one recipe differ, on the validation examples."""
    found = document["seeds"]["validation"]
    print(f"\n{found['sentence']}")
    for one in found["beside"]:
        print(f"  {one['sentence']}")


def _score(part: dict[str, Any], metric: str) -> str:
    lo, hi = part["intervals"][metric]
    return f"{part['scores'][metric]:.3f} ({lo:.2f} to {hi:.2f})"
