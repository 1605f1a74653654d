"""What tests of generated input came to, by their file: how many inputs, and how many operations were reached."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def lines(reports: Iterable[pytest.TestReport]) -> list[str]:
    """From what the tests have noted with `record_property`: `n`, and whether one was `answered with 2xx`."""
    noted: dict[str, list[dict[str, object]]] = {}
    for report in reports:
        said = dict(report.user_properties)
        if report.when == "call" and isinstance(said.get("n"), int):
            noted.setdefault(report.nodeid.partition("::")[0], []).append(said)
    return [f"{file}: {_told(of_file)}" for file, of_file in sorted(noted.items())]


def _told(noted: list[dict[str, object]]) -> str:
    told = f"{sum(int(str(said['n'])) for said in noted):,} generated inputs in {len(noted)} tests"
    reached = [said["answered with 2xx"] for said in noted if "answered with 2xx" in said]
    return f"{told}, {sum(map(bool, reached))} of {len(reached)} operations answered with 2xx" if reached else told
