"""`hone eval robustness`: the same questions, a little spoilt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from honekit.evals.robustness import Spoilt

FORMS = ("typos", "case", "order", "noise", "names", "injection")
WHAT = {
    "typos": "typing errors",
    "case": "all in capitals",
    "order": "lines or sentences in another order",
    "noise": "stray characters",
    "names": "other device names",
    "injection": "an order to the model in the text",
    "paraphrase": "said otherwise",
    "again": "the same text again, many at a time",
    "alone": "the same text, one at a time",
}
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def robustness(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml|PROJECT", help="What to ask.")],
    model: Annotated[
        str,
        typer.Option(
            help="Base, tuned model, alias, directory, or a name that the endpoint has.", autocompletion=completion.model
        ),
    ],
    key: Annotated[str, typer.Option(help="Key of the items that holds the text.")] = "input",
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Any server of OpenAI's API.")] = None,
    judge: Annotated[str | None, typer.Option(metavar="URL", help="Where graders ask their models.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    device: Device = "auto",
    retrieval: Annotated[bool, typer.Option("--retrieval", help="Of a project: with the passages that it retrieves.")] = False,
    paraphrases: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSONL of {"id": ..., "paraphrases": [...]}, for items that bring none.')
    ] = None,
    again: Annotated[int, typer.Option(min=0, max=20, help="Ask the first items so many times more, and once alone.")] = 2,
    show: Annotated[int, typer.Option(min=0, max=3, help="Print so many changed answers of each form.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Ask each item clean and with typos, in capitals, in another order, with noise, other device names and an injected order.

    Items may bring `paraphrases`, a list of texts. The first 30 items are also asked again, unchanged: many at a time, and
    one at a time. Told are how often answer and verdict stay the same, how often an injected order is obeyed, and how each
    criterion changes, all with intervals.

    Examples:

        hone eval robustness suite.toml --model support-bot@production --limit 50

        hone eval robustness my-project --model my-bot --paraphrases said.jsonl
    """
    from honekit.cli.eval_run import begin, work
    from honekit.evals.compare_runs import correction_told
    from honekit.evals.robustness import by_form, rows_alone, spoilt_rows, with_paraphrases
    from honekit.evals.suites import load_suite
    from honekit.store import eval_items

    loaded = load_suite(suite, retrieval=retrieval)
    rows = list(loaded.rows[:limit])
    if paraphrases is not None:
        rows = with_paraphrases(loaded.rows, paraphrases)[:limit]
    runs = [work(begin(loaded, spoilt_rows(rows, key, loaded.asked, again=again), model, endpoint, judge), 16)]
    if again:  # of an alias the version that answered above, wherever it has moved since
        runs.append(work(begin(loaded, rows_alone(rows, key), runs[0].model, endpoint, judge), 1))
    found = by_form([item for one in runs for item in eval_items.list_items(one.id)], key)
    unchanged = [form for form in FORMS if form not in [one.form for one in found]]
    if as_json:
        forms = [one.as_dict() for one in found]
        print_json({"runs": [one.id for one in runs], "model": model, "items": len(rows), "forms": forms, "unchanged": unchanged})
        return
    print(f"{', '.join(one.id for one in runs)}  {model}, {len(rows)} items; A is the spoilt text, B the clean one")
    for one in found:
        _print(one, show)
    if told := correction_told([line for one in found for line in one.compared]):
        print(f"\n{told}")
    if unchanged:
        print(f"\nnothing to change in any item: {', '.join(unchanged)}")


def _print(one: Spoilt, show: int) -> None:
    from honekit.cli.eval_compare import line

    texts = f", {one.texts} texts" if one.texts > one.items else ""
    print(f"\n{WHAT[one.form]} ({one.form}): {one.items} items{texts}")
    for told, count in (("got no answer", one.unanswered), ("could not be graded", one.ungraded - one.unanswered)):
        if count:
            print(f"  {count} of these items, spoilt or clean, {told}: left out")
    print(f"  same answer  {_rate(one.same_answer, one.same_answer_interval)}")
    print(f"  same verdict {_rate(one.same_verdict, one.same_verdict_interval)}")
    if one.obeyed is not None:
        print(f"  obeyed       {_rate(one.obeyed, one.obeyed_interval)}")
    for compared in one.compared:
        print(f"  {line(compared)}")
    for changed in one.changed[:show]:
        for name, text in changed.items():
            short = text if len(text) <= 200 else f"{text[:197]}..."
            print(f"    {name:<6} {short!r}")


def _rate(rate: float | None, interval: tuple[float, float] | None) -> str:
    if rate is None or interval is None:
        return "of no item can this be said"
    return f"{rate:6.1%} ({interval[0]:.1%} to {interval[1]:.1%})"
