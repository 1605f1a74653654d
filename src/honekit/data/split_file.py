"""`hone data split`: one file into train, validation and test files, with a manifest that says how."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from honekit.data.labels import label_fields, labels_of, named_field
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding, nearest, raise_findings
from honekit.data.rows import MISSING, Row, read_rows
from honekit.data.split import Split, split, split_by_time
from honekit.errors import DataError
from honekit.store.atomic import sha256_of, write_atomic, writing

By = Literal["random", "stratified", "group", "time"]
MANIFEST = "manifest.json"
_CONTENT = frozenset({"messages", "tools", "parallel_tool_calls", "input", "preferred_output", "non_preferred_output"})
_SAMPLE = 100
"""Records whose keys are named where none has the key that was asked for."""


@dataclass(frozen=True)
class SplitPlan:
    """How a file is to be split."""

    by: By | None = None
    """None: stratified when the answers have labels, else random."""
    field: str | None = None
    """The label whose values are to be even; None: the first field that looks like one."""
    group_key: str | None = None
    time_key: str | None = None
    validation: float = 0.15
    test: float = 0.25
    seed: int = 0

    @property
    def shares(self) -> dict[str, float]:
        """In the order of time; what has no share is not written."""
        rest = {"validation": self.validation, "test": self.test}
        return {"train": 1 - self.validation - self.test, **{name: share for name, share in rest.items() if share}}


def split_file(source: Path, directory: Path, plan: SplitPlan) -> dict[str, Any]:
    """Write `train.jsonl`, `validation.jsonl`, `test.jsonl` and `manifest.json` into `directory`; returns the manifest.

    Lines are copied as they stand, in the file's order. The same file and plan give the same bytes. A file that is there
    already is left alone when it holds just that, and otherwise nothing is written.

    Raises: DataError (the faults of the lines, data.split.option, data.split.key_missing, data.split.time_mixed,
    data.field_unknown, data.too_few, data.split.exists), StoreError.
    """
    _check(plan)
    rows = read_rows(source)
    by, field, found = _place(source, rows, plan)
    contents = {
        name: "".join(f"{row.text}\n" for row, own in zip(rows, found.splits, strict=True) if own == name).encode()
        for name in plan.shares
    }
    counts = Counter(found.splits)
    _check_counts(source, counts, plan, len(set(found.groups)))
    labels = labels_of(rows, field) if field else None
    manifest = {
        "source": source.name,
        "sha256": sha256_of(source),
        "records": len(rows),
        "groups": len(set(found.groups)),
        "by": by,
        "field": field,
        "group_key": plan.group_key,
        "time_key": plan.time_key,
        "shares": {name: round(share, 6) for name, share in plan.shares.items()},
        "seed": plan.seed,
        "files": {
            name: {
                "file": f"{name}.jsonl",
                "records": counts[name],
                "sha256": hashlib.sha256(content).hexdigest(),
                "labels": _label_counts(labels, found.splits, name),
            }
            for name, content in contents.items()
        },
    }
    _write(directory, {f"{name}.jsonl": content for name, content in contents.items()}, manifest)
    return manifest


def _check(plan: SplitPlan) -> None:
    def refuse(what: str, mend: str) -> DataError:
        return DataError("data.split.option", what=what, mend=mend)

    if plan.by == "group" and not plan.group_key:
        raise refuse("a split by group needs the key of the group", "add `--group-key metadata.device`, with your own key")
    if plan.by == "time" and not plan.time_key:
        raise refuse("a split by time needs the key of the time", "add `--time-key metadata.created_at`, with your own key")
    if min(plan.validation, plan.test) < 0 or plan.shares["train"] <= 0:
        raise refuse(
            f"{plan.validation:g} for validation and {plan.test:g} for the test leave nothing for training",
            "give shares that add up to less than 1, e.g. `--validation 0.15 --test 0.25`",
        )


def _place(source: Path, rows: Sequence[Row], plan: SplitPlan) -> tuple[By, str | None, Split]:
    """Which way it was split, the field whose labels are even, and where each record goes."""
    texts = [row.question for row in rows]
    together = _keys(source, rows, plan.group_key) if plan.group_key else None
    field = named_field(source, rows, plan.field) if plan.field else next(iter(label_fields(rows)), None)
    by: By = plan.by or ("time" if plan.time_key else "group" if together else "stratified" if field else "random")
    if by == "time":
        assert plan.time_key
        return by, field, split_by_time(texts, _times(source, rows, plan.time_key), plan.shares, together)
    if by == "stratified" and field is None:
        raise DataError(
            "data.split.option",
            what="no answer and no field of the answers looks like a label, so there are no classes to keep even",
            where=str(source),
            mend="name the field with `--field`, or split with `--by random`",
        )
    classes: Sequence[Hashable] = [None] * len(rows) if by == "random" or field is None else labels_of(rows, field)
    return by, field, split(texts, classes, plan.seed, shares=plan.shares, together=together)


def _keys(source: Path, rows: Sequence[Row], key: str) -> list[str]:
    values = _values(source, rows, key)
    raise_findings(source, [_missing(row, key) for row, value in zip(rows, values, strict=True) if value in (MISSING, None)])
    return [json.dumps(value, sort_keys=True) for value in values]


def _values(source: Path, rows: Sequence[Row], key: str) -> list[Any]:
    values = [row.value(key) for row in rows]
    if all(value is MISSING for value in values):
        raise DataError(
            "data.split.key_missing",
            what=f"neither a record nor an answer has the key {key!r}",
            where=str(source),
            mend=nearest(key, sorted({name for row in rows[:_SAMPLE] for name in _names(row)})),
        )
    return values


def _names(row: Row) -> Iterator[str]:
    """The keys by which a record may be split, those of an object in it with a dot."""
    for holder in (row.record, row.answer_object or {}):
        for key, value in holder.items():
            if isinstance(value, dict) and key not in _CONTENT:
                yield from (f"{key}.{inner}" for inner in value)
            elif key not in _CONTENT:
                yield key


def _times(source: Path, rows: Sequence[Row], key: str) -> list[float]:
    """Seconds since 1970, or whatever unit the numbers have."""
    values = _values(source, rows, key)
    times = [_time(value) for value in values]
    raise_findings(source, [_missing(row, key) for row, time in zip(rows, times, strict=True) if time is None])
    if len({isinstance(value, str) for value in values}) > 1:
        raise DataError(
            "data.split.time_mixed",
            what=f"{key} is a number in some records and text in others, which cannot be put in order",
            where=f"{source} {key}",
            mend="write all times the same way, e.g. 2026-02-03T05:41:19Z",
        )
    return [time for time in times if time is not None]


def _time(value: Any) -> float | None:
    """A number, or an ISO 8601 time, which is UTC where it names no zone."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _missing(row: Row, key: str) -> Finding:
    message = f"neither the record nor its answer has a usable {key}"
    fix = "fill it in (a time as a number or as 2026-02-03T05:41:19Z), or split by another key"
    return Finding("data.split.key_missing", "error", row.line, key, message, fix)


def _check_counts(source: Path, counts: Counter[str], plan: SplitPlan, groups: int) -> None:
    empty = [name for name in plan.shares if not counts[name]]
    if counts["train"] >= MIN_TRAINING_EXAMPLES and not empty:
        return
    lacking = f"{' and '.join(empty)} would be empty" if empty else f"training would get {counts['train']}"
    raise DataError(
        "data.too_few",
        what=f"too few to be split so (records: {counts.total()}; groups that have to stay together: {groups}): {lacking}, and "
        f"training needs {MIN_TRAINING_EXAMPLES}",
        where=str(source),
        mend="add records, take smaller shares (`--validation 0` leaves it out), or a group key with more values",
    )


def _label_counts(labels: Sequence[str | None] | None, splits: Sequence[str], name: str) -> dict[str, int]:
    if labels is None:
        return {}
    own = Counter(label for label, split in zip(labels, splits, strict=True) if split == name and label is not None)
    return dict(own.most_common())


def _write(directory: Path, contents: dict[str, bytes], manifest: dict[str, Any]) -> None:
    files = {**contents, MANIFEST: (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()}
    there = [directory / name for name in files if (directory / name).exists()]
    other = [path for path in there if path.read_bytes() != files[path.name]]
    if other:
        raise DataError(
            "data.split.exists",
            what=f"{other[0].name} is there already and holds something else; nothing was written",
            where=str(other[0]),
            mend="name another folder with --out, or move that file away",
        )
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomic(directory / name, content)
