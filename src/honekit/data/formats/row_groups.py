"""Leaks by group in files whose rows have more than a conversation: columns such as `device_id`, `customer` or `source`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honekit.data.chat import ChatExample
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.leakage.groups import GroupLeaks
from honekit.data.formats.detect import Given, Source, detect
from honekit.data.lines import Finding, Severity


def group_leaks(source: Source, options: CheckOptions, given: Given | None, told: set[int]) -> Iterator[Finding]:
    """What the further columns of a file say; `told`: lines of which a leak is known already.

    Raises: what `detect` raises.
    """
    groups = GroupLeaks()
    held_out: tuple[tuple[Path | None, Severity], ...] = ((options.test, "error"), (options.validation, "warning"))
    for path, severity in held_out:
        if path is not None:
            groups.add_file(path.name, severity)
            for example in _notes(detect(path, given, source.columns)):
                groups.hold_out(example)
    for example in _notes(source):
        groups.see(example)
    yield from groups.findings(told)


def _notes(source: Source) -> Iterator[ChatExample]:
    """Each row's further columns, as notes of a conversation without messages."""
    columns = source.columns
    said = {columns.input, *columns.answers, columns.system} if columns else set()
    for row in source.rows():
        if row.value is not None:
            yield ChatExample([], None, row.number, {name: cell for name, cell in row.value.items() if name not in said})
