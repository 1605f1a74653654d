"""`hone eval external`: tasks of lm-evaluation-harness and Inspect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli.render import print_json
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.evals.external import Subject

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def external(
    task: Annotated[str, typer.Argument(metavar="LIBRARY:TASK", help="lm-eval:ifeval, inspect:my_task.py, ...")],
    model: Annotated[str, typer.Option(help="A name that the endpoint has.")],
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Any server of OpenAI's API. Default: the one in HONE_BASE_URL.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many samples.")] = None,
    tasks_dir: Annotated[
        Path | None, typer.Option("--tasks", metavar="FOLDER", help="Of lm-eval: where your own task files lie.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a task of lm-evaluation-harness or Inspect, where that package is installed, on any server of OpenAI's API.

    The package asks and scores; its figures are printed as it computes them. Samples that are right or wrong are also kept as a
    run, so that two models can be compared item by item with `hone eval compare`.

    Examples:

        hone eval external lm-eval:ifeval --model my-bot@production --limit 50

        hone eval external inspect:my_task.py --model my-bot@production --json
    """
    from contextlib import redirect_stdout
    from sys import stderr

    from honekit.cli.eval_run import begin, work
    from honekit.evals.external import as_suite, parse_task, run_external
    from honekit.settings import home

    library, name = parse_task(task)
    subject = _subject(model, endpoint)
    with redirect_stdout(stderr):  # they print as they go
        results = run_external(library, name, subject, home() / "external", limit=limit, tasks_dir=tasks_dir)
    told = []
    for result in results:
        suite = as_suite(library, result, model)
        run = work(begin(suite, suite.rows, None, None, None), 16) if suite else None
        told.append({**result.as_dict(), "samples": len(result.samples), "run": run.id if run else None})
    if as_json:
        print_json({"model": model, "endpoint": subject.url, "results": told})
        return
    for one in told:
        _print(one)


def _subject(model: str, endpoint: str | None) -> Subject:
    from honekit.cli.connection import server_url
    from honekit.cli.eval_models import KEY_VARIABLE, address
    from honekit.evals.external import Subject

    url = address(endpoint) if endpoint else server_url()
    if url is None:
        raise SettingsError(
            "settings.endpoint",
            what="these libraries ask over HTTP, and no server is named",
            where="--endpoint",
            mend="start `hone serve`, then add --endpoint http://127.0.0.1:8000",
        )
    key = os.environ.get(KEY_VARIABLE if endpoint else "HONE_API_KEY", "").strip()
    return Subject(model, url, key or "none")


def _print(one: dict[str, Any]) -> None:
    print(f"{one['task']}  {one['library']}, {one['samples']} samples")
    for figure in one["figures"]:
        error = figure["standard_error"]
        spread = f" ± {error:.3f} (standard error)" if error is not None else ""
        print(f"  {figure['metric']:<28} {figure['value']:.3f}{spread}")
    print(f"  kept as {one['run']}" if one["run"] else "  no metric is right or wrong by sample, so no run is kept")
    if one["log"]:
        print(f"  log {one['log']}")
