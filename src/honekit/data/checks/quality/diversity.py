"""Inputs that are one template with the slots filled: many examples, little to learn."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from honekit.data.checks.turn import adviser
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding
from honekit.data.near.rule import masked_words

_SAMPLE = 300
_LEAST = 10
_MOSTLY = 0.8
_SHARED = 0.6
_MAX_FREE_WORDS = 4
_MAX_CHARS = 2000

_template = adviser("data.inputs.one_template", "vary the wording of the inputs the way that users will")


@dataclass
class Diversity:
    """`data.inputs.one_template`, on the sample of inputs whose hashes are largest."""

    sample: list[tuple[int, str]] = field(default_factory=list)
    """A heap."""

    def see(self, turns: Turns) -> None:
        # Once the sample is full, nearly none of the hashes is large enough.
        least = self.sample[0][0] if len(self.sample) >= _SAMPLE else -1
        for turn in turns.all:
            if turn.input > least and turn.question:
                self._offer(turn.input, turn.question)

    def _offer(self, key: int, question: str) -> None:
        if len(self.sample) < _SAMPLE:
            heapq.heappush(self.sample, (key, question[:_MAX_CHARS]))
        elif key > self.sample[0][0]:
            heapq.heapreplace(self.sample, (key, question[:_MAX_CHARS]))

    def join(self, later: Diversity, lines_before: int) -> None:
        for key, question in later.sample:
            self._offer(key, question)

    def finish(self) -> Iterator[Finding]:
        texts = [text for _, text in self.sample]
        if len(texts) < _LEAST or len(set(texts)) < _LEAST / 2:
            return
        share = template_share(texts)
        if share >= _MOSTLY:
            yield _template(0, "messages", f"{share:.0%} of the inputs are one sentence with a few words exchanged")


def template_share(texts: list[str]) -> float:
    """The share of texts that consist of words which most texts have in the same pairs, but for a few."""
    words = [masked_words(text) for text in texts]
    pairs = [list(pairwise(own)) for own in words]
    counts = Counter(pair for own in pairs for pair in set(own))
    common = {pair for pair, count in counts.items() if count >= _MOSTLY * len(texts)}
    fit = 0
    for own, pairs_of in zip(words, pairs, strict=True):
        covered = {i + offset for i, pair in enumerate(pairs_of) if pair in common for offset in (0, 1)}
        free = len(own) - len(covered)
        fit += bool(covered) and len(covered) >= _SHARED * len(own) and free <= _MAX_FREE_WORDS
    return fit / len(texts)
