"""Inputs that are one template with the slots filled: many examples, little to learn."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from honekit.data.checks.turn import Turn, adviser
from honekit.data.lines import Finding
from honekit.data.near.rule import masked_words

_SAMPLE = 300
_LEAST = 10
_MOSTLY = 0.8
_SHARED = 0.6
_MAX_FREE_WORDS = 4
_MAX_CHARS = 2000

_template = adviser("data.inputs.one_template", "vary the wording of the inputs the way that users will")


class Diversity:
    """`data.inputs.one_template`, on a random sample of the inputs."""

    def __init__(self) -> None:
        self._sample: list[str] = []
        self._seen = 0
        self._random = random.Random(0)

    def see(self, turn: Turn) -> Iterable[Finding]:
        if turn.question:
            self._seen += 1
            if len(self._sample) < _SAMPLE:
                self._sample.append(turn.question[:_MAX_CHARS])
            elif (at := int(self._random.random() * self._seen)) < _SAMPLE:
                self._sample[at] = turn.question[:_MAX_CHARS]
        return ()

    def finish(self) -> Iterator[Finding]:
        if len(self._sample) < _LEAST or len(set(self._sample)) < _LEAST / 2:
            return
        share = template_share(self._sample)
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
