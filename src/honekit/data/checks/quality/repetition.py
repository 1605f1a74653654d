"""Answers that say the same again: a paragraph pasted twice, a sentence over and over, a key that stuck."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_PARAGRAPH = 40
_SENTENCE, _TIMES = 20, 3
_ANSWER = 30
_LEAST = 48
_STEP, _STEP_TOGETHER = 8, 5
_TAIL, _LOOP_CHARS, _WORD = 24, 400, 4
_LOOP = re.compile(r"(?<!\w)(\w[^\n]{6,80}?[\s,.;:!?]+)\1{3,}")
_IN_NO_RUN = b" \t\n\r\v\f=-_*#.~|0"
_RUN = re.compile(r"([^\s=\-_*#.~|─0])\1{39,}")

_again = warner("data.answers.repetition", "say it once: a model that learns this does not know when to stop")


@dataclass
class Repetition:
    """`data.answers.repetition`."""

    found: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.trained)
        has_runs = may_have_runs(turns.trained_text)
        for turn in turns.all:
            before: str | None = None
            for at, text in turn.trained:
                if len(text) < _ANSWER:
                    continue
                if text == before:
                    self.found.add("the answer is the same as the assistant's turn before", turn.line, f"messages[{at}].content")
                elif len(text) >= _LEAST and (turn.value is NO_JSON or at != turn.at) and (what := repeated_in(text, has_runs)):
                    self.found.add(what, turn.line, f"messages[{at}].content")
                before = text
            if len(turn.trained) > 1:
                said: set[str] = set()
                for at, message in enumerate(turn.messages):
                    if message.role == "user" and len(message.text) >= _ANSWER:
                        if message.text in said:
                            self.found.add("the user says the same as in a turn before", turn.line, f"messages[{at}].content")
                        said.add(message.text)

    def join(self, later: Repetition, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.found, self.answers, each=True):
            yield _again(line, at, what)


def repeated_in(text: str, may_have_run: bool = True) -> str | None:
    """What a text says again, in words for a message."""
    if may_have_run and _may_have_run(text, _STEP) and _may_have_run(text, _STEP // 2) and _RUN.search(text):
        return "one character stands forty times and more in a row"
    if has_code(text):
        return None
    # The mark behind the last round stands behind no other.
    tail = text[-_LOOP_CHARS - 1 : -1] if text[-1:] in ".!?" else text[-_LOOP_CHARS:]
    if tail.find(tail[-_TAIL:], -5 * _TAIL, -1) >= 0 and _is_loop(tail):
        return "a few words come again and again at the end of the answer"
    if "\n" in text and _stands_twice(text.split("\n\n"), _PARAGRAPH):
        return "a paragraph stands twice in the answer"
    sentences = text.split(". ") if text.count(".") >= _TIMES - 1 else []
    if len(sentences) >= _TIMES and len(set(sentences)) < len(sentences):
        # The last one keeps its full stop.
        sentences[-1] = sentences[-1].rstrip(". ")
        long = [one for one in sentences if len(one) >= _SENTENCE]
        if any(long.count(one) >= _TIMES for one in long):
            return "a sentence stands three times and more in the answer"
    return None


def _is_loop(text: str) -> bool:
    """Whether some words, at least two, come four times and more on end; `ha ha ha` is laughter."""
    found = _LOOP.search(text + " ")
    words = re.findall(r"[^\W\d_]{2,}", found[1].casefold()) if found else []
    return len(words) > 1 and (len(set(words)) > 1 or len(words[0]) >= _WORD)


def may_have_runs(together: str) -> bool:
    """A quick test of many texts in one: whether `_RUN` may match in any of them. Signs that it does not look for are taken out,
    and letters beyond ASCII are one sign, so that a run of one of them is one as well."""
    sample = together[::_STEP_TOGETHER].encode("ascii", "replace").translate(None, _IN_NO_RUN)
    return _has_run(sample, 40 // _STEP_TOGETHER - 1)


def _may_have_run(text: str, step: int) -> bool:
    """A quick test: in a run of forty, every eighth character is the same."""
    return _has_run(text[::step].encode("ascii", "ignore"), 40 // step - 1)


def _has_run(sample: bytes, least: int) -> bool:
    """Whether so many bytes on end are as the one before: the difference of neighbours is nought there."""
    size = len(sample) - 1
    return size >= least and bytes(least) in (int.from_bytes(sample[1:]) ^ int.from_bytes(sample[:-1])).to_bytes(size)


def _stands_twice(parts: list[str], least: int) -> bool:
    long = [stripped for part in parts if len(stripped := part.strip()) >= least]
    return len(set(long)) < len(long)
