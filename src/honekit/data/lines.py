"""Reading JSONL that may be broken: bounded memory, and every fault tied to a line, a field and a remedy.

Used for raw examples, chat files and what `hone init` is given.
"""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from honekit.data.blocks import MAX_LINE_BYTES, Block, read_blocks
from honekit.errors import DataError

MIN_TRAINING_EXAMPLES = 10
MAX_PER_LINE = 100
"""Findings of one line; a line may hold a million broken messages."""
MAX_SHOWN = 20
"""So many findings stand in one error message; the total is always given."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
Severity = Literal["error", "warning", "advice"]
"""An error stops training; a warning should be looked at; advice may be left."""


@dataclass(frozen=True)
class Finding:
    """One fault of a file. `line` counts from 1; 0 is the file as a whole."""

    code: str
    severity: Severity
    line: int
    field: str
    message: str
    fix: str
    """How to mend it, in words."""
    is_safe: bool = False
    """Whether `hone data fix` mends it without a question."""
    file: str = ""
    """The name of the held-out file that `line` is in; empty for the file that is checked."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Line:
    """One line without its end. `text` is None when `fault` says why it cannot be read."""

    number: int
    text: str | None
    fault: Finding | None = None

    @property
    def is_blank(self) -> bool:
        return self.text is not None and not self.text.strip()


def read_lines(path: Path, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """All lines of a UTF-8 file, plain or compressed, at most `MAX_LINE_BYTES` of it in memory at a time; of a plain one also
    those that begin at the bytes `start` up to `end`, numbered from the first of them.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    for block in read_blocks(path, start, end):
        yield from lines_of(block)
        if is_utf16(block):
            return


def lines_of(block: Block) -> Iterator[Line]:
    """The lines of a block as text, or with the reason why there is none."""
    if block.is_too_long:
        yield Line(block.first, None, too_long(block.first, block.offset, block.stop))
        return
    if is_utf16(block):
        yield Line(block.first, None, _not_utf8(block.first, "it begins as UTF-16", "UTF-16"))
        return
    for number, raw in enumerate(block.lines, block.first):
        yield line_of(raw, number)
    if block.stop:
        fix = "pack the file again from the original, or delete what follows this line"
        found = f"{block.stop} (byte {block.offset} of the text)"
        yield Line(block.first, None, Finding("data.breaks_off", "error", block.first, "", found, fix))


def line_of(raw: bytes, number: int) -> Line:
    """The line as text, or with the reason why it is none."""
    try:
        return Line(number, raw.decode("utf-8"))
    except UnicodeDecodeError as fault:
        found = f"byte 0x{raw[fault.start]:02x} at position {fault.start + 1}"
        return Line(number, None, _not_utf8(number, found, "WINDOWS-1252"))


def is_utf16(block: Block) -> bool:
    """Whether the file begins with UTF-16's byte order mark, so that none of it can be read as UTF-8."""
    return block.offset == 0 and bool(block.ended) and block.ended[0].startswith(_UTF16_MARKS)


def too_long(number: int, offset: int, stop: str = "") -> Finding:
    """The finding for a line above `MAX_LINE_BYTES` that begins behind `offset` bytes; `stop`: why nothing is read after it."""
    message = f"the line, which begins at byte {offset}, is longer than {MAX_LINE_BYTES >> 20} MB"
    fix = "write one record per line (a line end may be missing), or cut the record down"
    return Finding("data.line_too_long", "error", number, "", f"{message}; {stop}".removesuffix("; "), fix)


def _not_utf8(number: int, found: str, encoding: str) -> Finding:
    fix = f"save the file as UTF-8, e.g. `iconv -f {encoding} -t UTF-8 OLD > NEW`"
    return Finding("data.not_utf8", "error", number, "", f"not UTF-8: {found}", fix)


class DuplicateKey(ValueError):
    """An object names the same key twice, so one of the values would be lost."""


def decode_json(text: str) -> Any:
    """Strict JSON: no key twice, no NaN or Infinity, no half surrogate pairs, no endless nesting.

    Raises: ValueError (json.JSONDecodeError with line and column where there is one).
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        is_halved = "\\u" in text and _has_surrogate(value)
    except RecursionError as fault:
        raise ValueError("nested too deeply") from fault
    if is_halved:
        raise ValueError("a \\u escape is half of a surrogate pair")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise DuplicateKey(f"the key {shown(twice)} occurs twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _has_surrogate(value: Any) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in json.dumps(value, ensure_ascii=False))


def syntax_finding(number: int, text: str) -> Finding:
    """Why this line is not JSON, with the column. For lines that a decoder refused."""
    fix = "write one complete JSON object per line, with double quotes and without trailing commas"
    where = ""
    try:
        decode_json(text)
        message = "not valid JSON"
    except json.JSONDecodeError as fault:
        message, where = f"not JSON: {fault.msg} at column {fault.colno}", f"column {fault.colno}"
        if "\0" in text:
            message, fix = f"{message}; the line holds NUL bytes", "copy the file again; a write was cut short, or it is UTF-16"
        elif "\r" in text.strip():
            message, fix = f"{message}; lines end in CR alone", "write LF line ends, e.g. `tr '\\r' '\\n' < OLD > NEW`"
        elif number and text.lstrip().startswith("["):
            fix = "this looks like a JSON array; write each of its objects on a line of its own, without brackets"
    except ValueError as fault:
        message = f"not JSON: {fault}"
    return Finding("data.json_syntax", "error", number, where, message, fix)


def shown(value: Any) -> str:
    """A value as it may stand in a message: quoted, and cut so that no text of the user is spilled."""
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else f'"{value}"'
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 42 else f"{text[:40]}…"


def nearest(value: Any, allowed: Iterable[str], limit: int = 12) -> str:
    """`did you mean "Power"?`, or the list of what is allowed."""
    names = list(allowed)
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(str(value).casefold(), folded, n=1)
    if close:
        return f'did you mean "{folded[close[0]]}"?'
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"allowed: {', '.join(names[:limit])}{more}"


def raise_findings(path: Path, findings: Sequence[Finding], total: int | None = None) -> None:
    """Raise one DataError for all findings, with the code of the first; nothing when there are none."""
    if not findings:
        return
    count = total if total is not None else len(findings)
    faults = "fault" if count == 1 else "faults"
    short = Path(path.name)
    told = findings[:MAX_SHOWN]
    # One remedy for several is said once, at the end.
    is_one_fix = len(told) > 1 and len({finding.fix for finding in told}) == 1
    lines = [f"    {located(short, one)}: {one.message}" + ("" if is_one_fix else f"; {one.fix}") for one in told]
    if count > MAX_SHOWN:
        lines.append(f"    ... and {count - MAX_SHOWN} more")
    raise DataError(
        findings[0].code,
        what=f"{path.name} has {count} {faults}:\n" + "\n".join(lines),
        where=located(path, findings[0]),
        mend=findings[0].fix,
    )


def located(path: Path, finding: Finding) -> str:
    """`train.jsonl:12 answer.category`."""
    line = f":{finding.line}" if finding.line else ""
    return f"{path}{line} {finding.field}".rstrip()


def on_lines(path: Path, lines: Sequence[int]) -> str:
    """`train.jsonl: lines 3, 7`, the first of them."""
    more = " ..." if len(lines) > MAX_SHOWN else ""
    return f"{path}: {'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines[:MAX_SHOWN]))}{more}"


Written = Mapping[Path, Sequence[int]]
"""Lines of files as the user wrote them."""
Origin = Callable[[Path, Sequence[int]], Written]
"""Where these lines of a file stand for the user, who may have written another one that it was made of. Several of them may have
been made of one."""


def as_written(path: Path, lines: Sequence[int]) -> Written:
    """The `Origin` of a file that the user wrote."""
    return {path: lines}


def counted(written: Written) -> int:
    """How many lines these are."""
    return sum(len(lines) for lines in written.values())


def places(written: Written) -> str:
    """`train.jsonl: lines 3, 7; more.jsonl: line 2`, the first of each file."""
    return "; ".join(on_lines(path, lines) for path, lines in written.items())


def nested_keys(row: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys of a row, those of objects in it behind a full stop: {"a": {"b": 1}, "c": 2} has a.b and c."""
    found: list[str] = []
    for key, value in row.items():
        found += nested_keys(value, f"{prefix}{key}.") if isinstance(value, dict) and value else [f"{prefix}{key}"]
    return found


AddFinding = Callable[[str, str, str, str], None]
"""code, field, message, fix: how checks of one record report, with the line already bound."""


class _EnoughFindings(Exception):
    """A record has so many faults that nobody would read on."""


def capped(line: int, warnings: Container[str], look: Callable[[AddFinding], None]) -> list[Finding]:
    """What `look` adds for one line, up to `MAX_PER_LINE`; codes in `warnings` are warnings, all others errors."""
    findings: list[Finding] = []

    def add(code: str, field: str, message: str, fix: str) -> None:
        findings.append(Finding(code, "warning" if code in warnings else "error", line, field, message, fix))
        if len(findings) >= MAX_PER_LINE:
            raise _EnoughFindings

    with contextlib.suppress(_EnoughFindings):
        look(add)
    return findings
