"""What stands in the report's tables."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.evals.report_tables import arms_table


@pytest.mark.parametrize(
    ("values", "marked"), [((0.0, 0.0), [False, False]), ((0.5, 0.7), [False, True]), ((None, 1.0), [False] * 2)]
)
def test_the_best_of_a_row_is_marked_where_there_is_one(values: tuple[float | None, ...], marked: list[bool]) -> None:
    arms: dict[str, Any] = {
        name: {"accuracy": value, "latency_ms_p50": None, "tokens_per_request": None}
        for name, value in zip(("base", "tuned"), values, strict=True)
    }
    document = {"arms": arms, "metrics": ["accuracy"], "primary_metric": "accuracy", "chosen_arm": "tuned"}
    assert [cell["best"] for cell in arms_table(document)["rows"][0]["cells"]] == marked
