"""A mark from 0 to 100 for each group of checks: the share of records without a finding of that group, worst case counted.
A group that nobody looked at has none.

A record with an error counts as a bad one, one with a warning as half a bad one; advice costs nothing. An error of the file as
such takes the whole mark. The group of a code is the page that documents it; `overall` is the lowest mark, because a file is
as good for training as its worst side.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from honekit.data.explain import groups
from honekit.data.records import CheckResult

GROUPS = ("structure", "consistency", "quality", "leakage", "privacy")
_COST = {"error": 1.0, "warning": 0.5, "advice": 0.0}


def score(result: CheckResult, looked_at: Collection[str]) -> dict[str, Any]:
    """`{"structure": 98.5, ..., "leakage": None, "overall": 71.0}`; None where nobody looked and nothing was found."""
    group_of = groups()
    cost: dict[str, dict[int, float]] = {group: {} for group in GROUPS}
    listed: dict[str, int] = {}
    for finding in [*result.errors, *result.warnings, *result.advice]:
        group = group_of.get(finding.code, GROUPS[0])
        lines = cost.setdefault(group, {})
        lines[finding.line] = max(lines.get(finding.line, 0.0), _COST[finding.severity])
        listed[finding.code] = listed.get(finding.code, 0) + 1
    marks: dict[str, Any] = {}
    for group, lines in cost.items():
        if group not in looked_at and not lines:
            marks[group] = None
            continue
        bad = sum(amount for line, amount in lines.items() if line)
        unlisted = sum(result.counts.get(code, 0) - count for code, count in listed.items() if group_of.get(code) == group)
        share = 1.0 if lines.get(0) == 1.0 or not result.records else min((bad + unlisted / 2) / result.records, 1.0)
        marks[group] = round(100 * (1 - share), 1)
    return {**marks, "overall": min(mark for mark in marks.values() if mark is not None)}


def marked(score: dict[str, Any]) -> list[str]:
    """The groups that have a mark."""
    return [group for group, mark in score.items() if group in GROUPS and mark is not None]
