"""Lists in pages. Clients take the id of the last element for the next page, and stop when `has_more` is false."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

Item = TypeVar("Item", bound=BaseModel)


class Page(BaseModel, Generic[Item]):
    """`first_id` and `last_id` are empty strings on an empty page: the contract wants text."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str
    last_id: str
    has_more: bool


def page(found: Sequence[Any], limit: int) -> Page[Any]:
    """A page of at most `limit` of what was found; one more than that says that there are more."""
    data = list(found[:limit])
    return Page(
        data=data,
        first_id=data[0].id if data else "",
        last_id=data[-1].id if data else "",
        has_more=len(found) > limit,
    )
