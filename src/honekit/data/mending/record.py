"""All mends of one record: keys first, then each text until no mend finds anything more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from honekit.data.mending.mends import RECORD_MENDS, TEXT_MENDS
from honekit.data.private.pseudonyms import Pseudonyms

MAX_ROUNDS = 5
_CONTEXT = 20
_MAX_FRAGMENT = 200


@dataclass(frozen=True)
class Change:
    """One entry of the log. A redaction says how many places it replaced, never what stood there."""

    code: str
    field: str
    count: int = 1
    before: str | None = None
    after: str | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {"before": self.before, "after": self.after} if self.before is not None else {"replaced": self.count}
        return {"code": self.code, "field": self.field, **shown}


class RecordMender:
    """Mends one record after the other."""

    def __init__(self, wants: Callable[[str], bool], pseudonyms: Pseudonyms | None, usual: frozenset[str] = frozenset()) -> None:
        """`usual`: keys that most records of the file have."""
        self._usual = usual
        self._texts = {code: mend for code, mend in TEXT_MENDS.items() if wants(code)}
        self._records = {code: mend for code, mend in RECORD_MENDS.items() if wants(code)}
        self._wants, self._pseudonyms = wants, pseudonyms

    def mend(self, record: Any) -> tuple[Any, list[Change]]:
        """The mended record and what was changed; anything but an object with messages stays as it is.

        `record` is JSON as it was decoded, and is used up.
        """
        changes: list[Change] = []
        if not isinstance(record, dict) or not isinstance(record.get("messages"), list):
            return record, changes
        for code, mend in self._records.items():
            mended = mend(record, self._usual)
            if mended != record:
                gone = ", ".join(key for key in record if key not in mended)
                changes.append(Change(code, gone, before=gone, after=""))
                record = mended
        for field, holder, key, is_prose in _places(record["messages"]):
            holder[key] = self._text(holder[key], field, is_prose, changes)
        return record, changes

    def _text(self, text: str, field: str, is_prose: bool, changes: list[Change]) -> str:
        text = self._redacted(text, field, changes)
        mends = self._texts if is_prose else {}
        for _ in range(MAX_ROUNDS if mends else 0):
            start = text
            for code, mend in mends.items():
                before, text = text, mend(text)
                if text != before:
                    changes.append(Change(code, field, 1, *_fragments(before, text)))
            if text == start:
                break
            # A mend may have brought to light what was private, such as an @ written as an HTML entity.
            again: list[Change] = []
            text = self._redacted(text, field, again)
            if again:
                changes[:] = [change if change.field != field else Change(change.code, field) for change in changes] + again
        return text

    def _redacted(self, text: str, field: str, changes: list[Change]) -> str:
        if self._pseudonyms is None:
            return text
        text, codes = self._pseudonyms.redact(text, self._wants)
        changes += [Change(code, field, count) for code, count in Counter(codes).items()]
        return text


def _places(messages: list[Any]) -> Iterator[tuple[str, Any, Any, bool]]:
    """(field, holder, key, whether it is prose) of every text; arguments of tool calls are JSON."""
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        for key in ("content", "refusal"):
            if isinstance(message.get(key), str):
                yield f"messages[{index}].{key}", message, key, True
        for number, part in enumerate(content if isinstance(content, list) else ()):
            for key in ("text", "refusal"):
                if isinstance(part, dict) and isinstance(part.get(key), str):
                    yield f"messages[{index}].content[{number}].{key}", part, key, True
        calls = message.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                yield f"messages[{index}].tool_calls[{number}].function.arguments", function, "arguments", False


def _fragments(before: str, after: str) -> tuple[str, str]:
    """The part that differs, with a little around it."""
    start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    most = min(len(before), len(after)) - start
    tail = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    begin = max(0, start - _CONTEXT)
    ends = (len(before) - max(0, tail - _CONTEXT), len(after) - max(0, tail - _CONTEXT))
    cut = [text[begin:end] for text, end in zip((before, after), ends, strict=True)]
    return tuple(part if len(part) <= _MAX_FRAGMENT else f"{part[:_MAX_FRAGMENT]}…" for part in cut)  # type: ignore[return-value]
