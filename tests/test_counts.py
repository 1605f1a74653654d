"""The counts that a run of generated tests prints."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from tests import counts


def report(file: str, name: str, when: Literal["setup", "call"] = "call", **noted: Any) -> pytest.TestReport:
    node = f"tests/{file}::{name}"
    return pytest.TestReport(node, ("", 0, ""), {}, "passed", None, when, user_properties=list(noted.items()))


def test_inputs_are_added_up_by_file_and_reached_operations_counted() -> None:
    reached, missed = {"answered with 2xx": True}, {"answered with 2xx": False}
    told = counts.lines(
        [
            report("b.py", "test_fuzz", n=1200),
            report("b.py", "test_fuzz", "setup", n=5),
            report("a.py", "test_x[1]", n=21, **reached),
            report("a.py", "test_x[2]", n=20, **missed),
            report("c.py", "test_without"),
        ]
    )
    assert told == [
        "tests/a.py: 41 generated inputs in 2 tests, 1 of 2 operations answered with 2xx",
        "tests/b.py: 1,200 generated inputs in 1 tests",
    ]
