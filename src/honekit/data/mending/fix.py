"""Safe mends of a chat file: a new file and a log of what was changed; the original is only read.

A record that no mend concerns is copied byte for byte. The result, fixed again, stays as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from honekit.data.blank_lines import BLANK_LINE
from honekit.data.blocks import MAX_LINE_BYTES, open_unpacked
from honekit.data.checks.structure.parts import structure_errors
from honekit.data.compressed import SUFFIXES
from honekit.data.lines import MAX_SHOWN, Finding, Line, decode_json, read_lines, too_long
from honekit.data.mending.mends import BOM, DUPLICATE, LINE_END, REDACTION_PREFIXES, all_codes
from honekit.data.mending.record import Change, RecordMender
from honekit.data.notes import usual_keys
from honekit.data.private.pseudonyms import Pseudonyms
from honekit.errors import DataError
from honekit.store.atomic import atomic_file

_PIECE_BYTES = MAX_LINE_BYTES + 2
_SAMPLE = 1000
"""Records whose keys are counted beforehand."""


@dataclass(frozen=True)
class FixOptions:
    """What to mend."""

    only: frozenset[str] | None = None
    """Codes to mend; None: all that are safe."""
    pseudonyms: Pseudonyms | None = None
    """Given: personal data and secrets are replaced too."""
    drop_broken: bool = False
    """Move records with errors that cannot be mended into a side file, instead of copying them."""

    def wants(self, code: str) -> bool:
        return self.only is None or code in self.only


@dataclass
class Fixed:
    """What was done to one file."""

    source: Path
    target: Path
    log: Path
    rejected: Path | None
    read: int = 0
    written: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    """Changes and dropped records by code."""
    broken: int = 0
    left: list[Finding] = field(default_factory=list)
    """The first errors that no mend removes: copied as they are, or moved to `rejected`."""

    @property
    def is_good(self) -> bool:
        """Whether the new file is free of them."""
        return not self.broken or self.rejected is not None

    def as_dict(self) -> dict[str, Any]:
        paths = {"source": self.source, "target": self.target, "log": self.log, "rejected": self.rejected}
        named = {name: str(path) if path else None for name, path in paths.items()}
        counts = {"read": self.read, "written": self.written, "changes": dict(self.changes), "broken": self.broken}
        return {**named, **counts, "left": [finding.as_dict() for finding in self.left], "ok": self.is_good}


def fixed_path(source: Path) -> Path:
    """`train.jsonl` -> `train.fixed.jsonl`; of a packed file without the suffix of its packing, since the new one is plain."""
    source = source.with_suffix("") if source.suffix in SUFFIXES else source
    return source.with_name(f"{source.stem}.fixed{source.suffix or '.jsonl'}")


def fix_file(
    source: Path, target: Path, options: FixOptions | None = None, progress: Callable[[int], None] | None = None
) -> Fixed:
    """Mend `source` into `target`, with `.changes.jsonl` beside it; `progress` is told the bytes read so far.

    Raises: DataError[data.file_missing | data.file_unreadable | data.fix.exists | data.fix.code_unknown],
    StoreError[store.disk_full | store.read_only | store.write_failed].
    """
    options = options or FixOptions()
    _check_codes(options)
    log = target.with_suffix(".changes.jsonl")
    rejected = target.with_suffix(".rejected.jsonl") if options.drop_broken else None
    for path in (target, log, rejected):
        if path is not None and path.exists():
            what, mend = "there is a file of this name already", "give another name with --out, or move it away"
            raise DataError("data.fix.exists", what=what, where=str(path), mend=mend)
    result = Fixed(source, target, log, rejected)
    with open_unpacked(source) as reader, ExitStack() as stack:
        # The data file is renamed last: when it is there, its log is complete.
        out = stack.enter_context(atomic_file(target))
        log_out = stack.enter_context(atomic_file(log))
        side = stack.enter_context(atomic_file(rejected)) if rejected else None
        _Fixing(options, result, out, log_out, side).run(reader, progress or (lambda done: None))
    return result


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file that can be read."""
    for line in read_lines(path):
        with contextlib.suppress(msgspec.DecodeError, RecursionError, UnicodeError):
            record = msgspec.json.decode(line.text) if line.text else None
            if isinstance(record, dict):
                yield record


def _check_codes(options: FixOptions) -> None:
    for code in sorted(options.only or ()):
        is_redaction = code.startswith(REDACTION_PREFIXES)
        if is_redaction and options.pseudonyms is None:
            what, mend = f"`{code}` is mended by redaction only", "add --redact"
        elif not is_redaction and code not in all_codes():
            what, mend = f"there is no safe mend for `{code}`", f"choose among {', '.join(all_codes())}"
        else:
            continue
        raise DataError("data.fix.code_unknown", what=what, where="--only", mend=mend)


class _Fixing:
    """One pass over one file."""

    def __init__(self, options: FixOptions, result: Fixed, out: BinaryIO, log: BinaryIO, side: BinaryIO | None) -> None:
        self._options, self._result = options, result
        self._out, self._log_file, self._side = out, log, side
        self._mender = RecordMender(options.wants, options.pseudonyms, usual_keys(islice(_objects(result.source), _SAMPLE)))
        self._first: dict[str, int] = {}
        self._seen: dict[bytes, int] = {}

    def run(self, reader: BinaryIO, progress: Callable[[int], None]) -> None:
        number, done = 0, 0
        while raw := reader.readline(_PIECE_BYTES):
            number += 1
            done += len(raw)
            if len(raw) == _PIECE_BYTES and not raw.endswith(b"\n"):
                done += self._too_long(number, done - len(raw), raw, reader)
            else:
                self._line(number, raw)
            if number % 1000 == 0:
                progress(done)
        progress(done)
        for code, line in self._first.items():
            self._log({"line": line, "code": code, "lines": self._result.changes[code]})

    def _line(self, number: int, raw: bytes) -> None:
        body = raw.removesuffix(b"\n")
        # Also behind another one, or behind lines that are left out: what is written must not begin with it.
        while not self._result.written and body.startswith(BOM_UTF8) and self._counted(BOM, number):
            body = body.removeprefix(BOM_UTF8)
        if body.endswith(b"\r") and self._counted(LINE_END, number):
            body = body.removesuffix(b"\r")
        if not body.strip() and self._counted(BLANK_LINE, number):
            return
        self._result.read += bool(body.strip())
        try:
            text = body.decode()
        except UnicodeDecodeError as fault:
            self._broken(Finding("data.not_utf8", "error", number, "", f"not UTF-8: {fault.reason}", "save it as UTF-8"), body)
            return
        if text.strip():
            self._record(number, text, body)
        else:
            self._write(body)

    def _counted(self, code: str, number: int) -> bool:
        """Whether this mend of the file's form is wanted; it is logged once, with the number of lines."""
        if not self._options.wants(code):
            return False
        self._first.setdefault(code, number)
        self._result.changes[code] += 1
        return True

    def _record(self, number: int, text: str, body: bytes) -> None:
        mended, changes = self._mended(text)
        errors = structure_errors(Line(number, mended.removeprefix("\ufeff")))
        if errors and self._side:
            self._broken(errors[0], body)
            return
        if not errors and self._options.wants(DUPLICATE):
            # Equal as JSON: neither blanks nor the order of keys make a record another one.
            content = msgspec.json.encode(msgspec.json.decode(mended), order="deterministic")
            first = self._seen.setdefault(hashlib.blake2b(content, digest_size=12).digest(), number)
            if first != number:
                self._result.changes[DUPLICATE] += 1
                self._log({"line": number, "code": DUPLICATE, "action": "dropped", "same_as": first})
                return
        for change in changes:
            self._result.changes[change.code] += change.count
            self._log({"line": number, **change.as_dict()})
        self._left(errors)
        self._write(mended.encode() if changes else body)
        self._result.written += 1

    def _mended(self, text: str) -> tuple[str, list[Change]]:
        """The record's text, the same object when nothing was to be mended or it cannot be read."""
        try:
            if not self._mender.mend(msgspec.json.decode(text))[1]:
                return text, []
            # Read again by the decoder that loses nothing: keys that occur twice, numbers of any size.
            record, changes = self._mender.mend(decode_json(text))
        except (ValueError, RecursionError):
            return text, []
        return json.dumps(record, ensure_ascii=False), changes

    def _too_long(self, number: int, offset: int, raw: bytes, reader: BinaryIO) -> int:
        """Copies or leaves out a line that is not held in memory; the bytes that came after `raw`."""
        self._result.read += 1
        self._broken(too_long(number, offset), None)
        done, piece = 0, raw
        while True:
            if not self._side:
                self._out.write(piece)
            if piece.endswith(b"\n") or not (piece := reader.readline(_PIECE_BYTES)):
                break
            done += len(piece)
        if not self._side:
            self._result.written += 1
            if not piece:
                self._out.write(b"\n")
        return done

    def _broken(self, finding: Finding, body: bytes | None) -> None:
        self._left([finding])
        if self._side:
            text = body.decode("utf-8", "backslashreplace") if body is not None else None
            entry = {"line": finding.line, "code": finding.code, "field": finding.field, "reason": finding.message}
            self._side.write(json.dumps({**entry, "text": text}, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        elif body is not None:
            self._write(body)
            self._result.written += 1

    def _left(self, errors: list[Finding]) -> None:
        self._result.broken += bool(errors)
        self._result.left += errors[: MAX_SHOWN - len(self._result.left)] if len(self._result.left) < MAX_SHOWN else []

    def _write(self, body: bytes) -> None:
        self._out.write(body + b"\n")

    def _log(self, entry: dict[str, Any]) -> None:
        self._log_file.write(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
