"""Lists in pages. Clients take the id of the last element for the next page, and stop when `has_more` is false."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel

from honekit.api.errors import bad_request

_METADATA = re.compile(r"metadata\[(.*)\]", re.DOTALL)
_METADATA_KEY = re.compile(r'[^"\\\x00-\x1f]{1,64}')
"""What databases can look up: quotes and backslashes would end the key in SQLite's path expressions."""

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
        object="list",
        data=data,
        first_id=data[0].id if data else "",
        last_id=data[-1].id if data else "",
        has_more=len(found) > limit,
    )


def behind(found: list[Any], after: str | None) -> list[Any]:
    """What comes after the element with this id. Raises ApiError 400 when there is none."""
    if after is None:
        return found
    at = next((index for index, one in enumerate(found) if one.id == after), None)
    if at is None:
        raise bad_request(f"There is no '{after[:80]}' in this list.", code="invalid_value", param="after")
    return found[at + 1 :]


def metadata_pairs(request: Request) -> dict[str, str]:
    """The pairs of `metadata[key]=value` in a query. Raises ApiError 400 for keys that cannot be looked up."""
    pairs: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        key = _METADATA.fullmatch(name)
        if key is None:
            continue
        if not _METADATA_KEY.fullmatch(key[1]) or "\0" in value:
            message = "A list is narrowed by keys of 1 to 64 characters without quotes or backslashes, and values without NUL."
            raise bad_request(message, code="invalid_value", param="metadata")
        pairs[key[1]] = value
    return pairs
