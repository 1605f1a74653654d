"""Counts of whole numbers in buckets: quantiles of any number of values within 1 %, in a few kilobytes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_EXACT_BITS = 7
"""Numbers below 2^7 have a bucket each; above, a bucket is 1/64 to 1/128 of the number wide, as in HdrHistogram."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass
class Histogram:
    """Of numbers from 0 on."""

    counts: Counter[int] = field(default_factory=Counter)
    """Lower bound of a bucket -> values in it."""
    total: int = 0
    sum: int = 0
    least: int | None = None
    most: int = 0

    def add(self, value: int) -> None:
        self.counts[bucket(value)] += 1
        self.total += 1
        self.sum += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = max(self.most, value)

    def quantile(self, share: float) -> int:
        """The bucket of the smallest value that at least this share of the values does not exceed; 0 without values."""
        needed = share * self.total
        seen = 0
        for start in sorted(self.counts):
            seen += self.counts[start]
            if seen >= needed:
                return max(start, self.least or 0)
        return 0

    def bars(self, count: int) -> list[int]:
        """Values in equally wide parts from the least to the most; a bucket counts where it begins."""
        bars = [0] * count
        least = self.least or 0
        width = (self.most - least) / count or 1.0
        for start, number in self.counts.items():
            bars[min(count - 1, int((max(start, least) - least) / width))] += number
        return bars

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: count, mean, min, quantiles as `p50`, max; only the count without values."""
        if not self.total:
            return {"count": 0}
        quantiles = {f"p{round(100 * share)}": self.quantile(share) for share in QUANTILES}
        return {"count": self.total, "mean": self.sum / self.total, "min": self.least, **quantiles, "max": self.most}


def bucket(value: int) -> int:
    """Lower bound of the value's bucket."""
    shift = max(0, value.bit_length() - _EXACT_BITS)
    return value >> shift << shift
