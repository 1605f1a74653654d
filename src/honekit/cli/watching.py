"""Following a fine-tuning job: a live view in a terminal, plain lines elsewhere, or a JSON document for each event."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from honekit.cli.connection import call, document, server_url

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from rich.console import Console, RenderableType

    from honekit.jobs.processes import Start

POLL_S = 0.5
PATIENCE_S = 60.0
"""How long a server may be away, as while it is started again, before watching gives up."""
ENDED = frozenset({"succeeded", "failed", "cancelled", "paused"})
CHART_LINES = 10
MESSAGES = 5
_NOT_SHOWN = frozenset({"step", "total_steps", "epoch", "eta_s"})


class View(Protocol):
    """Where a job's state and its events (as the API has them) are shown."""

    def job(self, job: dict[str, Any]) -> None: ...

    def event(self, event: dict[str, Any]) -> None: ...


@contextmanager
def worker(*, wanted: bool) -> Iterator[Start | None]:
    """A worker process for a job of this machine, begun at once where one is wanted: for `watch` within the block."""
    if not wanted:
        yield None
        return
    from honekit.jobs.processes import prepared

    with prepared("fine_tuning") as processes:
        yield processes.start


def watch(job_id: str, *, start: Start | None, as_json: bool) -> int:
    """Show a job until it is final or paused; returns the command's exit code, 0 when it succeeded.

    With `start`, which gives it a process, it also runs here, in this process's care, as with `hone jobs resume --wait`. Ctrl-C
    stops watching, not the job; a job that runs here goes back into the queue at its next safe point.

    Raises: faults of the API, JobError.
    """

    async def retrieve(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.fine_tuning.jobs.retrieve(job_id))

    project = _project_of(job_id) if server_url() is None else None
    job = call(retrieve, project=project)
    if not (start or server_url() or as_json) and job["status"] == "queued":
        print(waits(job_id), file=sys.stderr, flush=True)
    try:
        with view(as_json=as_json) as shown:
            shown.job(job)
            if start and job["status"] not in ENDED:
                _run(job_id, shown, start)
                job = call(retrieve, project=project)
                shown.job(job)
            else:
                job = call(lambda client: follow(client, job_id, shown), project=project)
    except KeyboardInterrupt:
        state = "it is back in the queue, with a checkpoint" if start else "the job is left as it is"
        again = f"hone jobs watch {job_id}{' --run' if start else ''}"
        print(f"\nno longer watching; {state}. `{again}` goes on, `hone jobs cancel {job_id}` ends it.", file=sys.stderr)
        return 1
    if not as_json:
        print(outcome(job), flush=True)
    return 0 if job["status"] == "succeeded" else 1


def waits(job_id: str) -> str:
    """What to tell about a job that is queued on this machine, where maybe no server runs."""
    return f"It waits for `hone serve` to run it; `hone jobs watch {job_id} --run` runs it here."


async def follow(client: AsyncOpenAI, job_id: str, shown: View) -> dict[str, Any]:
    """Show what happens until the job is final or paused, and return it. A server that is away for a while is waited for."""
    from openai import APIConnectionError

    seen: str | None = None
    answered = time.monotonic()
    while True:
        try:
            if server_url() is None:
                await asyncio.to_thread(_notice_dead_workers)
            # The job first: events that came before it ended are then sure to be among those read next.
            job = document(await client.fine_tuning.jobs.retrieve(job_id))
            for event in await events_since(client, job_id, seen):
                seen = event["id"]
                shown.event(event)
            answered = time.monotonic()
        except APIConnectionError:
            if server_url() is None or time.monotonic() - answered > PATIENCE_S:
                raise
        else:
            shown.job(job)
            if job["status"] in ENDED:
                return job
        await asyncio.sleep(POLL_S)


async def events_since(client: AsyncOpenAI, job_id: str, seen: str | None = None) -> list[dict[str, Any]]:
    """A job's events behind the one with the id `seen`, oldest first."""
    found = []
    async for event in client.fine_tuning.jobs.list_events(job_id, limit=100):
        if event.id == seen:
            break
        found.append(document(event))
    return found[::-1]


def event_line(event: dict[str, Any]) -> str:
    """One line for people: when, what, and the numbers of a step."""
    mark = "" if event["level"] == "info" else f"{event['level']}: "
    # Of a step the numbers follow.
    message = event["message"].partition(":")[0] if event["type"] == "metrics" else event["message"]
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(event['created_at']))}  {mark}{message}"
    if event["type"] == "metrics":
        numbers = {name: value for name, value in (event.get("data") or {}).items() if name not in _NOT_SHOWN}
        line += "".join(f"  {name} {_number(value)}" for name, value in numbers.items())
    return line


def outcome(job: dict[str, Any]) -> str:
    """How a job stands, and the next thing to do."""
    if job["status"] == "succeeded":
        return f"{job['id']} succeeded: {job['fine_tuned_model']}\n`hone chat {job['fine_tuned_model']}` talks to it."
    if job["status"] == "paused":
        return f"{job['id']} is paused; `hone jobs resume {job['id']}` goes on with it."
    error = job.get("error") or {}
    return f"{job['id']} {job['status']}" + (f": {error['message']} [{error['code']}]" if error.get("message") else "")


@contextmanager
def view(*, as_json: bool) -> Iterator[View]:
    """The view that fits where stdout goes."""
    if as_json:
        yield Lines(lambda event: json.dumps(event, ensure_ascii=False))
    elif not sys.stdout.isatty():
        yield Lines(event_line)
    else:
        from rich.console import Console
        from rich.live import Live

        screen = Screen(Console(highlight=False))
        with Live(get_renderable=screen.frame, console=screen.console, refresh_per_second=4):
            yield screen


class Lines:
    """A line for each event."""

    def __init__(self, line: Callable[[dict[str, Any]], str], *, to_stderr: bool = False) -> None:
        self._line, self._to_stderr = line, to_stderr

    def job(self, job: dict[str, Any]) -> None:
        pass

    def event(self, event: dict[str, Any]) -> None:
        print(self._line(event), file=sys.stderr if self._to_stderr else sys.stdout, flush=True)


class Screen:
    """What a terminal shows: the state in three lines, the curves of the loss, the last messages."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.losses: dict[int, float] = {}
        self.valid_losses: dict[int, float] = {}
        self._job: dict[str, Any] = {}
        self._status = ""
        self._latest: dict[str, Any] = {}
        self._latest_at = 0.0
        self._messages: list[str] = []

    def job(self, job: dict[str, Any]) -> None:
        self._job, self._status = job, job["status"]

    def event(self, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        self._status = str(data.get("status") or self._status)
        step = data.get("step")
        if event["type"] == "metrics":
            self._latest, self._latest_at = data, event["created_at"]
            _keep(self.losses, step, data.get("train_loss"))
        else:
            self._messages = [*self._messages, event_line(event)][-MESSAGES:]
        _keep(self.valid_losses, step, data.get("valid_loss"))

    def frame(self) -> RenderableType:
        """The view as it is now."""
        from rich.console import Group
        from rich.text import Text

        from honekit.cli.chart import Series, draw

        head = Text.assemble((self._job.get("id", ""), "bold"), "  ", self._job.get("model", ""), "  ", (self._status, "bold"))
        parts: list[RenderableType] = [head]
        if self._latest:
            parts += [self._progress(), self._loss()]
            if not self.console.options.ascii_only:
                curves = [Series([*self.losses.items()], "cyan"), Series([*self.valid_losses.items()], "magenta")]
                parts.append(draw(curves, min(self.console.width - 1, 100), CHART_LINES))
        return Group(*parts, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._messages))

    def _progress(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        from honekit.cli.render import duration

        step, total = self._latest.get("step", 0), self._latest.get("total_steps")
        facts = []
        if self._latest.get("tokens_per_s"):
            facts.append(f"{self._latest['tokens_per_s']:,.0f} tokens/s")
        if self._status == "running" and self._latest.get("eta_s") is not None and step != total:
            facts.append(f"{duration(self._latest['eta_s'] - (time.time() - self._latest_at))} left")
        line = Table.grid(padding=(0, 2))
        line.add_row(f"step {step} of {total}", ProgressBar(total or 1, step, width=30), *facts)
        return line

    def _loss(self) -> RenderableType:
        from rich.text import Text

        line = Text()
        for name, found, style in (("training", self.losses, "cyan"), ("validation", self.valid_losses, "magenta")):
            if found:
                line.append(f"{name} loss {found[max(found)]:.4g}  ", style=style)
        return line


def _keep(series: dict[int, float], step: Any, value: Any) -> None:
    if isinstance(step, int) and isinstance(value, int | float) and math.isfinite(value):
        series[step] = float(value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _run(job_id: str, shown: View, start: Start) -> None:
    from honekit import jobs
    from honekit.api.openai.job_shapes import event_object

    _notice_dead_workers()
    for event in call(lambda client: events_since(client, job_id)):
        shown.event(event)
    jobs.run_job(job_id, lambda event: shown.event(event_object(event).model_dump(mode="json")), start=start)


def _project_of(job_id: str) -> str:
    """Whose fine-tuning job of this machine it is. Raises: JobError[job.unknown | job.not_fine_tuning]."""
    from honekit import jobs
    from honekit.jobs.states import JobError

    job = jobs.get_job(job_id)
    if job.kind != "fine_tuning":
        raise JobError(
            "job.not_fine_tuning",
            what=f"{job_id} is a job of the kind {job.kind!r}, and only fine-tuning jobs are watched",
            mend=f"`hone jobs events {job_id} --follow` shows how it goes",
        )
    return job.owner


def _notice_dead_workers() -> None:
    from honekit.jobs.leases import requeue_expired

    requeue_expired()
