"""Lines that occurred before, found in bounded memory: a hash for each line, in memory first and in sorted parts on disk later.

Hashes have 64 bits: among ten million different lines the chance that any two are taken for the same is 3 in a million.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, pairwise, repeat
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[Any]
    """(n, 2) unsigned: hash, line."""

MAX_IN_MEMORY = 1_000_000
"""Lines, at 16 bytes; sorting them takes four times as much."""
_PARTS = 256
_RUN = 1 << 18
"""Lines of one part that are looked at together."""
_FEW = 20_000
"""Lines for which loading numpy would cost more than it saves."""


def text_hash(text: str) -> int:
    """64 bits that stand for a line."""
    return line_hash(text.encode("utf-8"))


line_hash = xxhash.xxh3_64_intdigest
"""The same for its bytes."""


class ExactDuplicates:
    """Gathers hashes of lines; `found` names each repeated line with the first that was like it.

    Use as a context manager: what was spilled to disk is deleted at the end.
    """

    def __init__(self, most_in_memory: int = MAX_IN_MEMORY) -> None:
        self._most = most_in_memory
        self._hashes = array("Q")
        self._lines = array("Q")
        """As they were given: how many lines come before those of each part stands in `_parts_begin`."""
        self._parts_begin: list[list[int]] = []
        """Numbers in `_lines`, and the lines before them."""
        self._folder: Path | None = None
        self._open = ExitStack()

    def __enter__(self) -> ExactDuplicates:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, hashes: list[int], lines: list[int]) -> None:
        """Hashes of texts (`text_hash`) and the numbers of the lines that they stand on, in order."""
        self.add_packed(array("Q", hashes).tobytes(), array("Q", lines).tobytes())

    def add_packed(self, hashes: bytes | bytearray, lines: bytes | bytearray, lines_before: int = 0) -> None:
        """The same as numbers of 8 bytes; the lines count from one after `lines_before`."""
        self._hashes.frombytes(hashes)
        self._lines.frombytes(lines)
        # Added to each of them when they are looked at: whoever gathers what workers send has no time to spare.
        if not self._parts_begin or self._parts_begin[-1][1] != lines_before:
            self._parts_begin.append([0, lines_before])
        self._parts_begin[-1][0] += len(lines) // 8
        if len(self._hashes) > _FEW:
            import numpy  # noqa: F401 (`found` needs it, and here workers that send more go on beside it)
        if len(self._hashes) > self._most:
            self._spill()

    def found(self, most: int) -> tuple[int, list[tuple[int, int]]]:
        """How many lines repeat an earlier one, and the first `most` of them as (line, first line like it)."""
        if self._folder is None and len(self._hashes) <= _FEW:
            firsts: dict[int, int] = {}
            before = chain.from_iterable(repeat(lines, count) for count, lines in self._parts_begin)
            both = zip(self._hashes, map(add, self._lines, before), strict=True)
            repeated = [(line, first) for one, line in both if (first := firsts.setdefault(one, line)) != line]
            return len(repeated), repeated[:most]
        total = 0
        pairs: list[tuple[int, int]] = []
        for part in self._parts():
            count, found = _repeated(part, most)
            total += count
            pairs = sorted(pairs + found)[:most]
        return total, pairs

    def _spill(self) -> None:
        import tempfile

        import numpy as np

        if self._folder is None:
            self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="hone-duplicates-")))
        rows = np.array(self._columns()).T
        self._hashes, self._lines, self._parts_begin = array("Q"), array("Q"), []
        part = rows[:, 0] >> np.uint64(56)
        order = np.argsort(part, kind="stable")
        rows, bounds = rows[order], np.searchsorted(part[order], np.arange(_PARTS + 1))
        for number, (low, high) in enumerate(pairwise(bounds)):
            with open(self._folder / f"{number}", "ab") as file:
                file.write(rows[low:high].tobytes())

    def _columns(self) -> tuple[Rows, Rows]:
        import numpy as np

        counts, before = np.array(self._parts_begin, dtype=np.uint64).reshape(-1, 2).T
        lines = np.frombuffer(self._lines, dtype=np.uint64) + np.repeat(before, counts.astype(np.intp))
        return np.frombuffer(self._hashes, dtype=np.uint64), lines

    def _repeated_rows(self) -> Rows:
        """Those whose hash stands there more than once: nearly always few, so that only these need be put in order."""
        import numpy as np

        hashes, lines = self._columns()
        ordered = np.sort(hashes)
        again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        keep = np.isin(hashes, again) if len(again) else np.zeros(0, dtype=np.intp)
        return np.array([hashes[keep], lines[keep]]).T

    def _parts(self) -> Iterator[Iterator[Rows]]:
        """Parts of which no two have a hash in common, each in runs of bounded size, in order of line."""
        if self._folder is None:
            yield iter([self._repeated_rows()])
            return
        if self._hashes:
            self._spill()
        for number in range(_PARTS):
            yield _runs(self._folder / f"{number}")


def _runs(file: Path) -> Iterator[Rows]:
    """Most parts are small, but a line that fills half of the file makes one of them large."""
    import numpy as np

    with file.open("rb") as source:
        while len(rows := np.fromfile(source, dtype=np.uint64, count=2 * _RUN)):
            yield rows.reshape(-1, 2)


def _repeated(runs: Iterator[Rows], most: int) -> tuple[int, list[tuple[int, int]]]:
    """How many lines repeat an earlier one, and the first `most` as (line, first line like it)."""
    import numpy as np

    total = 0
    pairs: list[tuple[int, int]] = []
    firsts: Rows = np.empty((0, 2), dtype=np.uint64)
    for run in runs:
        # What came first stays first: sorting is stable, and a run comes after all that were before it.
        rows = np.concatenate([firsts, run])
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        is_first = np.ones(len(rows), dtype=bool)
        is_first[1:] = rows[1:, 0] != rows[:-1, 0]
        firsts = rows[is_first]
        again = np.flatnonzero(~is_first)
        total += len(again)
        again = again[np.argsort(rows[again, 1])[:most]]
        first_lines = firsts[np.searchsorted(firsts[:, 0], rows[again, 0]), 1]
        pairs = sorted(pairs + list(zip(rows[again, 1].tolist(), first_lines.tolist(), strict=True)))[:most]
    return total, pairs
