"""`hone eval list` and `show`: what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli import completion
from honekit.cli.clock import clock
from honekit.cli.confusion import confusion_lines
from honekit.cli.render import print_json
from honekit.errors import EvalError

if TYPE_CHECKING:
    from honekit.store.evals import Run

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
MAX_FAULTS = 3
"""Reasons why items could not be graded that are printed, the first ones."""


def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20, as_json: AsJson = False
) -> None:
    """List the runs of evaluations, newest first.

    Example:

        hone eval list --json
    """
    from honekit.settings import local_project
    from honekit.store import evals

    found = evals.list_runs(local_project(), limit=limit, newest_first=True)
    if as_json:
        print_json({"runs": [_summary(run) for run in found]})
        return
    if not found:
        print("No runs yet: `hone eval run` makes one.")
        return
    print(f"{'run':<32}  {'started':<16}  {'status':<11} {'passed':>14}  name")
    for run in found:
        counts = run.tallies.get("counts", {})
        passed = f"{counts.get('passed', 0)} of {counts.get('total', 0)}"
        print(f"{run.id}  {clock(run.created_at)}  {run.status:<11} {passed:>14}  {run.name}")


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or `last`.", autocompletion=completion.run)],
    items: Annotated[int, typer.Option(min=0, help="Also print so many items that did not pass.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a run with its figures: each criterion, its interval, confusion, calibration, judges.

    Examples:

        hone eval show last

        hone eval show evalrun_abc --items 5
    """
    found = find_run(run)
    if as_json:
        print_json(run_document(found, items))
    else:
        print_run(found, items)


def find_run(run_id: str) -> Run:
    """Raises: EvalError[evals.unknown_run]."""
    from honekit.settings import local_project
    from honekit.store import evals

    owner = local_project()
    found = evals.newest_run(owner) if run_id == "last" else evals.get_run(owner, run_id)
    if found is None:
        raise EvalError("evals.unknown_run", what=f"there is no run {run_id[:80]!r}", mend="`hone eval list` shows the runs")
    return found


def run_document(run: Run, items: int = 0) -> dict[str, Any]:
    """The run as `--json` prints it."""
    from honekit.evals.metrics import run_metrics
    from honekit.evals.run_faults import faults
    from honekit.store import eval_items

    done = eval_items.list_items(run.id)
    failed = [one for one in done if one.status != "pass"][:items]
    return {
        **_summary(run),
        "metrics": run_metrics(done),
        "faults": [{"fault": told, "items": count} for told, count in faults(done).items()],
        "items": [
            {"position": one.position, "status": one.status, "item": one.item, "sample": one.sample, "results": one.results}
            for one in failed
        ],
    }


def print_run(run: Run, items: int = 0) -> None:
    """The same for people."""
    from honekit.store.evals import OPEN

    document = run_document(run, items)
    counts = document["result_counts"]
    print(f"{run.id}  {run.name}  {run.status}")
    if run.status in OPEN:
        print(f"  not ended: `hone eval run --resume {run.id}` goes on with it")
    if run.error:
        print(f"  {run.error['message']} [{run.error['code']}]")
    print(f"  {counts.get('passed', 0)} passed, {counts.get('failed', 0)} failed, {counts.get('errored', 0)} could not be graded")
    for one in document["faults"][:MAX_FAULTS]:
        print(f"  {one['items']} could not be graded: {one['fault'][:500]}")
    if further := document["faults"][MAX_FAULTS:]:
        print(f"  {sum(one['items'] for one in further)} could not be graded for {len(further)} other reasons (--json has them)")
    for name, one in document["metrics"].items():
        if "mean_score" not in one:
            print(f"  {name:<28} no item could be graded")
            continue
        lo, hi = one["pass_rate_interval"]
        print(
            f"  {name:<28} score {one['mean_score']:.3f}   "
            f"passed {one['pass_rate']:.1%} ({lo:.1%} to {hi:.1%}), {one['items']} items"
        )
        if "classification" in one:
            told = one["classification"]
            print(f"    accuracy {told['accuracy']:.3f}, macro-F1 {told['macro']['f1']:.3f}, micro-F1 {told['micro']['f1']:.3f}")
            for label, of in told["classes"].items():
                print(
                    f"    {label:<24} precision {of['precision']:.3f}  recall {of['recall']:.3f}  "
                    f"F1 {of['f1']:.3f}  {of['items']} items"
                )
            for row in confusion_lines(told["confusion"]):
                print(f"    {row}")
        if "calibration" in one:
            told = one["calibration"]
            print(f"    Brier score {told['brier']:.3f}, calibration error {told['expected_calibration_error']:.3f}")
        if "judge" in one:
            told = one["judge"]
            print(
                f"    judge: same verdict with the places swapped {told['consistent_rate']:.1%}, ties {told['preferred']['tie']}"
            )
            if told["human_labels"]:
                print(f"    judge and humans agree on {told['agreement']:.1%} of {told['human_labels']}")
    for item in document["items"]:
        said = (item["sample"].get("output") or [{}])[0].get("content", "")
        print(f"\n  item {item['position']} ({item['status']}): {_short(item['item'])}\n    answered: {said[:300]!r}")
        if item["sample"].get("error"):
            print(f"    not answered: {item['sample']['error']['message'][:500]}")
        for result in item["results"]:
            fault = f"  {result['error']}" if "error" in result else ""
            print(f"    {'passed' if result['passed'] else 'failed'}  {result['name']}  {result['score']:.3f}{fault}")


def _summary(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "eval_id": run.eval_id,
        "name": run.name,
        "model": run.model,
        "status": run.status,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "subject": {name: value for name, value in run.subject.items() if name != "by"},
        "result_counts": run.tallies.get("counts", {}),
        "per_testing_criteria_results": run.tallies.get("criteria", []),
        "per_model_usage": run.tallies.get("models", {}),
        "error": run.error,
    }


def _short(item: dict[str, Any]) -> str:
    text = str({name: value for name, value in item.items() if name not in ("slices", "id", "accept", "hone_messages")})
    return text if len(text) <= 300 else text[:297] + "..."
