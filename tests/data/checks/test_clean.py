"""Sets without a fault, of many kinds: nothing to mend, and next to nothing to advise."""

from __future__ import annotations

from pathlib import Path

import pytest

from honekit.data.formats.check import check_any

CLEAN = sorted((Path(__file__).parents[2] / "assets" / "clean").glob("*.jsonl"))


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_a_clean_set_has_nothing_to_mend(path: Path) -> None:
    result = check_any(path)
    assert (result.errors, result.warnings) == ([], [])
    assert len(result.advice) <= 1
