"""The rows of a suite's data: an object a line, plain or as an item with the answer that is there already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honekit.errors import EvalError
from honekit.graders.values import no_constant
from honekit.store.evals import Entry

SHAPE = 'write one object a line, plain or as {"item": {...}, "sample": {"output_text": "..."}}'


def read_rows(path: Path) -> list[Entry]:
    """Raises: EvalError[evals.suite_missing | evals.row] with the line."""
    rows = [_row(value, path, number) for number, value in read_objects(path)]
    if not rows:
        raise EvalError("evals.row", what="the data has no items", where=str(path), mend="write one object a line")
    return rows


def _row(value: dict[str, Any], path: Path, number: int) -> Entry:
    """A plain object may have keys of these names, too: a row is one whose item and sample are objects."""
    item, sample = value.get("item"), value.get("sample")
    if not isinstance(item, dict) or not (set(value) <= {"item", "sample"} or isinstance(sample, dict)):
        return Entry(value)
    further = sorted(set(value) - {"item", "sample"})
    if further:
        what = f"beside `item` and `sample` stands {', '.join(further)[:200]}, which belongs into one of them"
        raise _wrong(path, number, what)
    if sample is not None and (fault := _sample_fault(sample)):
        raise _wrong(path, number, fault)
    return Entry(item, sample)


def _sample_fault(sample: Any) -> str | None:
    if not isinstance(sample, dict):
        return "`sample` is no object"
    if "output_text" not in sample and "output_tools" not in sample:
        return "`sample` has neither `output_text` nor `output_tools`, so there is no answer in it"
    if not isinstance(sample.get("output_text", ""), str):
        return "`sample.output_text` is no text"
    return None if isinstance(sample.get("output_tools", []), list) else "`sample.output_tools` is no list of calls"


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a JSONL file. Raises: EvalError[evals.suite_missing | evals.row]."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as fault:
        raise EvalError(
            "evals.suite_missing",
            what=f"the suite's data cannot be read: {fault.strerror}",
            where=str(path),
            mend="mend `data` in the suite: its path counts from the suite's folder",
        ) from fault
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig"), parse_constant=no_constant)
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeDecodeError as fault:
            raise _wrong(path, number, "a line of the data is not UTF-8", "save the file as UTF-8") from fault
        except UnicodeEncodeError as fault:
            raise _wrong(path, number, "a line of the data has half a surrogate pair, which is no character") from fault
        except RecursionError as fault:
            raise _wrong(path, number, "a line of the data is nested too deeply") from fault
        except ValueError as fault:
            raise _wrong(path, number, f"a line of the data is no JSON object: {fault}") from fault
        if not isinstance(value, dict):
            raise _wrong(path, number, "a line of the data is no JSON object")
        yield number, value


def _wrong(path: Path, number: int, what: str, mend: str = SHAPE) -> EvalError:
    return EvalError("evals.row", what=what, where=f"{path}:{number}", mend=mend)
