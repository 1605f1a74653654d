"""Reading JSONL that may be broken: bounded memory, and every fault tied to a line, a field and a remedy.

Used for raw examples, chat files and what `hone init` is given.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NoReturn

from honekit.data.compressed import unpacked
from honekit.errors import DataError

MAX_LINE_BYTES = 4 << 20
"""Longer lines are skipped unread: no example of that size fits any context."""
MIN_TRAINING_EXAMPLES = 10
MAX_SHOWN = 20
"""So many findings stand in one error message; the total is always given."""
_CHUNK_BYTES = 1 << 18


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


def read_lines(path: Path) -> Iterator[Line]:
    """All lines of a UTF-8 file, at most `MAX_LINE_BYTES` of it in memory at a time.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    with open_data(path) as file:
        for number, raw in enumerate(_raw_lines(file), 1):
            if raw is None:
                yield Line(number, None, _too_long(number))
                continue
            if number == 1:
                if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                    yield Line(number, None, _not_utf8(number, "it begins as UTF-16"))
                    return
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            try:
                yield Line(number, raw.decode("utf-8"))
            except UnicodeDecodeError as fault:
                found = f"byte 0x{raw[fault.start]:02x} at position {fault.start + 1}"
                yield Line(number, None, _not_utf8(number, found))


def open_data(path: Path) -> BinaryIO:
    """The file opened for reading, unpacked where it is packed, or a DataError that says what is wrong with it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        return unpacked(open(path, "rb"), path)
    except FileNotFoundError as fault:
        near = difflib.get_close_matches(path.name, _siblings(path), n=1, cutoff=0.8)
        raise DataError(
            "data.file_missing",
            what="there is no such file",
            where=str(path),
            mend=f"did you mean {path.with_name(near[0])}?" if near else "mend the path, or write the file first",
        ) from fault
    except OSError as fault:
        raise DataError(
            "data.file_unreadable",
            what=f"this file cannot be read: {fault.strerror}",
            where=str(path),
            mend="name a file that you may read",
        ) from fault


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _raw_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines without their ends; None for one that is too long, whose bytes are dropped as they are read."""
    rest = b""
    skipping = False
    while chunk := file.read(_CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield None if skipping or len(line) > MAX_LINE_BYTES else line.removesuffix(b"\r")
            skipping = False
        if len(rest) > MAX_LINE_BYTES:
            rest, skipping = b"", True
    if skipping:
        yield None
    elif rest:
        yield rest.removesuffix(b"\r")


def _too_long(number: int) -> Finding:
    limit = MAX_LINE_BYTES >> 20
    return Finding(
        "data.line_too_long",
        "error",
        number,
        "",
        f"the line is longer than {limit} MB",
        "write one record per line (a line end may be missing), or cut the record down",
    )


def _not_utf8(number: int, found: str) -> Finding:
    return Finding(
        "data.not_utf8",
        "error",
        number,
        "",
        f"not UTF-8: {found}",
        "save the file as UTF-8, e.g. `iconv -f LATIN1 -t UTF-8 OLD > NEW`",
    )


class DuplicateKey(ValueError):
    """An object names the same key twice, so one of the values would be lost."""


def decode_json(text: str) -> Any:
    """Strict JSON: no key twice, no NaN or Infinity, no half surrogate pairs, no endless nesting.

    Raises: ValueError (json.JSONDecodeError with line and column where there is one).
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as fault:
        raise ValueError("nested too deeply") from fault
    if "\\u" in text and _has_surrogate(value):
        raise ValueError("a \\u escape is half of a surrogate pair")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
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
        if number and text.lstrip().startswith("["):
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
    lines = [f"    {located(short, finding)}: {finding.message}; {finding.fix}" for finding in findings[:MAX_SHOWN]]
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


AddFinding = Callable[[str, str, str, str], None]
"""code, field, message, fix: how checks of one record report, with the line already bound."""
