"""Pairs whose two answers were exchanged: the answer to prefer is of the kind that nearly all other pairs turn down.

Three properties are looked at: JSON beside none, a refusal beside an answer, and length. A pair is blamed where nearly all others
have the property on the one side, and it alone has it on the other. Words are the fourth: those that stand mostly in the one kind
of answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from honekit.data.checks.quality.refusals import refusal_in
from honekit.data.checks.turn import NO_JSON, adviser, json_value, warner
from honekit.data.checks.two_lengths import reversed_lengths
from honekit.data.lines import Finding
from honekit.data.preference import PreferenceExample
from honekit.data.preference_faults import PREFERRED

MAX_PAIRS = 20_000
"""So many pairs are held against each other, the first of the file."""
_LEAST, _LEAST_FOR_WORDS = 10, 12
_MOSTLY = 0.9
_MAX_CHARS, _MAX_WORDS = 600, 20_000
_SEEN = 3
"""In so many other answers a word has to stand to say anything."""
_RIGHT = 0.93
_EDGES = ".,;:!?\"'“”()[]{}`*"

CODE = "data.preference.exchanged"
_exchanged = warner(CODE, "exchange the two answers, or see why this pair is the other way round")
_advised = adviser(CODE, "exchange the two answers, or see why this pair is the other way round")


@dataclass(slots=True)
class _Pair:
    line: int
    is_json: int
    """1 where only the preferred answer is JSON, -1 where only the other one is, else 0."""
    refuses: int
    lengths: tuple[int, int]
    words: tuple[frozenset[str], frozenset[str]]
    """Words of only the preferred, and of only the other answer."""


@dataclass
class ExchangedPairs:
    """`data.preference.exchanged`."""

    pairs: list[_Pair] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """In how many pairs a word stands in the preferred answer only, less how many have it in the other only."""
    seen: Counter[str] = field(default_factory=Counter)

    def see(self, pair: PreferenceExample) -> None:
        good, bad = pair.preferred.text.strip(), pair.rejected.text.strip()
        if len(self.pairs) >= MAX_PAIRS or pair.preferred.tool_calls or pair.rejected.tool_calls or not good or not bad:
            return
        json = (json_value(good) is not NO_JSON) - (json_value(bad) is not NO_JSON)
        refuses = bool(refusal_in(good)) - bool(refusal_in(bad))
        ours, theirs = _words(good), _words(bad)
        words = (frozenset(ours - theirs), frozenset(theirs - ours))
        if len(self.seen) < _MAX_WORDS:
            self.seen.update(words[0] | words[1])
            self.counts.update(words[0])
            self.counts.subtract(words[1])
        self.pairs.append(_Pair(pair.line, json, refuses, (len(good), len(bad)), words))

    def finish(self) -> Iterator[Finding]:
        if len(self.pairs) < _LEAST:
            return
        told: set[int] = set()
        refusals = [pair.refuses for pair in self.pairs]
        refused = [*self._of_property(refusals)]
        if sum(refusals) > 0 and len(refused) > 1:
            refused = []  # questions that sound bad and are not, answered on purpose
        for pairs, say, what in (
            (self._of_property([pair.is_json for pair in self.pairs]), _exchanged, _of_json),
            (refused, _exchanged, _of_refusals),
            (self._of_length(), _exchanged, _of_lengths),
            (self._of_words(), _advised, _of_words),
        ):
            for pair in pairs:
                # A refusal beside an answer is judged as such, whatever its words and length.
                if pair.line not in told and (not pair.refuses or what in (_of_json, _of_refusals)):
                    told.add(pair.line)
                    yield say(pair.line, f"{PREFERRED[0]}[0].content", what(pair))

    def _of_property(self, signs: list[int]) -> Iterator[_Pair]:
        """The pairs that have a property on the other side than nearly all that have it on one side only."""
        counts = Counter(filter(None, signs))
        main, count = max(counts.items(), key=lambda one: one[1], default=(0, 0))
        if count >= _LEAST - 2 and count >= _MOSTLY * counts.total() and 2 * count >= len(signs):
            yield from (pair for pair, sign in zip(self.pairs, signs, strict=True) if sign == -main)

    def _of_length(self) -> Iterator[_Pair]:
        for at in reversed_lengths([pair.lengths for pair in self.pairs]):
            yield self.pairs[at]

    def _of_words(self) -> Iterator[_Pair]:
        """The pairs whose words say the opposite, and as loudly as those of half of the pairs say theirs. A pair has no part in
        what its own words say."""
        if len(self.pairs) < _LEAST_FOR_WORDS:
            return
        margins = [self._margin(pair) for pair in self.pairs]
        middle = median(margins)
        if middle > 0 and sum(margin > 0 for margin in margins) >= _RIGHT * len(margins):
            yield from (pair for pair, margin in zip(self.pairs, margins, strict=True) if margin < -middle)

    def _margin(self, pair: _Pair) -> float:
        total = 0.0
        for words, own in ((pair.words[0], 1), (pair.words[1], -1)):
            for word in words:
                seen, more = self.seen[word] - 1, self.counts[word] - own
                if seen >= _SEEN:
                    total += own * math.log((seen + more + 1) / (seen - more + 1))
        return total


def without_consequences(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those of a preferred answer that is told to be the other one: exchanging the two mends these."""
    found = [*findings]
    lines = {finding.line for finding in found if finding.code == CODE}
    return [
        one for one in found if one.code == CODE or one.line not in lines or one.severity == "error" or not _is_of_answer(one)
    ]


def _is_of_answer(finding: Finding) -> bool:
    return finding.field.startswith(PREFERRED[0]) and not finding.code.startswith(("data.privacy.", "data.secrets."))


def _words(text: str) -> set[str]:
    return {bare for word in text[:_MAX_CHARS].casefold().split() if (bare := word.strip(_EDGES))}


def _of_json(pair: _Pair) -> str:
    said = "JSON, and the other one is not" if pair.is_json > 0 else "no JSON, and the other one is"
    return f"the preferred answer is {said}; in nearly all pairs it is the other way round"


def _of_refusals(pair: _Pair) -> str:
    said = "refuses, and the other one answers" if pair.refuses > 0 else "answers, and the other one refuses"
    return f"the preferred answer {said}; in nearly all pairs it is the other way round"


def _of_lengths(pair: _Pair) -> str:
    good, bad = pair.lengths
    return f"the preferred answer has {good} characters and the other one {bad}; in nearly all pairs it is the other way round"


def _of_words(_pair: _Pair) -> str:
    return "the preferred answer has the words of those that other pairs turn down, and the other one has theirs"
