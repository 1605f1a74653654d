"""Why items of a run could not be graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from honekit.store.eval_items import Item


def fault_of(item: Item) -> str | None:
    """Why the item has no answer, or else the first criterion's fault; None when it was graded."""
    error = (item.sample or {}).get("error")
    if error:
        return f"{error['message']} [{error['code']}]"
    return next((f"{one['name']}: {one['error']}" for one in item.results or [] if "error" in one), None)


def faults(items: Sequence[Item]) -> dict[str, int]:
    """Each fault in the order in which it first occurred, and of how many items it is."""
    return dict(Counter(told for item in items if (told := fault_of(item)) is not None))


def nothing_graded(tallies: Mapping[str, Any]) -> bool:
    """Whether there were items, and no criterion graded any of them."""
    graded = sum(one["passed"] + one["failed"] for one in tallies.get("criteria", []))
    return bool(tallies.get("counts", {}).get("total")) and not graded
