"""`hone eval report`: two runs side by side as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honekit.cli import completion

FORMATS = (".html", ".md")


def report(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="A run's id, or `last`.", autocompletion=completion.run)],
    run_b: Annotated[
        str, typer.Argument(metavar="RUN_B", help="The run that it is compared with.", autocompletion=completion.run)
    ],
    slices: Annotated[str, typer.Option(metavar="KEY", help="Key of the items that holds their slice or slices.")] = "slices",
    out: Annotated[Path, typer.Option(help="FILE.html, or FILE.md for Markdown.")] = Path("comparison.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Write a page that compares two runs: verdict, differences with intervals, outputs side by side.

    The page is one file that loads nothing from anywhere. It holds the texts of the items and of the answers.

    Examples:

        hone eval report last evalrun_abc

        hone eval report evalrun_a evalrun_b --slices device --out comparison.md
    """
    from honekit.cli.eval_runs import find_run
    from honekit.cli.render import print_json
    from honekit.errors import SettingsError
    from honekit.evals.compare_runs import compare, pair_items
    from honekit.evals.comparison_report import comparison_html, comparison_markdown, headline
    from honekit.evals.graded_pairs import changed_criteria
    from honekit.store import eval_items
    from honekit.store.atomic import write_atomic

    if out.suffix not in FORMATS:
        mend = "name a file that ends in .html or .md, such as `--out comparison.html`"
        raise SettingsError(
            "cli.usage", what=f"a report is HTML or Markdown, and {out.name} is neither", where="--out", mend=mend
        )
    a, b = find_run(run_a), find_run(run_b)
    pairs = pair_items(eval_items.list_items(a.id), eval_items.list_items(b.id))
    compared = compare(pairs, slices)
    make = comparison_html if out.suffix == ".html" else comparison_markdown
    verdict = headline([one for one in compared if one.slice is None], changed_criteria(a, b))
    write_atomic(out, make(a, b, pairs, compared, verdict, slices))
    if as_json:
        print_json(
            {"a": a.id, "b": b.id, "items": len(pairs), "verdict": verdict["title"], "plain": verdict["plain"], "out": out}
        )
    else:
        print(f"{verdict['plain']}\nReport: {out}")
