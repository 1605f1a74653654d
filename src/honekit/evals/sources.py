"""The rows that a data source gives: from a request, a file, or answers that were stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from honekit.evals.sources_schema import MAX_ROWS, ContentRow, FileContent, FileId, StoredCompletions, StoredResponses, samples
from honekit.graders.json_schema import schema_fault
from honekit.store import answers, files
from honekit.store.evals import Entry

MAX_ROW_BYTES = 4_000_000


class SourceFault(Exception):
    """A data source that gives no usable rows; `param` is its place in the request."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


def entries(owner: str, config: dict[str, Any], source: Any) -> list[Entry]:
    """All rows of a source, checked against the evaluation's schema.

    Raises: SourceFault with the first row that does not fit; StoreError.
    """
    given = source.source
    if isinstance(given, FileContent):
        rows = [Entry(row.item, row.sample) for row in given.content]
    elif isinstance(given, FileId):
        rows = list(_file(owner, given.id))
    else:
        rows = list(_stored(owner, given, config))
    if not rows:
        raise SourceFault("The data source has no items.", "data_source.source")
    if config["type"] == "custom":
        _check(rows, config["schema"], samples(source))
    if not samples(source) and any(row.given is None for row in rows):
        place = next(number for number, row in enumerate(rows, 1) if row.given is None)
        raise SourceFault(
            f"Row {place} has no 'sample', and no model is named that could make one.", "data_source", "missing_sample"
        )
    if samples(source):
        rows = [Entry(row.item, None) for row in rows]
    return rows


def _check(rows: list[Entry], schema: dict[str, Any], sampled: bool) -> None:
    parts = schema.get("properties", {})
    for number, row in enumerate(rows, 1):
        for name, value in (("item", row.item), ("sample", None if sampled else row.given)):
            if value is None or name not in parts:
                continue
            try:
                fault = schema_fault(parts[name], value)
            except ValueError as wrong:
                raise SourceFault(f"The evaluation's schema cannot be applied: {wrong}.", "data_source") from wrong
            if fault is not None:
                message = f"Row {number} does not fit the evaluation's schema: {name}: {fault}."
                raise SourceFault(message, "data_source.source", "invalid_item")


def _file(owner: str, file_id: str) -> Iterator[Entry]:
    found = files.get(owner, file_id if file_id.isprintable() else "")
    if found is None:
        raise SourceFault(f"No such File object: '{file_id[:80]}'", "data_source.source.id", "file_not_found")
    yield from read_rows(found.path)


def read_rows(path: Path) -> Iterator[Entry]:
    """The rows of a JSONL file: `{"item": {...}, "sample": {...}}` each. Raises: SourceFault that names the line."""
    place = "data_source.source.id"
    with open(path, "rb") as file:
        rows = 0
        for number, line in enumerate(iter(lambda: file.readline(MAX_ROW_BYTES + 1), b""), 1):
            if len(line) > MAX_ROW_BYTES:
                raise SourceFault(f"Line {number} is longer than {MAX_ROW_BYTES:,} bytes.", place, "invalid_item")
            if not line.strip():
                continue
            try:
                row = ContentRow.model_validate_json(line)
            except ValueError as fault:
                shape = 'a row is {"item": {...}}, with "sample" where the answer is there already'
                raise SourceFault(f"Line {number} is no row: {shape}.", place, "invalid_item") from fault
            rows += 1
            if rows > MAX_ROWS:
                raise SourceFault(f"The file has more than {MAX_ROWS:,} rows.", place)
            yield Entry(row.item, row.sample)


def _stored(owner: str, source: StoredCompletions | StoredResponses, config: dict[str, Any]) -> Iterator[Entry]:
    kind: Literal["response", "chat.completion"] = "response" if isinstance(source, StoredResponses) else "chat.completion"
    wanted = {str(key): str(value) for key, value in {**(config.get("metadata") or {}), **(source.metadata or {})}.items()}
    found = answers.list_answers(owner, kind, model=source.model, metadata=wanted or answers.ANY_METADATA, limit=MAX_ROWS)
    limit = getattr(source, "limit", None) or MAX_ROWS
    number = 0
    for one in found:
        if source.created_after is not None and one.created_at < source.created_after:
            continue
        if source.created_before is not None and int(one.created_at) > source.created_before:
            continue
        if isinstance(source, StoredResponses) and not _fits(source, one.body):
            continue
        number += 1
        if number > limit:
            return
        yield Entry(*(_of_response(one) if kind == "response" else _of_completion(one)))


def _fits(source: StoredResponses, body: dict[str, Any]) -> bool:
    if source.instructions_search is not None and source.instructions_search not in str(body.get("instructions") or ""):
        return False
    if source.tools is not None and not set(source.tools) <= {tool.get("name") for tool in body.get("tools") or []}:
        return False
    return all(getattr(source, name) in (None, body.get(name)) for name in ("temperature", "top_p"))


def _of_completion(one: answers.Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    message = one.body["choices"][0]["message"]
    item = {
        "input": [{"role": part["role"], "content": part.get("content") or ""} for part in one.input],
        "input_trajectory": [{"role": part["role"], "content": part.get("content") or ""} for part in one.input],
        "metadata": one.metadata or {},
    }
    sample = {
        "output_text": message.get("content") or "",
        "output_tools": message.get("tool_calls") or [],
        "model": one.model,
        "finish_reason": one.body["choices"][0].get("finish_reason"),
        "id": one.id,
    }
    return item, sample


def _of_response(one: answers.Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    told = [part for part in one.input if part.get("type", "message") == "message"]
    messages = [{"role": part["role"], "content": _text(part.get("content"))} for part in told]
    instructions = one.body.get("instructions")
    if isinstance(instructions, str):
        messages.insert(0, {"role": "system", "content": instructions})
    output = one.body.get("output") or []
    text = "".join(_text(part.get("content")) for part in output if part.get("type") == "message")
    calls = [{"name": part["name"], "arguments": part["arguments"]} for part in output if part.get("type") == "function_call"]
    item = {"input": messages, "input_trajectory": messages, "metadata": one.metadata or {}}
    return item, {"output_text": text, "output_tools": calls, "model": one.model, "id": one.id}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
