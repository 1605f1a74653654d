"""Near duplicates among many texts, by the one rule of `honekit.data.near.rule`.

Up to `EXACT_TEXTS` texts the search is exact. Beyond, MinHash signatures in bands name candidates, and the rule, on
hashed shingles, decides: what is reported is right, and a pair at the threshold is missed about once in a hundred
times. Each text is compared with the first few of its bands only, so that the time stays linear however alike the texts are.
Sources: Broder 1997, "On the resemblance and containment of documents"; Indyk, Motwani 1998 (banding).

Text that a third of the texts share (a prompt template around each input) is left out of the comparison.

Memory: 84 bytes per text (16 band keys, offset, bookkeeping); shingles lie in a temporary file, 8 bytes each.
"""

from __future__ import annotations

import math
import tempfile
import weakref
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from honekit.data.near.rule import THRESHOLD, Shingle, near_duplicate_sets, shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from honekit.data.near.hashing import Hasher

EXACT_TEXTS = 4000
BANDS, ROWS = 16, 4
"""A pair at Jaccard 0.7 shares a band with probability 1 - (1 - 0.7^4)^16 = 0.988."""
COMMON_SHARE, COMMON_LEAST = 1 / 3, 8
"""A shingle in so large a share of the texts, and in so many at least, belongs to a template."""
_FIRST_OF_BUCKET = 8
_BATCH_TEXTS = 4000
_PAIRS_AT_ONCE = 1 << 18
_HASH_BITS = 44
"""Within a pair of texts shingles are told apart by so many bits; the others number the pair."""


class Match(NamedTuple):
    """Two near duplicates by their positions; `earlier` < `later`."""

    earlier: int
    later: int
    similarity: float


Accept = Callable[["NDArray[np.int64]", "NDArray[np.int64]"], "NDArray[np.bool_]"]
"""Which of the pairs (earlier, later) may match at all, e.g. those whose answers agree."""


class NearSearch:
    """Texts are added one by one and numbered from 0; `matches` then pairs them."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._sets: list[frozenset[Shingle]] = []
        self._large: _Signatures | None = None

    def add(self, text: str) -> None:
        self._texts.append(text)
        if len(self._texts) > (_BATCH_TEXTS if self._large else EXACT_TEXTS):
            self._flush()

    def matches(self, split: int | None = None, accept: Accept | None = None) -> list[Match]:
        """For each text its best match (large inputs: the first one found) among those before it, in order of `later`.

        With `split`, only texts from that position on are matched, and only with texts before it.
        """
        if self._large is None:
            return self._exact(split, accept)
        if self._texts:
            self._flush()
        return self._large.matches(split, accept)

    def _flush(self) -> None:
        if self._large is None:
            self._large = _Signatures(common_shingles([shingles(text) for text in self._texts]))
            self._sets = []
        self._large.add(self._texts)
        self._texts = []

    def _exact(self, split: int | None, accept: Accept | None) -> list[Match]:
        import numpy as np

        self._sets += [shingles(text) for text in self._texts[len(self._sets) :]]
        common = common_shingles(self._sets)
        sets = [members - common or members for members in self._sets]
        best: dict[int, Match] = {}
        for match in (Match(*pair) for pair in near_duplicate_sets(sets, split)):
            known = best.get(match.later)
            if known and (known.similarity, -known.earlier) >= (match.similarity, -match.earlier):
                continue
            if accept is None or accept(np.array([match.earlier]), np.array([match.later]))[0]:
                best[match.later] = match
        return [best[later] for later in sorted(best)]


def common_shingles(sets: Sequence[frozenset[Shingle]]) -> frozenset[Shingle]:
    """The shingles of a template: those that a third of the texts hold, among texts that say something else too."""
    least = max(COMMON_LEAST, math.ceil(COMMON_SHARE * len(sets)))
    counts = Counter(shingle for members in sets for shingle in members)
    return frozenset(shingle for shingle, count in counts.items() if count >= least)


class _Signatures:
    """Band keys and offsets in memory, shingles on disk."""

    def __init__(self, common: frozenset[Shingle]) -> None:

        from honekit.data.near.hashing import Hasher, permutations

        self._hasher: Hasher = Hasher()
        self._common = self._hasher.shingle_hashes(common)
        self._multipliers = permutations(BANDS * ROWS)
        self._bands: list[NDArray[np.uint32]] = []
        self._ends = array("q", [0])
        self._file = tempfile.TemporaryFile(prefix="hone-near-")  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, self._file.close)

    def add(self, texts: Sequence[str]) -> None:
        from honekit.data.near.hashing import band_keys, min_hashes

        values, ends = self._hasher.hash_texts(texts, self._common)
        self._file.write(values.tobytes())
        start = self._ends[-1]
        self._ends.extend((ends + start).tolist())
        self._bands.append(band_keys(min_hashes(values, ends, self._multipliers), BANDS))

    def matches(self, split: int | None, accept: Accept | None) -> list[Match]:
        import numpy as np

        self._file.flush()
        ends = np.frombuffer(self._ends, dtype=np.int64)
        values = np.memmap(self._file, dtype=np.uint64, mode="r")
        partner = np.full(len(ends) - 1, -1, dtype=np.int64)
        similarity = np.zeros(len(ends) - 1)
        for band in range(BANDS):
            keys = np.concatenate([part[:, band] for part in self._bands])
            earlier, later = _candidates(keys, split, partner < 0)
            if accept is not None and len(earlier):
                keep = accept(earlier, later)
                earlier, later = earlier[keep], later[keep]
            for at in range(0, len(later), _PAIRS_AT_ONCE):
                left, right = earlier[at : at + _PAIRS_AT_ONCE], later[at : at + _PAIRS_AT_ONCE]
                score = _jaccard(values, ends, left, right)
                found = np.flatnonzero(score >= THRESHOLD - 1e-9)
                # Of several partners the best, then the earliest, is written last and stays.
                found = found[np.lexsort((-left[found], score[found]))]
                better = score[found] > similarity[right[found]]
                found = found[better]
                partner[right[found]] = left[found]
                similarity[right[found]] = score[found]
        later_ones = np.flatnonzero(partner >= 0)
        return [Match(int(partner[i]), int(i), float(similarity[i])) for i in later_ones]


def _candidates(
    keys: NDArray[np.uint32], split: int | None, is_open: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one band: each text that is still without a match, and the first texts of its bucket."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_first)
    start = np.repeat(starts, np.diff(np.append(starts, len(keys))))
    position = np.arange(len(keys))
    wanted = (position > start) & is_open[order] & (order >= (split or 0))
    position, start = position[wanted], start[wanted]
    earlier, later = [], []
    for step in range(_FIRST_OF_BUCKET):
        inside = start + step < position
        left, right = order[start[inside] + step], order[position[inside]]
        keep = left < (right if split is None else split)
        earlier.append(left[keep])
        later.append(right[keep])
    return np.concatenate(earlier), np.concatenate(later)


def _jaccard(
    values: NDArray[np.uint64], ends: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Similarity of each pair: a shared shingle stands twice among the two sets of a pair."""
    import numpy as np

    sizes = [ends[side + 1] - ends[side] for side in (left, right)]
    small, large = np.minimum(*sizes), np.maximum(*sizes)
    shared = np.zeros(len(left), dtype=np.int64)
    possible = np.flatnonzero(small >= THRESHOLD * large - 1e-9)
    for pairs in np.array_split(possible, max(1, math.ceil(float((small + large)[possible].sum()) / (1 << 22)))):
        members = [_gather(values, ends, side[pairs]) for side in (left, right)]
        number = [np.repeat(np.arange(len(pairs), dtype=np.uint64), size[pairs]) for size in sizes]
        tagged = [(n << np.uint64(_HASH_BITS)) | m for n, m in zip(number, members, strict=True)]
        both = np.concatenate(tagged)
        both.sort()
        twice = both[1:][both[1:] == both[:-1]] >> np.uint64(_HASH_BITS)
        shared[pairs] = np.bincount(twice.astype(np.int64), minlength=len(pairs))
    score: NDArray[np.float64] = shared / (small + large - shared)
    return score


def _gather(values: NDArray[np.uint64], ends: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.uint64]:
    import numpy as np

    begin, size = ends[texts], ends[texts + 1] - ends[texts]
    shift = np.repeat(begin - np.concatenate(([0], np.cumsum(size)[:-1])), size)
    gathered: NDArray[np.uint64] = values[np.arange(int(size.sum())) + shift]
    return gathered
