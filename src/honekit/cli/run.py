"""`hone run` and `hone demo`: the whole job with its stages, progress and summary."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.base_name import absolute
from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.cli.render import Report
    from honekit.project import Project

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; progress stays on stderr.")]


def run(
    project: Annotated[Path, typer.Argument(help="Folder with hone.toml, or the file itself.")] = Path(),
    base: Annotated[
        str | None,
        typer.Option(help="Base model in place of hone.toml's: id, Hub id or directory.", autocompletion=completion.base),
    ] = None,
    device: Device = "auto",
    subset: Annotated[
        float | None, typer.Option(help="Share of the test set to evaluate on, default all.", min=0.01, max=1)
    ] = None,
    no_deploy: Annotated[
        bool, typer.Option("--no-deploy", help="Move no alias, whatever the verdict: for a trial, or CI.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the whole job on a project: data, training, evaluation, verdict, deployment, report.

    Running it again goes on where it stopped and repeats nothing that is done. Exit code 0 on any verdict.

    Examples:

        hone run

        hone run my-project --base Qwen/Qwen3-0.6B --device cuda

        hone run --json --no-deploy | jq .verdict
    """
    from honekit.project import load_project

    loaded = changed(load_project(project), base, device)
    with base_of(loaded, base):
        _run(loaded, use_more=True, share=subset or 1.0, as_json=as_json, command="hone run", deploy=not no_deploy)


def demo(
    full: Annotated[bool, typer.Option("--full", help="Evaluate on the whole test set; completes a first run.")] = False,
    base: Annotated[
        str | None, typer.Option(help="Base model: catalogue id, Hub id or directory.", autocompletion=completion.base)
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Tune, prove and deploy the bundled IoT diagnostic project, on the 100 curated examples.

    Evaluates on a fixed stratified half of the test set; --full completes it, and nothing is computed twice.

    Examples:

        hone demo

        hone demo --full --json > result.json
    """
    from honekit.pipeline.run import bundled_project
    from honekit.project import load_project

    loaded = changed(load_project(bundled_project("iot-diagnostics")), base, device)
    share = 1.0 if full else loaded.evaluate.subset
    with base_of(loaded, base):
        _run(loaded, use_more=False, share=share, as_json=as_json, command="hone demo --full" if full else "hone demo")


def changed(project: Project, base: str | None, device: str) -> Project:
    """The project with another base or device.

    Raises: SettingsError[cli.usage] for a base without a name, such as an unset variable of a script.
    """
    changes = {} if device == "auto" else {"device": device}
    if base is not None:
        if not base.strip():
            mend = "give an id of `hone bases list`, a Hub id or a directory, or leave --base out"
            raise SettingsError("cli.usage", what="--base names nothing", where="--base", mend=mend)
        changes["base"] = absolute(base, Path.cwd())
    return project.with_recipe(**changes)


def base_of(project: Project, option: str | None) -> AbstractContextManager[None]:
    """Has a fault of a base that there is not say what names it: --base (`option`), or hone.toml."""
    from honekit.cli.known_names import base_from

    return base_from("--base" if option else f"{project.root / 'hone.toml'}, [train] base", project.train.base)


class Terminal:
    """The run's listener that writes to the terminal: stages as lines, long work as one bar at a time."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._report: Report | None = None
        self._title = ""

    def stage(self, title: str, details: list[str]) -> None:
        from honekit.cli import render

        self.close()
        render.console.print(f"[bold]{title}[/bold]")
        for line in details:
            render.console.print(f"  {line}", markup=False, soft_wrap=True)

    def progress(self, title: str, done: int, total: int, note: str = "") -> None:
        from honekit.cli import render

        if title != self._title:
            self.close()
            self._title = title
            self._bar = render.progress(title, total)
            self._report = self._bar.__enter__()
        if self._report is not None:
            self._report(done, total, note)
        if done >= total:
            self.close()

    def message(self, level: str, text: str) -> None:
        from honekit.cli import render

        style = {"warn": "yellow", "error": "red"}.get(level, "")
        render.console.print(f"  {text}", style=style, markup=False, soft_wrap=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar = self._report = None
        self._title = ""


def _run(project: Project, *, use_more: bool, share: float, as_json: bool, command: str, deploy: bool = True) -> None:
    from honekit.cli import render
    from honekit.cli.summary import print_summary
    from honekit.pipeline import run_project

    terminal = Terminal()
    try:
        outcome = run_project(project, terminal, use_more=use_more, share=share, command=command, deploy=deploy)
    finally:
        terminal.close()
    if as_json:
        render.print_json(outcome.document)
    else:
        facts = [field.metric_name for field in project.task.fields if field.from_retrieval or field.score == "phrase"]
        print_summary(outcome, list(dict.fromkeys([project.task.primary_metric, *facts])))
