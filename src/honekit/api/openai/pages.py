"""Lists in pages. Clients take the id of the last element for the next page, and stop when `has_more` is false."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel

from honekit.api.errors import ApiError, bad_request
from honekit.store import removed
from honekit.store.order import Placed

_METADATA = re.compile(r"metadata\[(.{1,64})\]", re.DOTALL)

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
    if not after:
        return found
    at = next((index for index, one in enumerate(found) if one.id == after), None)
    if at is None:
        raise not_listed(after)
    return found[at + 1 :]


def not_listed(after: str) -> ApiError:
    """The answer to whoever names a row that the list does not have."""
    return bad_request(f"There is no '{after[:80]}' in this list.", code="invalid_value", param="after")


async def last_seen(
    request: Request, kind: removed.Kind, after: str | None, find: Callable[[], Awaitable[Placed]]
) -> Placed | None:
    """The row that the client saw last, which may be gone by now. Raises what `find` raises when it never was."""
    if not after:
        return None
    try:
        return await find()
    except ApiError:
        # Control characters are in no id, and PostgreSQL takes offence at a NUL.
        known = after if after.isprintable() else ""
        gone = await asyncio.to_thread(removed.place, kind, request.state.api_key.owner, known)
        if gone is None:
            raise
        return gone


def metadata_filter(request: Request) -> dict[str, str] | None:
    """What a list is narrowed to: the pairs of `metadata[key]=value`, or None for `metadata=null`, which asks for those without.

    The Node client writes its null as nothing at all. Raises ApiError 400 for anything else under this name.
    """
    pairs = {key[1]: value for name, value in request.query_params.multi_items() if (key := _METADATA.fullmatch(name))}
    plain = request.query_params.getlist("metadata")
    # An empty object is sent by some as a value without a name.
    misnamed = [
        name for name in request.query_params if (name.startswith("metadata[") and not _METADATA.fullmatch(name)) or not name
    ]
    if misnamed or any(value not in ("null", "") for value in plain) or (plain and pairs):
        message = "Invalid value for 'metadata': send 'metadata[key]=value', or 'metadata=null' for what has none."
        raise bad_request(message, code="invalid_value", param="metadata")
    return None if plain else pairs
