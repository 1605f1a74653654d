"""A fixed, stratified part of the test set: the same examples on every machine, and always part of the whole."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from honekit.data import Example


def stratified_subset(examples: Sequence[Example], share: float, stratify: str | None) -> list[Example]:
    """About `share` of the examples, even over the stratifying answer field and every combination of slices.

    Within a stratum the order is that of a hash of the id, so that membership depends on nothing else. In file order.
    """
    if share >= 1:
        return list(examples)
    strata: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    for example in examples:
        strata[(str(example.answer.get(stratify)) if stratify else "", *sorted(example.slices))].append(example)
    chosen: set[str] = set()
    carry = 0.0
    for name in sorted(strata):
        members = sorted(strata[name], key=lambda e: hashlib.sha256(e.id.encode()).hexdigest())
        wanted = len(members) * share + carry
        count = min(len(members), int(wanted + 0.5))
        carry = wanted - count
        chosen |= {e.id for e in members[:count]}
    return [e for e in examples if e.id in chosen]


def spread(examples: Sequence[Example], count: int, stratify: str | None) -> list[Example]:
    """At most `count` examples, stratified."""
    if len(examples) <= count:
        return list(examples)
    return stratified_subset(examples, count / len(examples), stratify)[:count]
