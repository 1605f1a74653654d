"""`hone eval run`: a model on a suite or a project's test set."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.cli.eval_models import JUDGE_KEY_VARIABLE, KEY_VARIABLE, address, at_endpoint, models_at, version_behind
from honekit.cli.render import console, print_json, progress
from honekit.errors import EvalError, SettingsError

if TYPE_CHECKING:
    from honekit.cli.render import Report
    from honekit.evals.suites import Suite
    from honekit.store.evals import Entry, Run

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


def run(
    suite: Annotated[
        Path | None, typer.Argument(metavar="SUITE.toml|PROJECT", help="What to measure: a suite, or a project's test set.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Base, tuned model, alias, directory, or a name that the endpoint has.", autocompletion=completion.model
        ),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help=f"Any server of OpenAI's API; its key in {KEY_VARIABLE}.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="URL", help=f"Where graders ask their models; its key in {JUDGE_KEY_VARIABLE}.")
    ] = None,
    device: Device = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    retrieval: Annotated[bool, typer.Option("--retrieval", help="Of a project: with the passages that it retrieves.")] = False,
    few_shot: Annotated[int, typer.Option(min=0, max=64, metavar="K", help="Of a project: with K demonstrations.")] = 0,
    parallel: Annotated[int, typer.Option(min=1, max=256, help="Items that are answered side by side.")] = 16,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with a run that was interrupted.", autocompletion=completion.run_to_resume),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a model answer every item, grade the answers, and keep both.

    Answers are cached by model version, prompt and sampling. An interrupted run is resumed with --resume. Without --model the
    answers have to be in the data. Exit code 1 when no item could be graded.

    Examples:

        hone eval run my-project --model smollm2-135m

        hone eval run my-project --model support-bot@production --retrieval

        hone eval run suite.toml --model gpt-x --endpoint https://api.example.com

        hone eval run --resume evalrun_abc
    """
    if (suite is None) == (resume is None):
        raise SettingsError(
            "cli.usage", what="name a suite or project, or a run with --resume", mend="see `hone eval run --help`"
        )
    if resume is not None and any((model, endpoint, judge, limit, retrieval, few_shot)):
        raise SettingsError(
            "cli.usage", what="--resume goes on with a run as it was begun: only --parallel and --device may be others",
            mend="leave the other options out, or begin another run",
        )  # fmt: skip
    if endpoint is not None and model is None:
        raise SettingsError("cli.usage", what="--endpoint needs --model", mend="add --model NAME")
    if model is not None and not model.strip():
        raise SettingsError(
            "cli.usage", what="--model names nothing", where="--model", mend="give a name, or leave the option out"
        )
    made = _resumed(str(resume)) if suite is None else _begun(suite, model, endpoint, judge, limit, retrieval, few_shot)
    done = work(made, parallel)
    from honekit.cli.eval_runs import print_run, run_document
    from honekit.evals.run_faults import nothing_graded

    if as_json:
        print_json(run_document(done))
    else:
        print_run(done)
    if nothing_graded(done.tallies):
        raise typer.Exit(1)


def _begun(
    suite: Path, model: str | None, endpoint: str | None, judge: str | None, limit: int | None, retrieval: bool, few_shot: int
) -> Run:
    from honekit.evals.suites import load_suite

    loaded = load_suite(suite, retrieval=retrieval, few_shot=few_shot)
    return begin(loaded, loaded.rows[:limit], model, endpoint, judge)


def begin(suite: Suite, rows: Sequence[Entry], model: str | None, endpoint: str | None, judge: str | None) -> Run:
    """A run of the suite's criteria over these rows, still to be worked off by `work`. Of an alias the version that stands
    behind it now answers all of them."""
    from honekit.graders.functions import require_function
    from honekit.models.fingerprint import fingerprint_json
    from honekit.settings import local_project
    from honekit.store import evals

    owner = local_project()
    answering = version_behind(model, endpoint) if model else ""
    if model is None and any(row.given is None for row in rows):
        raise SettingsError(
            "cli.usage",
            what="the data holds no answers, so a model is needed",
            mend="add --model NAME, or a `sample` to each row",
        )
    for criterion in suite.criteria:
        if criterion["type"] == "function":
            require_function(criterion["function"])
    asked = judge or suite.judge
    subject = {
        "by": "command",
        "endpoint": address(endpoint) if endpoint else "",
        "judge": address(asked) if asked else None,
    }
    config = {"type": "custom", "schema": {"type": "object", "properties": {"item": {"type": "object"}}, "required": ["item"]}}
    print_ = fingerprint_json([suite.name, suite.criteria])
    known = [one for one in evals.list_evals(owner, limit=1000, newest_first=True) if one.metadata == {"suite": print_}]
    found = known[0] if known else evals.create_eval(owner, suite.name, config, suite.criteria, {"suite": print_})
    source = suite.data_source(model)
    given = f"answers of {suite.data}" if suite.data else "given"
    name = f"{suite.name}: {model or given}" + (f", {suite.how}" if suite.how else "")
    return evals.create_run(found, name, answering, source, rows, subject=subject, held=True)


def _resumed(run_id: str) -> Run:
    from honekit.settings import local_project
    from honekit.store import evals

    found = evals.get_run(local_project(), run_id)
    if found is None:
        raise EvalError("evals.unknown_run", what=f"there is no run {run_id[:80]!r}", mend="`hone eval list` shows the runs")
    return found


def work(run: Run, parallel: int) -> Run:
    """The run once it is over, or as it was left. Raises: EvalError, and what the engine raises."""
    from honekit.store import eval_items, evals

    worker = f"command-{os.getpid()}-{secrets.token_hex(4)}"
    claimed = eval_items.claim(worker, 30.0, run.id)
    if claimed is None:
        now = evals.get_run(run.owner, run.id) or run
        if now.status not in evals.OPEN:
            return now
        raise EvalError(
            "evals.run_busy",
            what="another process works on this run",
            where=run.id,
            mend="wait for it, or half a minute after it died",
        )
    try:
        with progress(run.name) as report:
            asyncio.run(_answer(claimed, worker, parallel, report))
    except BaseException as fault:
        with suppress(Exception):
            eval_items.release(run.id, worker, hold=True)
        console.print(f"what is graded is kept: `hone eval run --resume {run.id}` goes on", soft_wrap=True)
        if isinstance(fault, eval_items.LeaseLost):
            raise EvalError(
                "evals.run_cancelled", what="the run was cancelled", where=run.id, mend="start another one"
            ) from fault
        raise
    return evals.get_run(run.owner, run.id) or run


async def _answer(run: Run, worker: str, parallel: int, report: Report) -> None:
    from honekit.evals.engine import work_off
    from honekit.store import evals

    found = await asyncio.to_thread(evals.get_eval, run.owner, run.eval_id)
    assert found is not None  # a run goes with its evaluation
    other = run.subject.get("judge")
    async with models_at(run.subject.get("endpoint") or None, [run.model]) as subject, AsyncExitStack() as stack:
        judge = await stack.enter_async_context(at_endpoint(other, JUDGE_KEY_VARIABLE)) if other else None
        await work_off(run, found, subject, worker, judge=judge, progress=report, parallel=parallel)
