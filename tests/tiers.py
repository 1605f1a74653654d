"""How often a test of reliability repeats itself: a little in `make test`, more in `make test-long`, for hours at night."""

from __future__ import annotations

import pytest


def trials(small: int, gate: int, night: int) -> pytest.MarkDecorator:
    """Parametrizes `trials` with the three sizes; the larger two carry the markers `long` and `night`."""
    return pytest.mark.parametrize(
        "trials", [small, pytest.param(gate, marks=pytest.mark.long), pytest.param(night, marks=pytest.mark.night)]
    )
