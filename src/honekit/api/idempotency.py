"""A request that is sent again makes nothing anew: the official clients retry a POST whose answer was lost.

Two ways to tell: an `Idempotency-Key` header, or, without one, the clients' `x-stainless-retry-count`: with a count of 1
or more, the same API key, path and content as a request accepted with a lower count in the last ten minutes get that
request's object. A request with count 0 always makes a new one, unless its own retry has overtaken it: was accepted since it
began to arrive. What was made and deleted since is not made again. Where a request changes an object that is there, only the
header tells: the same change may be wanted again a minute later.

This holds for servers on one database too, which know of each other by it alone: who comes second to the transaction that
makes the object finds the first one's note there, and both go by the database's clock. A request that a server begins to
read only after its retry was answered cannot be told from a new one by its time, but its client has gone to send the retry:
nothing is made for a client that has gone. What is left is a proxy that keeps a connection open whose client has gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from fastapi import Request
from sqlalchemy import Connection, delete, func, insert, select

from honekit.api.errors import bad_request
from honekit.store import clock
from honekit.store.database import open_database
from honekit.store.files import Noted
from honekit.store.tables import accepted_requests, new_id

T = TypeVar("T")
Running = WeakValueDictionary[tuple[str, str, str], asyncio.Lock]
"""A server's requests that are being worked on."""

REMEMBERED_S = 600.0
OVERTAKING_KEPT_S = 3600.0
"""How long a request may take and still find that its retry has overtaken it."""
KEPT_S = 24 * 3600.0
"""How long an `Idempotency-Key` is known."""
MAX_KEY = 255


@dataclass(frozen=True)
class Attempt:
    """One sending of a request that makes something."""

    api_key_id: str
    path: str
    digest: str
    idempotency_key: str | None
    retry_count: int
    arrived_at: float
    """When its first bytes came, by the database's clock: its body may take long."""
    earlier: str | None = None
    """Id of the object that an earlier sending made."""

    def note(self, connection: Connection, object_id: str) -> None:
        """Keep what was made, in the transaction that makes it.

        Raises: Overtaken when another sending, to another server too, has come first; ApiError as `attempt` does.
        """
        if connection.dialect.name == "postgresql":
            # Held until the transaction ends; SQLite has one writer at a time anyway.
            name = json.dumps([self.api_key_id, self.path, self.idempotency_key or self.digest]).encode()
            number = int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(number)))
        now = clock.now(connection)
        old = (accepted_requests.c.idempotency_key.is_(None)) & (accepted_requests.c.created_at < now - OVERTAKING_KEPT_S)
        connection.execute(delete(accepted_requests).where(old | (accepted_requests.c.created_at < now - KEPT_S)))
        if (made := self.find(connection)) is not None:
            raise Overtaken(made)
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

    def find(self, connection: Connection) -> str | None:
        """Id of the object that another sending has made. Raises: ApiError as `attempt` does."""
        table = accepted_requests.c
        same = (table.api_key_id == self.api_key_id) & (table.path == self.path)
        if self.idempotency_key is not None:
            query = select(accepted_requests).where(same, table.idempotency_key == self.idempotency_key)
        else:
            earlier = (table.created_at > clock.now(connection) - REMEMBERED_S) & (table.retry_count < self.retry_count)
            overtaking = (table.created_at > self.arrived_at) & (table.retry_count > self.retry_count)
            of_a_client = table.idempotency_key.is_(None) & (table.digest == self.digest)
            query = select(accepted_requests).where(same, of_a_client, earlier | overtaking)
        row = connection.execute(query.order_by(table.created_at.desc()).limit(1)).first()
        if row is None:
            return None
        if row.digest != self.digest:
            message = "This Idempotency-Key was used with another request; send each request with a key of its own."
            raise bad_request(message, code="idempotency_key_reused", param=None)
        return str(row.object_id)


class Overtaken(Exception):
    """Another sending of the request has made the object meanwhile."""

    def __init__(self, object_id: str) -> None:
        super().__init__(object_id)
        self.object_id = object_id


@asynccontextmanager
async def attempt(request: Request, content: Mapping[str, Any], *, by_count: bool = True) -> AsyncIterator[Attempt]:
    """The present sending, with the object of an earlier one. Sendings of the same request to this server wait for each other.

    `content`: the decoded fields, and for a file its hash. `by_count`: whether a retry is also told by its count.
    Raises: ApiError 400 when an `Idempotency-Key` comes with other content than before, and when a
    retry is told by its count, nothing was made yet, and the client has gone.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise bad_request(f"'Idempotency-Key' must have 1 to {MAX_KEY} characters.", code="invalid_value", param=None)
    count = request.headers.get("x-stainless-retry-count", "0") if by_count else "0"
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
    await request.is_disconnected()  # behind a long body the connection is read on, to its end if that has come, only when asked
    made = Attempt(
        request.state.api_key.id,
        request.url.path[:255],
        digest,
        key,
        int(count) if re.fullmatch("[0-9]{1,8}", count) else 0,
        await asyncio.to_thread(_arrival, getattr(request.state, "started", time.perf_counter())),
    )
    running: Running = request.app.state.running
    async with running.setdefault((made.api_key_id, made.path, key or digest), asyncio.Lock()):
        found = await asyncio.to_thread(_with_earlier, made)
        if found.earlier is None and by_count and key is None and await request.is_disconnected():
            # It may be answered already, by another server, as the retry that its client has gone to send.
            raise bad_request("The client has gone; nothing was made.", code="client_gone", param=None)
        yield found


async def made_once(
    request: Request,
    content: Mapping[str, Any],
    find: Callable[[str], T | None],
    make: Callable[[Noted], Awaitable[T]],
) -> T:
    """What `make` makes, or what `find` finds of an earlier sending.

    Raises: ApiError 400 as `attempt` does, and when what an earlier sending made was deleted since.
    """
    async with attempt(request, content) as sending:
        object_id = sending.earlier
        if object_id is None:
            try:
                return await make(sending.note)
            except Overtaken as first:
                object_id = first.object_id
        made = await asyncio.to_thread(find, object_id)
    if made is None:
        message = (
            f"This request was sent before, and what it made, '{object_id}', was deleted since or has expired. To make "
            "another, send it as a request of its own: with a new Idempotency-Key, or with neither that nor a retry count."
        )
        raise bad_request(message, code="already_deleted", param=None)
    return made


def _arrival(started: float) -> float:
    """When a request came, of which `time.perf_counter` was `started` then; a little too early rather than too late."""
    with open_database().read() as connection:
        now = clock.now(connection)
    return now - (time.perf_counter() - started)


def _with_earlier(made: Attempt) -> Attempt:
    with open_database().read() as connection:
        return replace(made, earlier=made.find(connection))
