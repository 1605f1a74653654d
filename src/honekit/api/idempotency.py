"""A request that is sent again makes nothing anew: the official clients retry a POST whose answer was lost.

Two ways to tell: an `Idempotency-Key` header, or, without one, the clients' `x-stainless-retry-count`: with a count of 1
or more, the same API key, path and content as a request accepted with a lower count in the last ten minutes get that
request's object. A request with count 0 always makes a new one. Where a request changes an object that is there, only the
header tells: the same change may be wanted again a minute later.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request
from sqlalchemy import Connection, delete, insert, select

from honekit.api.errors import bad_request
from honekit.store.database import open_database
from honekit.store.tables import accepted_requests, new_id

REMEMBERED_S = 600.0
KEPT_S = 24 * 3600.0
"""How long an `Idempotency-Key` is known."""
MAX_KEY = 255
_running: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True)
class Attempt:
    """One sending of a request that makes something."""

    api_key_id: str
    path: str
    digest: str
    idempotency_key: str | None
    retry_count: int
    earlier: str | None = None
    """Id of the object that an earlier sending made."""

    def note(self, connection: Connection, object_id: str) -> None:
        """Keep what was made, in the transaction that makes it."""
        now = time.time()
        old = (accepted_requests.c.idempotency_key.is_(None)) & (accepted_requests.c.created_at < now - REMEMBERED_S)
        connection.execute(delete(accepted_requests).where(old | (accepted_requests.c.created_at < now - KEPT_S)))
        connection.execute(
            insert(accepted_requests).values(
                object_id=object_id,
                api_key_id=self.api_key_id,
                path=self.path,
                digest=self.digest,
                idempotency_key=self.idempotency_key,
                retry_count=self.retry_count,
                created_at=now,
            )
        )

    def note_change(self, connection: Connection) -> None:
        """Keep that an object was changed, in the transaction that changes it, where a key was sent to tell by."""
        if self.idempotency_key is not None:
            # The row needs a name of its own: an object is changed more than once.
            self.note(connection, new_id("change_"))


@asynccontextmanager
async def attempt(request: Request, content: Mapping[str, Any], *, by_count: bool = True) -> AsyncIterator[Attempt]:
    """The present sending, with the object of an earlier one. Sendings of the same request wait for each other.

    `content`: the decoded fields, and for a file its hash. `by_count`: whether a retry is also told by its count.
    Raises: ApiError 400 when an `Idempotency-Key` comes with other content than before.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise bad_request(f"'Idempotency-Key' must have 1 to {MAX_KEY} characters.", code="invalid_value", param=None)
    count = request.headers.get("x-stainless-retry-count", "0") if by_count else "0"
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
    made = Attempt(
        request.state.api_key.id, request.url.path[:255], digest, key, int(count) if count.isdigit() and len(count) < 9 else 0
    )
    name = (made.api_key_id, made.path, key or digest)
    lock = _running.setdefault(name, asyncio.Lock())
    async with lock:
        yield await asyncio.to_thread(_with_earlier, made)


def _with_earlier(made: Attempt) -> Attempt:
    table = accepted_requests.c
    same = (table.api_key_id == made.api_key_id) & (table.path == made.path)
    if made.idempotency_key is not None:
        query = select(accepted_requests).where(same, table.idempotency_key == made.idempotency_key)
    elif made.retry_count:
        recent = (table.created_at > time.time() - REMEMBERED_S) & (table.retry_count < made.retry_count)
        query = select(accepted_requests).where(same, table.digest == made.digest, recent)
    else:
        return made
    with open_database().read() as connection:
        row = connection.execute(query.order_by(table.created_at.desc()).limit(1)).first()
    if row is None:
        return made
    if row.digest != made.digest:
        message = "This Idempotency-Key was used with another request; send each request with a key of its own."
        raise bad_request(message, code="idempotency_key_reused", param=None)
    return Attempt(**{**vars(made), "earlier": row.object_id})
