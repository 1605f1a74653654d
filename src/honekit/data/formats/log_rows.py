"""Lines of a log, each one row: as it stands, or taken apart by a regular expression with named groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from honekit.data.formats.row import Row, faulty
from honekit.data.lines import read_lines, shown
from honekit.errors import DataError

LINE_COLUMN = "text"
"""The only column of a log that is not taken apart."""
ALERT_PREFIX = r"^(?P<label>-|[A-Z][A-Z0-9_]*) (?P<text>.+)$"
"""Each line begins with its label, `-` for none, as in the logs of supercomputers (Oliner and Stearley, DSN 2007)."""
NO_ALERT = "normal"
"""What the label `-` of such a line is read as: a model cannot learn a hyphen's meaning."""
_LEAST_SHARE = 0.5


def log_rows(path: Path, pattern: str | None = None) -> Iterator[Row]:
    """The lines that are not blank. With a pattern its named groups are the columns; a line that it does not match is a
    fault. The pattern runs in linear time.

    Raises: DataError[data.file_missing | data.file_unreadable | data.log.pattern].
    """
    expression = compile_pattern(pattern) if pattern else None
    for line in read_lines(path):
        if line.text is None:
            yield Row(line.number, None, line.fault)
        elif line.is_blank:
            continue
        elif expression is None:
            yield Row(line.number, {LINE_COLUMN: line.text.strip()})
        elif (match := expression.search(line.text)) is None:
            fix = "widen the pattern (`--pattern`), or take the line out"
            yield faulty(line.number, "data.log.no_match", "the line does not match the pattern", fix)
        else:
            value = {name: text or None for name, text in match.groupdict().items()}
            if pattern == ALERT_PREFIX and value["label"] == "-":
                value["label"] = NO_ALERT
            yield Row(line.number, value)


def compile_pattern(pattern: str) -> Any:
    """The compiled expression (google-re2). Raises: DataError[data.log.pattern]."""
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options)
    except re2.error as fault:
        reason = fault.args[0].decode() if isinstance(fault.args[0], bytes) else str(fault)
        raise DataError(
            "data.log.pattern",
            what=f"this is no regular expression that runs in linear time: {reason}",
            where=shown(pattern),
            mend=r"write one such as '(?P<label>\S+) (?P<text>.+)', without look-around and back-references",
        ) from fault
    if not expression.groupindex:
        raise DataError(
            "data.log.pattern",
            what="the pattern has no named groups, so it gives no columns",
            where=shown(pattern),
            mend=r"name them, e.g. '(?P<label>\S+) (?P<text>.+)'",
        )
    return expression


def has_alert_prefix(lines: Sequence[str]) -> bool:
    """Whether these lines all begin with a label, most of them with `-`."""
    expression = compile_pattern(ALERT_PREFIX)
    starts = sum(line.startswith("- ") for line in lines)
    return bool(lines) and starts >= _LEAST_SHARE * len(lines) and all(expression.search(line) for line in lines)
