"""Drawn inputs for as long as there is time: none may crash a reader, hang it, or fill the memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")
ROUND = 200
"""Inputs that Hypothesis draws from one seed; each round has the next one."""
HANG_S = 1.0
"""Of the processor: other programs may keep it busy."""
ATTEMPTS = 3
"""A hang is slow each time; once in a while the machine, or a collection of garbage, is."""
MOST_MEMORY_MB = 256
SAID_EACH_S = 30.0


def fuzz(seconds: float, inputs: st.SearchStrategy[T], check: Callable[[T], None]) -> int:
    """Check drawn inputs for so many seconds; how many they were. `check` raises on what is wrong."""
    begun = said = time.monotonic()
    tried, memory = 0, peak_mb()

    def timed(given_input: T) -> None:
        nonlocal tried
        tried += 1
        for _ in range(ATTEMPTS):
            before = time.thread_time()
            check(given_input)
            if time.thread_time() - before < HANG_S:
                return
        raise AssertionError("it took too long")

    number = 0
    while (now := time.monotonic()) < begun + seconds:
        run = settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))(
            given(inputs)(timed)
        )
        seed(number)(run)()
        assert peak_mb() - memory < MOST_MEMORY_MB, f"memory grew in round {number}"
        number += 1
        if now - said > SAID_EACH_S:
            said = now
            print(f"  {tried:,} inputs, {begun + seconds - now:.0f} s left", file=sys.stderr, flush=True)
    return tried


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
