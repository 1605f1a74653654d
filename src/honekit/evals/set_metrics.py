"""Metrics of a whole set of classified items, such as macro-F1, as statistics that two runs can be compared on.

A class counts where an item is expected to be of it, so that both runs are measured on the same classes, and an answer that
only one of them gives changes nothing for the other; such an answer is still a miss of its item's class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from honekit.evals.resampling import Floats, Statistic

SET_METRICS = ("macro_f1", "macro_precision", "macro_recall", "micro_f1")
Labelled = tuple[str, str | None]
"""(expected class, answered class or None)"""


def paired_set_statistics(metric: str, a: Sequence[Labelled], b: Sequence[Labelled]) -> tuple[Statistic, Statistic]:
    """The metric of both runs over the same items in the same order; `metric` is one of `SET_METRICS`."""
    classes = sorted({expected for expected, _ in (*a, *b)})
    return _statistic(metric, a, classes), _statistic(metric, b, classes)


def _statistic(metric: str, labelled: Sequence[Labelled], classes: Sequence[str]) -> Statistic:
    """What an item adds: its hit to its class, itself to the classes that it is of and that it is answered."""
    import numpy as np

    from honekit.evals.resampling import Statistic
    from honekit.evals.stats import macro_f1_statistic

    codes, number = {name: code for code, name in enumerate(classes)}, len(classes)
    expected = np.array([codes[one] for one, _ in labelled], dtype=np.int64)
    answered = np.array([number if other is None else codes.get(other, number) for _, other in labelled], dtype=np.int64)
    hits = expected == answered
    match metric:
        case "macro_f1":
            return macro_f1_statistic(expected, answered, number)
        case "macro_precision":
            return Statistic(_cells(hits, expected, answered, number), lambda sums: _mean_ratio(sums, number))
        case "macro_recall":
            return Statistic(_cells(hits, expected, expected, number), lambda sums: _mean_ratio(sums, number))
        case "micro_f1":
            given = np.array([other is not None for _, other in labelled], dtype=np.float64)
            parts = np.stack([hits.astype(np.float64), 1 + given], axis=1)
            return Statistic(parts, lambda sums: 2 * sums[:, 0] / np.maximum(sums[:, 1], 1))
        case _:
            raise AssertionError(f"no set metric {metric!r}")


def _cells(hits: NDArray[np.bool_], expected: NDArray[np.int64], sized_by: NDArray[np.int64], number: int) -> Floats:
    """(items, 2 * classes): hits by class, then the items that are of the class, or answered it."""
    import numpy as np

    rows = np.arange(len(expected))
    parts = np.zeros((len(expected), 2 * number + 1))
    parts[rows, expected] = hits
    parts[rows, number + sized_by] = 1
    return parts[:, : 2 * number]


def _mean_ratio(sums: Floats, number: int) -> Floats:
    import numpy as np

    hits, sizes = sums[:, :number], sums[:, number:]
    return np.asarray(np.divide(hits, sizes, out=np.zeros_like(hits), where=sizes > 0.5).mean(axis=1))
