"""`hone decide curve`: what would more training examples bring?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import SettingsError

_USUAL = (50, 100, 200, 300)


def curve(
    project: Annotated[Path, typer.Argument(help="Folder with hone.toml, or the file itself.")] = Path(),
    sizes: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Numbers of training examples. Default: 50, 100, 200, 300 of those there are."),
    ] = None,
    further: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Further examples to forecast. Default: those of [decide.measure].")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=4, metavar="N", help="At most so many validation and so many test examples.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=20, metavar="N", help="Train the largest size with N seeds, where it is all examples."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="Base model in place of hone.toml's: id, Hub id or directory.", autocompletion=completion.base),
    ] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout; progress stays on stderr.")] = False,
) -> None:
    """Train on growing parts of the data, score each on the same validation examples, and forecast what more would bring.

    Parts are stratified, and larger ones hold the smaller. The time that all of it takes is printed first. Trainings and answers
    are kept: the same command goes on where it was interrupted, and shares what `hone decide measure` did.

    Examples:

        hone decide curve my-project

        hone decide curve my-project --sizes 50,100 --json | jq .gains
    """
    from honekit.cli import render
    from honekit.cli.decide_measure import print_seeds, require_recipe, with_options
    from honekit.cli.run import Terminal, base_of, changed
    from honekit.data.prepare import prepare
    from honekit.pipeline.measure import measure_project
    from honekit.project import load_project

    loaded = changed(load_project(project), base, device)
    total = len(prepare(loaded, use_more=True).train)
    shares, arms = parts(_numbers(sizes, "--sizes") if sizes else usual_sizes(total), total)
    require_recipe(seeds, arms, f"add {total}, all training examples, to --sizes, or leave --seeds out")
    more = _numbers(further, "--further") if further else None
    loaded = with_options(loaded, shares=shares, further_examples=more, seeds=seeds)
    terminal = Terminal()
    try:
        with base_of(loaded, base):
            document = measure_project(loaded, terminal, arms=arms, limit=limit, command="hone decide curve", name="curve")
    finally:
        terminal.close()
    found = {
        "project": document["project"],
        "metric": document["primary_metric"],
        "validation_examples": document["examples"]["validation"],
        **document["learning_curve"],
        "seeds": document["seeds"],
        "estimated_s": document["estimated_s"],
        "timings_s": document["timings_s"],
        "report": document["report"],
    }
    if as_json:
        render.print_json(found)
        return
    print(f"\n{found['metric']} on {found['validation_examples']} validation examples\n")
    for point in found["points"]:
        print(
            f"{point['examples']:>7,} examples  {point['score']:.3f} ({point['interval'][0]:.3f} to {point['interval'][1]:.3f})"
        )
    for gain in found["gains"]:
        print(f"\n{gain['sentence']} (95 % range {gain['lo']:+.3f} to {gain['hi']:+.3f})")
    if document["seeds"]:
        print_seeds(document)
    print(f"\n{found['note']}\nReport: {found['report']}")


def usual_sizes(total: int) -> tuple[int, ...]:
    """The sizes of a curve that nobody named: those of `_USUAL` that there are examples for, all of fewer, parts of very few."""
    sizes = {size for size in _USUAL if size <= total} | ({total} if total < max(_USUAL) else set())
    return tuple(sorted(sizes)) if len(sizes) > 1 else (max(total // 4, 1), max(total // 2, 1), total)


def parts(sizes: tuple[int, ...], total: int) -> tuple[tuple[float, ...], list[str]]:
    """The shares of all training examples, and the arms of `hone decide measure` that are trained on them.

    Raises: SettingsError[decide.sizes] for sizes that there are not enough examples for, or that are too close together.
    """
    given = sorted(set(sizes))
    shares = tuple(size / total for size in given if size < total)
    arms = [f"tuned_{round(100 * share)}" for share in shares] + (["tuned"] if total in given else [])
    if max(given, default=0) > total or len(arms) < 2 or len(set(arms)) < len(given):
        raise SettingsError(
            "decide.sizes",
            what=f"{', '.join(map(str, given))} are no sizes of a curve: there are {total} training examples",
            where="--sizes",
            mend=f"give at least two sizes up to {total} that are at least a hundredth of it apart",
        )
    return shares, arms


def _numbers(text: str, where: str) -> tuple[int, ...]:
    names = [one.strip() for one in text.split(",")]
    if not all(name.isdecimal() and int(name) > 0 for name in names):
        raise SettingsError("decide.sizes", what=f"{text[:80]!r} is no list of numbers", where=where, mend="write 50,100,200")
    return tuple(int(name) for name in names)
