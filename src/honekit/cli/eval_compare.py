"""`hone eval compare`: two runs, item by item."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from honekit.cli import completion
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from honekit.evals.compare_runs import Compared, Pair

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Outcome = Literal["won", "lost", "tied"]


def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="A run's id, or `last`.", autocompletion=completion.run)],
    run_b: Annotated[
        str, typer.Argument(metavar="RUN_B", help="The run that it is compared with.", autocompletion=completion.run)
    ],
    slices: Annotated[str, typer.Option(metavar="KEY", help="Key of the items that holds their slice or slices.")] = "slices",
    metrics: Annotated[
        str, typer.Option(metavar="NAMES", help="Of classifications: macro_f1, macro_precision, macro_recall, micro_f1, or none.")
    ] = "macro_f1",
    show: Annotated[int, typer.Option(min=0, help="Print so many items side by side, those that differ first.")] = 0,
    only: Annotated[str | None, typer.Option(metavar="won|lost|tied", help="Which items --show prints.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs on the items that both have: differences with 95 % intervals, overall and by slice.

    Scores are compared item by item; a classification also by metrics of the whole set, with an interval and a permutation
    test of their own. "better" is said only where the interval lies above zero and the test agrees after correction: over all
    lines of the whole, of every criterion and metric that is asked for, and over all lines of slices.

    Examples:

        hone eval compare last evalrun_abc

        hone eval compare evalrun_a evalrun_b --slices device --show 5 --only lost

        hone eval compare last evalrun_abc --metrics macro_f1,macro_recall --json
    """
    from honekit.cli.eval_runs import find_run
    from honekit.errors import SettingsError
    from honekit.evals.compare_runs import compare as compare_pairs
    from honekit.evals.compare_runs import correction_told, left_out, only_in, pair_items
    from honekit.evals.graded_pairs import changed_criteria, graded_by_none
    from honekit.store import eval_items

    if only not in (None, "won", "lost", "tied"):
        raise SettingsError("cli.usage", what=f"--only takes won, lost or tied, not {only!r}", mend="use one of these")
    wanted = _set_metrics(metrics)
    a, b = find_run(run_a), find_run(run_b)
    pairs = pair_items(eval_items.list_items(a.id), eval_items.list_items(b.id))
    only_in_a, only_in_b = only_in(a, b, pairs)
    changed = changed_criteria(a, b)
    compared = compare_pairs(pairs, slices, wanted)
    order: dict[Outcome, int] = {"lost": 0, "won": 1, "tied": 2}
    shown = sorted((pair for pair in pairs if only in (None, _outcome(pair))), key=lambda pair: order[_outcome(pair)])[:show]
    if as_json:
        print_json(
            {
                "a": {"id": a.id, "name": a.name},
                "b": {"id": b.id, "name": b.name},
                "items": len(pairs),
                "only_in_a": only_in_a,
                "only_in_b": only_in_b,
                "changed_criteria": changed,
                "graded_by_none": graded_by_none(pairs),
                "compared": [asdict(one) for one in compared],
                "correction": correction_told(compared),
                "side_by_side": [_side(pair) for pair in shown],
            }
        )
        return
    both = "; ".join(filter(None, (f"{len(pairs)} items in both", left_out(a, b, pairs))))
    print(f"A  {a.id}  {a.name}\nB  {b.id}  {b.name}\n{both}\n")
    for told in changed:
        print(f"{told}\n")
    for one in compared:
        print(line(one))
    for name in graded_by_none(pairs):
        print(f"{name}: neither run could grade an item by it; `hone eval show RUN` says why")
    if told := correction_told(compared):
        print(f"\n{told}")
    for pair in shown:
        side = _side(pair)
        print(f"\nitem {pair.a.position}, {side['outcome']}: {_short(pair.item)}")
        print(f"  A  {side['a']['output']!r}\n  B  {side['b']['output']!r}")


def line(one: Compared) -> str:
    """One criterion, or one slice of it, in a sentence, with the true difference that so many items show (80 % power) and what
    is left out."""
    from honekit.evals.compare_runs import left_ungraded
    from honekit.evals.report_format import probability

    name = f"{one.criterion} {one.metric}" if one.slice is None else f"  {one.slice}"
    head = f"{name:<28} {one.value_a:.3f} against {one.value_b:.3f}, {one.items} items"
    left = f"; {told}" if (told := left_ungraded(one)) else ""
    if one.interval is None:
        return f"{head}: {one.word}{left}"
    lo, hi = one.interval
    told = f"{head}: difference {one.difference:+.3f} ({lo:+.3f} to {hi:+.3f}), p {probability(one.p)}; A is "
    told = told + one.word if one.word in ("better", "worse") else told.removesuffix("; A is ") + f"; {one.word}"
    told += f"; effect size {one.effect_size:+.2f}" if one.effect_size is not None else ""
    return told + (f"; {one.items} items would show {one.detectable:.3f}" if one.detectable else "") + left


def _set_metrics(names: str) -> list[str]:
    """Raises: SettingsError[cli.usage] for a metric that there is not."""
    from honekit.errors import SettingsError
    from honekit.evals.set_metrics import SET_METRICS

    wanted = [name for one in names.split(",") if (name := one.strip()) not in ("", "none")]
    unknown = [name for name in wanted if name not in SET_METRICS]
    if unknown:
        raise SettingsError(
            "cli.usage", what=f"there is no metric {', '.join(unknown)}", where="--metrics", mend=f"use {', '.join(SET_METRICS)}"
        )
    return wanted


def _outcome(pair: Pair) -> Outcome:
    """By how many criteria each passes."""
    from honekit.evals.side_by_side import outcome

    return outcome(pair)


def _short(item: dict[str, Any], most: int = 300) -> str:
    """The item's keys and values on one line."""
    text = ", ".join(f"{key} {value!r}" for key, value in item.items())
    return text if len(text) <= most else f"{text[:most]} …"


def _side(pair: Pair) -> dict[str, Any]:
    def one(item: Any) -> dict[str, Any]:
        output = (item.sample or {}).get("output") or [{}]
        return {"status": item.status, "output": output[0].get("content", ""), "results": item.results}

    return {"item": pair.item, "outcome": _outcome(pair), "a": one(pair.a), "b": one(pair.b)}
