"""The shingles of many texts as 44-bit numbers, and their MinHash signatures, a batch at a time in numpy.

The rule is that of `honekit.data.near.rule`, step by step; words are hashed once and kept in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import xxhash

from honekit.data.near.rule import DIGIT, MASK, WORD, Shingle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASH_BITS = 44
MAX_WORDS = 1 << 20
"""Words kept in the table; it is emptied when a file has more, which random tokens do."""
_ASCII_WORD = re.compile(r"[a-z0-9_-]+")
_NOTHING = 0
_PAD = 1
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def _number(word: str) -> int:
    return xxhash.xxh3_64_intdigest(word.encode("utf-8", "surrogatepass")) | 2


class _Words(dict[str, int]):
    """Word as it stands in the text -> number of the masked word."""

    def __missing__(self, word: str) -> int:
        masked = MASK if DIGIT.search(word) else word.strip("-_")
        number = _number(masked) if masked else _NOTHING
        if len(self) >= MAX_WORDS:
            self.clear()
        self[word] = number
        return number


class Hasher:
    """Keeps the words that it has seen, so that a word is hashed once."""

    def __init__(self) -> None:
        self._words = _Words()

    def hash_texts(self, texts: Sequence[str], without: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The sorted distinct shingles of all texts behind each other, and where each text's end.

        Shingles in `without` are left out, except of a text that has no others.
        """
        import numpy as np

        numbers, text_of = self._numbers(texts)
        whole = (numbers[2:], numbers[1:-1], numbers[:-2])
        is_whole = text_of[2:] == text_of[:-2]
        hashes = _mix(whole[2][is_whole], whole[1][is_whole], whole[0][is_whole])
        tagged = (text_of[2:][is_whole].astype(np.uint64) << np.uint64(HASH_BITS)) | hashes
        tagged.sort()
        tagged = tagged[np.concatenate(([True], tagged[1:] != tagged[:-1]))]
        if len(without):
            tagged = _drop_common(tagged, without, len(texts))
        values = tagged & np.uint64((1 << HASH_BITS) - 1)
        counts = np.bincount((tagged >> np.uint64(HASH_BITS)).astype(np.int64), minlength=len(texts))
        return values, np.cumsum(counts)

    def _numbers(self, texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The masked words of all texts, none of them shorter than one shingle, and the text that each stands in."""
        import numpy as np

        words, flat, ends = self._words, [], []
        for text in texts:
            lowered = text.lower()
            found = (_ASCII_WORD if lowered.isascii() else WORD).findall(lowered)
            flat += [words[word] for word in found]
            ends.append(len(flat))
        numbers = np.array(flat, dtype=np.uint64)
        text_of = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
        keep = numbers != _NOTHING
        numbers, text_of = numbers[keep], text_of[keep]
        keep = np.ones(len(numbers), dtype=bool)
        mask = np.uint64(_number(MASK))
        keep[1:] = (numbers[1:] != mask) | (numbers[:-1] != mask) | (text_of[1:] != text_of[:-1])
        numbers, text_of = numbers[keep], text_of[keep]
        return self._padded(texts, numbers, text_of)

    def _padded(
        self, texts: Sequence[str], numbers: NDArray[np.uint64], text_of: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """A text of one or two words is filled up; one without a word, or with masks only, is itself."""
        import numpy as np

        sizes = np.bincount(text_of, minlength=len(texts))
        begins = np.cumsum(sizes) - sizes
        short = np.flatnonzero(sizes < 3)
        added: list[int] = []
        for text in short.tolist():
            own = numbers[begins[text] : begins[text] + sizes[text]].tolist()
            if all(number == _number(MASK) for number in own):
                own = [_number("\0" + texts[text].strip().lower())]
            added += [*own, _PAD, _PAD][:3]
        keep = np.isin(text_of, short, invert=True) if len(short) else slice(None)
        numbers = np.concatenate([numbers[keep], np.array(added, dtype=np.uint64)])
        text_of = np.concatenate([text_of[keep], np.repeat(short, 3)])
        return numbers, text_of

    def shingle_hashes(self, members: Iterable[Shingle]) -> NDArray[np.uint64]:
        """The numbers of shingles of three words."""
        import numpy as np

        triples = [[_number(word) for word in shingle] for shingle in members if len(shingle) == 3]
        columns = np.array(triples, dtype=np.uint64).reshape(-1, 3).T
        return np.unique(_mix(*columns))


def _mix(first: Any, second: Any, third: Any) -> NDArray[np.uint64]:
    """One number of `HASH_BITS` bits for three words in order."""
    import numpy as np

    a, b, c = (np.uint64(multiplier) for multiplier in _MULTIPLIERS)
    mixed = first * a + (second ^ (second >> np.uint64(29))) * b + (third ^ (third >> np.uint64(31))) * c
    mixed ^= mixed >> np.uint64(32)
    mixed *= a
    result: NDArray[np.uint64] = mixed >> np.uint64(64 - HASH_BITS)
    return result


def _drop_common(tagged: NDArray[np.uint64], without: NDArray[np.uint64], texts: int) -> NDArray[np.uint64]:
    import numpy as np

    is_common = np.isin(tagged & np.uint64((1 << HASH_BITS) - 1), without)
    text_of = (tagged >> np.uint64(HASH_BITS)).astype(np.int64)
    left = np.bincount(text_of[~is_common], minlength=texts)
    kept: NDArray[np.uint64] = tagged[~is_common | (left[text_of] == 0)]
    return kept


def permutations(count: int) -> NDArray[np.uint32]:
    """Fixed pseudo-random (multiplier, offset) pairs, (count, 2)."""
    import numpy as np

    numbers = np.random.default_rng(20_070_508).integers(0, 1 << 32, size=(count, 2), dtype=np.uint32)
    numbers[:, 0] |= 1
    return numbers


def min_hashes(values: NDArray[np.uint64], ends: NDArray[np.int64], numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Signatures, (permutations, texts). Every text has at least one shingle."""
    import numpy as np

    begins = np.concatenate(([0], ends[:-1]))
    low, high = values.astype(np.uint32), (values >> np.uint64(12)).astype(np.uint32)
    signatures = np.empty((len(numbers), len(ends)), dtype=np.uint32)
    for row, (multiplier, offset) in enumerate(numbers):
        # Multiplication spreads upwards only, so the high half takes part by an exclusive or.
        hashed = ((low ^ offset) * multiplier) ^ high * (multiplier + np.uint32(2))
        np.minimum.reduceat(hashed, begins, out=signatures[row])
    return signatures


def band_keys(signatures: NDArray[np.uint32], bands: int) -> NDArray[np.uint32]:
    """One key for each band, (texts, bands)."""
    import numpy as np

    grouped = signatures.reshape(bands, -1, signatures.shape[1]).astype(np.uint64)
    key = np.zeros(grouped[:, 0].shape, dtype=np.uint64)
    for row in range(grouped.shape[1]):
        key = (key ^ grouped[:, row]) * np.uint64(_MULTIPLIERS[0])
        key ^= key >> np.uint64(29)
    keys: NDArray[np.uint32] = (key >> np.uint64(32)).astype(np.uint32).T
    return keys
