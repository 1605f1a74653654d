"""How a fine-tuning job is shown: a live view in a terminal, plain lines elsewhere, or a JSON document for each event."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

CHART_LINES = 10
MESSAGES = 5
_NOT_SHOWN = frozenset({"step", "total_steps", "epoch", "eta_s"})


class View(Protocol):
    """Where a job's state and its events (as the API has them) are shown."""

    def job(self, job: dict[str, Any]) -> None: ...

    def event(self, event: dict[str, Any]) -> None: ...


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
