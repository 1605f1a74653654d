"""Responses that are made in the background: accepted with what they are asked, and made by one server at a time.

The stored answer shows how far one is; a row beside it, as long as it is not over, who makes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from honekit.store import clock
from honekit.store.answers import Answer, Kind, as_answer, get
from honekit.store.database import open_database
from honekit.store.files import Noted
from honekit.store.tables import background_responses, stored_answers

KIND: Kind = "response"
OPEN = ("queued", "in_progress")
"""Of the statuses of a response those that are not the last."""
_work, _answer = background_responses.c, stored_answers.c


class LeaseLost(Exception):
    """The response was cancelled, deleted, or taken up by another server."""


@dataclass(frozen=True)
class Told:
    """What streams told of a response that is not over: tokens of the model with this fingerprint."""

    fingerprint: str
    tokens: list[int]


@dataclass(frozen=True)
class Work:
    """A response that is to be made. `attempts` counts this one too; `told` is what an earlier one told of it."""

    answer: Answer
    request: dict[str, Any]
    seed: int
    attempts: int
    told: Told | None


def accept(answer: Answer, request: dict[str, Any], noted: Noted | None = None, *, base: str | None = None) -> None:
    """Queue a response, whose body is `queued`; one that a base answers is for servers that have it. Raises: StoreError."""
    with open_database().write() as connection:
        connection.execute(insert(stored_answers).values(**asdict(answer)))
        queued = {"answer_id": answer.id, "owner": answer.owner, "request": request, "base": base}
        connection.execute(
            insert(background_responses).values(**queued, seed=secrets.randbits(48), attempts=0, created_at=answer.created_at)
        )
        if noted:
            noted(connection, answer.id)


def claim(worker: str, lease_s: float, bases: Collection[str] = ()) -> Work | None:
    """The oldest response that nobody makes, of a project for which the fewest are being made; now this worker's, who has
    these bases, and `in_progress`. None when there is none."""
    with open_database().read() as connection:  # a server asks often, and mostly in vain: without the writer's place
        if connection.execute(_next(clock.now(connection), bases)).first() is None:
            return None
    with open_database().write() as connection:
        now = clock.now(connection)
        found = connection.execute(_next(now, bases).with_for_update(skip_locked=True)).first()  # of both tables
        if found is None:
            return None
        leased = {"lease_worker": worker, "lease_expires_at": now + lease_s, "attempts": found.attempts + 1}
        connection.execute(update(background_responses).where(_work.answer_id == found.answer_id).values(**leased))
        row = _change(connection, found.answer_id, lambda body: {**body, "status": "in_progress"})
        told = Told(**found.told) if found.told else None
        return Work(as_answer(row), found.request, found.seed, found.attempts + 1, told)


def expire(is_gone: Callable[[str], bool]) -> None:
    """End the leases of workers that are gone, without waiting for their time."""
    at_work = select(_work.lease_worker).where(_work.ended_at.is_(None), _work.lease_worker.is_not(None)).distinct()
    with open_database().read() as connection:
        gone = [worker for worker in connection.execute(at_work).scalars() if is_gone(worker)]
    if gone:
        with open_database().write() as connection:
            left = update(background_responses).where(_work.lease_worker.in_(gone))
            connection.execute(left.values(lease_expires_at=0.0))


def keep_lease(answer_id: str, worker: str, lease_s: float) -> None:
    """Raises: LeaseLost."""
    with open_database().write() as connection:
        _held(connection, answer_id, worker, {"lease_expires_at": clock.now(connection) + lease_s})


def keep_told(worker: str, told: dict[str, Told]) -> set[str]:
    """Keep what streams are about to tell of responses of this worker. Returns those that are still its own."""
    with open_database().write() as connection:
        return {
            answer_id
            for answer_id, one in told.items()
            if connection.execute(update(background_responses).where(_mine(answer_id, worker)).values(told=asdict(one))).rowcount
        }


def release(answer_id: str, worker: str) -> None:
    """Leave one that is not over to the next server, as if it had not been begun. Raises: LeaseLost."""
    with open_database().write() as connection:
        _held(connection, answer_id, worker, {"lease_worker": None, "attempts": _work.attempts - 1})


def finish(answer_id: str, worker: str, model: str, body: dict[str, Any], events: list[dict[str, Any]] | None) -> None:
    """Keep how it ended. Raises: LeaseLost."""
    with open_database().write() as connection:
        _lock(connection, answer_id)
        _held(connection, answer_id, worker, {**_ended(connection), "events": events})
        _change(connection, answer_id, lambda _: body, model=model)


def cancel(owner: str, answer_id: str) -> Answer | None:
    """End one for good, unless it is over. None when the owner has none of this id."""
    with open_database().write() as connection:
        _lock(connection, answer_id)
        one = (_work.owner == owner) & (_work.answer_id == answer_id) & _work.ended_at.is_(None)
        stopped = update(background_responses).where(one).values(**_ended(connection)).returning(_work.answer_id)
        if connection.execute(stopped).first() is not None:
            _change(connection, answer_id, lambda body: {**body, "status": "cancelled"})
    return get(owner, KIND, answer_id)


def events(answer_id: str) -> list[dict[str, Any]] | None:
    """What a stream told of one that is over; None of one that was not asked for as a stream."""
    with open_database().read() as connection:
        found: list[dict[str, Any]] | None = connection.execute(select(_work.events).where(_work.answer_id == answer_id)).scalar()
    return found


def _next(now: float, bases: Collection[str]) -> Any:
    at_work = background_responses.alias()
    busy = (
        select(func.count())
        .where(at_work.c.owner == _work.owner, at_work.c.ended_at.is_(None), at_work.c.lease_expires_at >= now)
        .where(at_work.c.lease_worker.is_not(None))
        .scalar_subquery()
    )
    free = or_(_work.lease_worker.is_(None), _work.lease_expires_at < now)
    found = select(*_work).join_from(background_responses, stored_answers).where(_work.ended_at.is_(None), free)
    found = found.where(or_(_work.base.is_(None), _work.base.in_(bases)))
    return found.order_by(busy, _work.created_at, _work.answer_id).limit(1)


def _lock(connection: Connection, answer_id: str) -> None:
    """In the order in which a deletion locks: the answer, then what hangs on it."""
    connection.execute(select(_answer.id).where(_answer.id == answer_id).with_for_update())


def _held(connection: Connection, answer_id: str, worker: str, values: dict[str, Any]) -> None:
    changed = update(background_responses).where(_mine(answer_id, worker)).values(**values).returning(_work.answer_id)
    if connection.execute(changed).first() is None:
        raise LeaseLost(answer_id)


def _mine(answer_id: str, worker: str) -> ColumnElement[bool]:
    return (_work.answer_id == answer_id) & (_work.lease_worker == worker) & _work.ended_at.is_(None)


def _ended(connection: Connection) -> dict[str, Any]:
    return {"ended_at": clock.now(connection), "lease_worker": None, "request": None, "told": None}


def _change(
    connection: Connection, answer_id: str, changed: Callable[[dict[str, Any]], dict[str, Any]], **others: Any
) -> Row[Any]:
    one: ColumnElement[bool] = _answer.id == answer_id
    body = connection.execute(select(_answer.body).where(one)).scalar_one()
    query = update(stored_answers).where(one).values(body=changed(body), **others)
    return connection.execute(query.returning(*_answer)).one()
