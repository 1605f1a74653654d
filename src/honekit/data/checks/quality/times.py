"""Times of day in an answer that the input does not have, where nearly all answers take theirs from there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.taken import Taken
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_HALF = r"(?: ?([ap])\.?m\b)?"
_TIME = re.compile(rf"\d(?<![\d:.,]\d)\d?:[0-5]\d(?![\d:]){_HALF}", re.I)
_KNOWN = re.compile(rf"(?<!\d)(\d\d?)[:.h]([0-5]\d)(?!\d){_HALF}", re.I)
_WHOLE = re.compile(r"(?<![\d:.])(\d\d?) ?(?:([ap])\.?m\b|uhr\b|h\b|o['’]clock)", re.I)
_CLOCK = re.compile(r"(\d+):(\d\d)")
_LENGTH = re.compile(
    r"\d ?h\b(?! ?\d)|\b(?:min(?:ut\w*)?|h(?:ou)?rs?|std|stunden?|heures?|horas?|later|earlier|late|delay\w*|zone|UTC|GMT"
    r"|half|quarter|halb|viertel|demie|media|noon|midnight|mittags?|mitternacht|midi|minuit)\b",
    re.I,
)
"""Lengths of time and times in words: from these another time may be worked out."""
_LEAST, _FEW_SHARE = 6, 0.1
_DAY = 24 * 60
_MAX_CHARS = 4000
_AROUND = 5

_unfounded = warner("data.answers.unfounded", "copy it from the input, add it there, or take it out of the answer")


@dataclass
class Times:
    """`data.answers.unfounded` for times of day."""

    taken: Taken = field(default_factory=Taken)

    def see(self, turns: Turns) -> None:
        for turn, begin, end in turns.spans_of_digits:
            if end - begin < 3 or len(turn.answer) > _MAX_CHARS or ":" not in turn.answer[begin:end]:
                continue
            times = [one[0] for one in _TIME.finditer(turn.answer[max(begin - 2, 0) : end + _AROUND])]
            if not times:
                continue
            before = "\n".join(turn.texts[: turn.at])
            known = _minutes_in(before)
            if not known:
                continue
            self.taken.total += 1
            strange = next((time for time in times if time not in before and _minutes_of(time).isdisjoint(known)), None)
            if strange is None:
                self.taken.copied += 1
            elif not _LENGTH.search(before):
                other = next((f", but {one[0]} does" for one in _TIME.finditer(before)), "")
                self.taken.note(turn.line, turn.field, f"the time {shown(strange)} stands nowhere in the input{other}")

    def join(self, later: Times, lines_before: int) -> None:
        self.taken.join(later.taken, lines_before)

    def finish(self) -> Iterator[Finding]:
        few = max(1, _FEW_SHARE * self.taken.total)
        if self.taken.copied >= _LEAST and self.taken.total - self.taken.copied <= few:
            yield from self.taken.findings(_unfounded, "answers with times copy theirs from the input")


def _minutes_in(text: str) -> set[int]:
    """Minutes of the day of every time in a text; of one that may be before or after noon, both."""
    found = {minutes for hour, minute, half in _KNOWN.findall(text) for minutes in _read(hour, minute, half)}
    return found | {minutes for hour, half in _WHOLE.findall(text) for minutes in _read(hour, "0", half)}


def _minutes_of(time: str) -> set[int]:
    half = time.casefold().replace(".", "")[-2:]
    clock = _CLOCK.match(time)
    return _read(clock[1], clock[2], half[0] if half in ("am", "pm") else "") if clock else set()


def _read(hour: str, minute: str, half: str) -> set[int]:
    minutes = int(hour) * 60 + int(minute)
    if half:
        return {minutes % (_DAY // 2) + (_DAY // 2 if half in "pP" else 0)}
    return {minutes, (minutes + _DAY // 2) % _DAY} if minutes < _DAY // 2 + 60 else {minutes}
