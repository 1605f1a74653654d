"""`hone eval robustness`: the same questions, a little spoilt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honekit.cli.render import print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def robustness(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml|PROJECT", help="What to ask.")],
    model: Annotated[str, typer.Option(help="Base, tuned model, alias, directory, or a name that the endpoint has.")],
    key: Annotated[
        str | None, typer.Option(help="Key of the items that holds the text. Default: input; of a project its prompt.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Any server of OpenAI's API.")] = None,
    judge: Annotated[str | None, typer.Option(metavar="URL", help="Where graders ask their models.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask each item clean and with typos, in capitals, in another order, with noise, other device names and an injected order.

    Items may bring `paraphrases`, a list of texts. Told are how often the answer stays the same, and how each criterion changes,
    with its interval.

    Example:

        hone eval robustness suite.toml --model support-bot@production --limit 50
    """
    from honekit.cli.eval_compare import line
    from honekit.cli.eval_run import begin, work
    from honekit.evals.robustness import by_form, spoilt_rows
    from honekit.evals.suites import load_suite
    from honekit.store import eval_items

    loaded = load_suite(suite)
    is_project = suite.is_dir() or suite.name == "hone.toml"
    rows = spoilt_rows(loaded.rows[:limit], key or ("prompt" if is_project else "input"))
    done = work(begin(loaded, rows, model, endpoint, judge), 16)
    found = by_form(eval_items.list_items(done.id))
    if as_json:
        print_json({"run": done.id, "model": model, "forms": [one.as_dict() for one in found]})
        return
    print(f"{done.id}  {model}; A is the spoilt text, B the clean one")
    for one in found:
        print(f"\n{one.form}: the same answer to {one.same_answer:.1%} of {one.items}")
        for compared in one.compared:
            print(f"  {line(compared)}")
