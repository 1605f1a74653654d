"""`hone data convert`: a file of any format into another format, record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from honekit.data.formats.chosen_rejected import NAME as CHOSEN_REJECTED
from honekit.data.formats.chosen_rejected import as_preference
from honekit.data.formats.completion import COMPLETION
from honekit.data.formats.container import plain_name
from honekit.data.formats.detect import Given, Source, adder, detect
from honekit.data.formats.dialect import ChatRecord, Dialect, Loss
from honekit.data.formats.dialects import DIALECTS
from honekit.data.formats.openai import CHAT
from honekit.data.formats.write_rows import Open, Write, array_writer, csv_writer, jsonl_writer, packing, parquet_writer
from honekit.data.lines import MAX_SHOWN, Finding, nearest, raise_findings
from honekit.errors import DataError
from honekit.store.atomic import atomic_file

_PAIRS = "preference"
TARGETS = (*DIALECTS, _PAIRS, "csv", "parquet")
_TOLD_EVERY = 1000
_LOST: dict[Loss, str] = {
    "tools": "tools and their calls",
    "weight": "weight 0, which keeps a message out of training",
    "role": "the role `developer`",
    "image": "images, audio and files",
    "name": "the names of speakers",
    "parallel": "`parallel_tool_calls`",
    "turns": "turns of this order or number",
}


@dataclass(frozen=True)
class Converted:
    """What was written, and what could not be."""

    source: Source
    to: str
    records: int
    """Read."""
    written: int
    lost: dict[str, int]
    """What was dropped -> how often; empty unless losses were allowed."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        columns = self.source.columns
        return {
            "file": str(self.source.path),
            "container": self.source.container,
            "from": self.source.format,
            "map": columns.as_dict() if columns else None,
            "to": self.to,
            "records": self.records,
            "written": self.written,
            "lost": self.lost,
        }


def convert(
    path: Path,
    to: str,
    out: Path,
    *,
    given: Given | None = None,
    system: str | None = None,
    is_lossy: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Converted:
    """Write the records of `path` to `out`, whole or not at all. `system` is put before conversations that have none.
    What `to` cannot express is an error, or with `is_lossy` left out and counted. `progress` hears the number of the row now
    and then.

    Raises: DataError with the code of the first fault (a row's own, or data.convert.*), data.convert.target,
    data.convert.kind, data.convert.same_file, and what `detect` raises. StoreError when `out` cannot be written.
    """
    dialect, opened = _target(to, out)
    if out.exists() and path.exists() and out.samefile(path):
        raise DataError(
            "data.convert.same_file",
            what="the new file would replace the one that is read",
            where=str(out),
            mend="name another file with --out",
        )
    source = detect(path, given)
    run = _Run(dialect, to, system, is_lossy)
    if source.format == CHOSEN_REJECTED and to == _PAIRS:
        return _pairs(source, out, opened, run, progress)
    if source.dialect is None or to == _PAIRS:
        raise DataError("data.convert.kind", where=str(path), **_other_kind(source))
    with atomic_file(out) as file:
        with opened(file) as write:
            for row, record in source.records(run.report):
                run.records += 1
                if progress and run.records % _TOLD_EVERY == 0:
                    progress(row.number)
                if record is not None:
                    run.put(row.number, record, write)
        raise_findings(path, run.findings, run.faults)
    return Converted(source, to, run.records, run.written, dict(run.lost))


def _other_kind(source: Source) -> dict[str, str]:
    """What is wrong, and how to mend it, where conversations and pairs of answers would be made into each other."""
    if source.dialect is not None:
        what = f"the records of a {source.format} file have one answer, and a preference needs two"
        return {"what": what, "mend": "give a file of `prompt`, `chosen` and `rejected`"}
    what = f"this is a {source.format} file, whose records are no conversations with one right answer"
    more = ", and `--to preference` writes it for jobs" if source.format == CHOSEN_REJECTED else ""
    return {"what": what, "mend": f"give a file of conversations; `hone data check` checks this one{more}"}


def _pairs(source: Source, out: Path, opened: Open, run: _Run, progress: Callable[[int], None] | None) -> Converted:
    """Pairs of a chosen and a rejected answer, as records of OpenAI's preference format."""
    with atomic_file(out) as file:
        with opened(file) as write:
            for row in source.rows():
                run.records += 1
                if progress and run.records % _TOLD_EVERY == 0:
                    progress(row.number)
                if row.fault:
                    run.report(row.fault)
                record = as_preference(row.value, adder(row.number, run.report)) if row.value is not None else None
                if record is not None and not run.faults:
                    write(record)
                    run.written += 1
        raise_findings(source.path, run.findings, run.faults)
    return Converted(source, _PAIRS, run.records, run.written, {})


def _target(to: str, out: Path) -> tuple[Dialect, Open]:
    """How a record is written, and how the file holds it; both may be told by the new file's name."""
    if to not in TARGETS:
        what = f"{to!r} is no format that can be written"
        raise DataError("data.convert.target", what=what, where="--to", mend=nearest(to, TARGETS, len(TARGETS)))
    suffix = plain_name(out).suffix
    if to == _PAIRS:
        return CHAT, packing(jsonl_writer, out)
    if to == "csv":
        return COMPLETION, packing(partial(csv_writer, delimiter="\t" if suffix == ".tsv" else ","), out)
    if to == "parquet":
        return CHAT, parquet_writer
    return DIALECTS[to], packing(array_writer if suffix == ".json" else jsonl_writer, out)


class _Run:
    """What one conversion has come to."""

    def __init__(self, dialect: Dialect, to: str, system: str | None, is_lossy: bool) -> None:
        self.records = 0
        self.written = 0
        self.faults = 0
        self.findings: list[Finding] = []
        self.lost: Counter[str] = Counter()
        self._dialect = dialect
        self._to = to
        self._system = system
        self._is_lossy = is_lossy

    def report(self, finding: Finding) -> None:
        if finding.severity == "error":
            self.faults += 1
            if len(self.findings) < MAX_SHOWN:
                self.findings.append(finding)

    def put(self, number: int, record: ChatRecord, write: Write) -> None:
        if self._system is not None:
            record = _with_system(record, self._system)

        def lose(loss: Loss, field: str) -> None:
            self.lost[loss] += 1
            if not self._is_lossy:
                fix = "take it out, choose another format, or allow it to be left out with --lossy"
                message = f"{self._to} cannot express {_LOST[loss]}"
                self.report(Finding(f"data.convert.{loss}", "error", number, field, message, fix))

        written = self._dialect.write(record, lose)
        # After a fault nothing will be kept, so that the rest is only looked through for more.
        if written is not None and not self.faults:
            write(written)
            self.written += 1


def _with_system(record: ChatRecord, system: str) -> ChatRecord:
    if record["messages"] and record["messages"][0]["role"] in ("system", "developer"):
        return record
    return {**record, "messages": [{"role": "system", "content": system}, *record["messages"]]}
