"""Personal data and secrets in any text of a record: what a model has learnt it may say to anybody.

A finding stands for all places of one code in one field. What may be advised only (addresses of private networks, MAC
addresses: device logs are full of them) is reported once for the whole file where more than a few records have it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.check import CheckOptions
from honekit.data.lines import Finding, Severity
from honekit.data.private.find import find_private, masked, may_be_private, without_overlaps
from honekit.data.private.names import name_finder
from honekit.data.private.span import Span

_FEW = 3
"""So many records are named one by one."""
_FIX = "`hone data fix --redact` writes a pseudonym in its place, the same for the same value"
_SECRET_FIX = "revoke it, since it has been copied around; `hone data fix --redact` takes it out"
_ADVICE_FIX = "leave it where devices are meant, else `hone data fix --redact --only {}`"


@dataclass
class Advised:
    """What is reported for the first records only, or once for the whole file, by code."""

    first: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    """Line, field and what it is, of the first `_FEW` records."""
    records: dict[str, int] = field(default_factory=dict)

    def add(self, code: str, line: int, at: str, what: str) -> None:
        self._add(code, [(line, at, what)], 1)

    def join(self, later: Advised, lines_before: int) -> None:
        """Add what was found in a later part of the same file."""
        for code, places in later.first.items():
            self._add(code, [(line + lines_before, at, what) for line, at, what in places], later.records[code])

    def _add(self, code: str, places: list[tuple[int, str, str]], records: int) -> None:
        first = self.first.setdefault(code, [])
        first += places[: _FEW - len(first)]
        self.records[code] = self.records.get(code, 0) + records

    def findings(self) -> Iterator[Finding]:
        for code, places in self.first.items():
            count, fix = self.records[code], _ADVICE_FIX.format(code)
            more = f", in {count} records; this is the first" if count > _FEW else ""
            for line, at, what in places[:1] if more else places:
                yield Finding(code, "advice", line, at, f"{what}{more}", fix)


class PrivacyCheck:
    """Looks at every text once."""

    name = "secrets and personal data"

    def __init__(self, options: CheckOptions) -> None:
        self._find_names = name_finder(options.names) if options.names else None
        self.advised = Advised()

    def see(self, example: ChatExample) -> Iterable[Finding]:
        said = dict(texts(example.messages))
        # One look at all texts together: nearly always there is nothing in them.
        if not self._find_names and not may_be_private("\n".join(said.values())):
            return
        advised: dict[str, tuple[str, str]] = {}
        for at, text in said.items():
            by_code: dict[tuple[str, Severity], list[Span]] = defaultdict(list)
            for span in self._spans(text):
                by_code[span.code, span.severity].append(span)
            for (code, severity), spans in by_code.items():
                if severity == "advice":
                    advised.setdefault(code, (at, spans[0].what))
                else:
                    yield _finding(example.line, at, text, spans)
        for code, (at, what) in advised.items():
            self.advised.add(code, example.line, at, what)

    def _spans(self, text: str) -> list[Span]:
        spans = find_private(text)
        return without_overlaps([*spans, *self._find_names(text)]) if self._find_names else spans

    def finish(self) -> Iterable[Finding]:
        return self.advised.findings()


def texts(messages: Iterable[Message]) -> Iterator[tuple[str, str]]:
    """(field, text) of all contents and of the arguments of tool calls."""
    for index, message in enumerate(messages):
        if message.text:
            yield f"messages[{index}].content", message.text
        for number, call in enumerate(message.tool_calls or ()):
            yield f"messages[{index}].tool_calls[{number}].function.arguments", call.function.arguments


def _finding(line: int, field: str, text: str, spans: list[Span]) -> Finding:
    first = spans[0]
    more = f", and {len(spans) - 1} more" if len(spans) > 1 else ""
    fix = _SECRET_FIX if first.code.startswith("data.secrets") else _FIX
    message = f"{first.what}: {masked(first, text)}{more}"
    return Finding(first.code, first.severity, line, field, message, fix)
