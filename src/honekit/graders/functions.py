"""A Python function of the user's own as a grader: installed as a package, found by its entry point.

    [project.entry-points."honekit.graders"]
    polite = "my_package.grading:polite"

`polite(sample, item, **options)` answers a number in [0, 1]. Nothing isolates it: it is as trusted as any installed package.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from honekit.errors import GraderError
from honekit.graders.faults import GradingFault

GROUP = "honekit.graders"
ROUNDING = 1e-9
"""So far outside 0 to 1 a grade is one that was rounded."""


def require_function(name: str) -> None:
    """Raises: GraderError[graders.unknown_function | graders.function_broken]."""
    _load(name)


def call(name: str, sample: dict[str, Any], item: Mapping[str, Any], options: Mapping[str, Any]) -> float:
    """The function's number. Raises: GradingFault[other_error] when it fails or answers anything else."""
    function = _load(name)
    try:
        given = function(sample, dict(item), **options)
    except Exception as fault:
        raise GradingFault("other_error", f"the function {name} failed: {type(fault).__name__}: {fault}") from fault
    if not isinstance(given, bool | int | float) or not math.isfinite(given):
        raise GradingFault("other_error", f"the function {name} answered no finite number")
    if not -ROUNDING <= given <= 1 + ROUNDING:
        raise GradingFault("other_error", f"the function {name} answered {given:g}, which is not from 0 to 1")
    return min(max(float(given), 0.0), 1.0)


@lru_cache(maxsize=64)
def _load(name: str) -> Callable[..., Any]:
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        known = sorted(point.name for point in entry_points(group=GROUP))
        raise GraderError(
            "graders.unknown_function",
            what=f"no installed package has a grader {name[:80]!r}",
            mend=f"use one of: {', '.join(known)}" if known else f"install a package with an entry point in {GROUP!r}",
        )
    try:
        function: Callable[..., Any] = found[0].load()
    except Exception as fault:
        raise GraderError(
            "graders.function_broken",
            what=f"the grader {name!r} cannot be imported: {type(fault).__name__}: {fault}",
            where=found[0].value,
            mend="mend that package",
        ) from fault
    return function
