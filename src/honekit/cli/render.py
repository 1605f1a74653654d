"""What the commands share for talking to a terminal.

Results go to stdout, everything else (stages, progress, errors) to stderr, so that `hone ... --json | jq` works.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from honekit.errors import HoneError

PLAIN_LINE_EVERY_S = 5.0
"""Without a terminal, progress is a line of text at most this often."""
REFRESHES_PER_S = 4
"""Of a bar; each takes time from the cores that do the work."""

console = Console(stderr=True, highlight=False)


def tables(width: int = 140) -> Console:
    """For tables on stdout. Where it is no terminal the lines have `width` columns, so that `grep` finds whole names."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else width)


class Report(Protocol):
    """Tells a progress bar how far the work is; `note` is a short text behind the bar (`loss 0.412`)."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None: ...


def print_json(document: Any) -> None:
    """One JSON document on stdout. Paths become strings, numbers that are not finite become null."""
    print(json.dumps(_plain(document), ensure_ascii=False, allow_nan=False), flush=True)


def print_error(fault: HoneError, *, as_json: bool = False) -> None:
    """What is wrong, where, and how to mend it: three aligned lines on stderr, or `{"error": {...}}` on stdout."""
    if as_json:
        print_json({"error": fault.as_dict()})
        return
    parts = {"error": f"{fault.what} [{fault.code}]", "where": fault.where, "mend": fault.mend}
    for label, text in parts.items():
        if text:
            console.print(f"[bold]{label:<6}[/bold] {escape(text).replace(chr(10), chr(10) + ' ' * 7)}", soft_wrap=True)


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Print a line when a stage starts and one with its elapsed time when it ends, well or not."""
    started = time.monotonic()
    console.print(f"[bold]{escape(title)}[/bold]", soft_wrap=True)
    try:
        yield
    except BaseException:
        console.print(f"  stopped after {duration(time.monotonic() - started)}")
        raise
    console.print(f"  done in {duration(time.monotonic() - started)}")


@contextmanager
def progress(title: str, total: float | None = None) -> Iterator[Report]:
    """A bar with ETA on a terminal; elsewhere a line at most every few seconds, and one at the end."""
    if not console.is_terminal:
        yield _PlainProgress(title, total)
        return
    told, note = TextColumn("  {task.description}"), TextColumn("{task.fields[note]}")
    columns = (told, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note)
    with Progress(*columns, console=console, transient=True, refresh_per_second=REFRESHES_PER_S) as bar:
        task = bar.add_task(escape(title), total=total, note="")
        begun = False

        def report(done: float, total: float | None = None, note: str = "") -> None:
            nonlocal begun
            known = {} if total is None else {"total": total}
            if not begun:  # what was done before, by a run that this one goes on with, says nothing of its speed
                bar.reset(task, completed=int(done))
                begun = True
            bar.update(task, completed=done, note=escape(note), **known)  # type: ignore[arg-type]

        yield report


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class _PlainProgress:
    def __init__(self, title: str, total: float | None) -> None:
        self._title, self._total = title, total
        self._printed = time.monotonic()
        self._first: tuple[float, float] | None = None
        """When the first report came and how much was done by then, maybe by a run that this one goes on with."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        self._total = self._total if total is None else total
        now = time.monotonic()
        self._first = self._first or (now, done)
        finished = self._total is not None and done >= self._total
        if now - self._printed < PLAIN_LINE_EVERY_S and not finished:
            return
        self._printed = now
        line = f"  {self._title}  {done:g}"
        if self._total:
            line += f"/{self._total:g}  {done / self._total:.0%}"
            begun, before = self._first
            if before < done < self._total:
                line += f"  {duration((now - begun) * (self._total - done) / (done - before))} left"
        print(f"{line}  {note}".rstrip(), file=sys.stderr, flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
