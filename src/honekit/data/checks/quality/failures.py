"""Answers that are the message of a server or a library that failed while the answers were made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, said_before, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MESSAGES = (
    r"4(?:00|01|03|08|13|22|29)\W{1,3}(?:bad request|unauthorized|forbidden|request timeout|too many requests)"
    r"|5\d\d\W{1,3}(?:internal server error|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|server error)"
    r"|internal server error|bad gateway|gateway time-?out|service (?:temporarily )?unavailable|too many requests"
    r"|rate limit (?:reached|exceeded|error)|you exceeded your current quota|insufficient_quota|invalid_api_key|incorrect api key"
    r"|this model's maximum context length|context_length_exceeded|the server had an error|the model is (?:currently )?overloaded"
    r"|upstream connect error|connection (?:reset|aborted|refused|error|timed out)|(?:the )?request timed out|read timed out"
    r"|max retries exceeded|traceback \(most recent call last\)|the response was filtered|content_filter"
    r"|failed to (?:fetch|generate)|(?:there was )?an error (?:occurred )?(?:while |in )?(?:generating|processing)"
    r"|network error\b"
)
_FAILURE = re.compile(
    rf"\W{{0,3}}(?:(?:[\w.]{{0,60}}(?:Error|Exception)|error|https?connectionpool)\b[^\n]{{0,120}}?)?"
    rf"(?:{_MESSAGES}|\btimeout of \d)",
    re.I,
)
_BEGINNINGS = (
    "error", "[error", "4", "5", "http", "openai.", "requests.", "internal server", "bad gateway",
    "gateway t", "service ", "too many req", "rate limit", "you exceeded", "insufficient_q", "invalid_api",
    "incorrect api", "this model's", "context_length", "the server had", "the model is", "upstream ",
    "connection ", "request timed", "the request timed", "read timed", "max retries", "traceback",
    "the response was", "content_filter", "failed to", "there was an error", "an error", "network error",
    "ratelimit", "timeouterror", "apierror", "connectionerror", "valueerror", "exception",
)  # fmt: skip
"""A quick test, of small letters."""
_BEGINNING_CHARS = 20
_MAX_CHARS = 400
_ABOUT = re.compile(r"error|exception|fail|http|status|log\b|time-?out|crash|server|stack|trace|debug|api\b", re.I)
"""What an input that is about such a message has."""

_failed = warner("data.answers.failure", "ask for the answer again, or delete the record")


@dataclass
class Failures:
    """`data.answers.failure`."""

    found: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.trained)
        for turn, at, text in turns.trained:
            if text[:_BEGINNING_CHARS].lower().startswith(_BEGINNINGS) and len(text) <= _MAX_CHARS:
                self._look(turn, at, text)

    def _look(self, turn: Turn, at: int, text: str) -> None:
        found = _FAILURE.match(text)
        if found and not _ABOUT.search(said_before(turn)):
            self.found.add(found[0].strip(), turn.line, f"messages[{at}].content")

    def join(self, later: Failures, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.found, self.answers):
            yield _failed(line, at, f"the answer is the message of a failure: {shown(what)}")
