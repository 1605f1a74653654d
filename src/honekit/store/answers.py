"""Answers that were asked to be kept, with what they answer. Owners see only their own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update

from honekit.store import removed
from honekit.store.database import open_database
from honekit.store.files import Noted
from honekit.store.order import Placed, behind, ordered
from honekit.store.tables import stored_answers

Kind = Literal["response", "chat.completion"]
_table = stored_answers.c

ANY_METADATA: Mapping[str, str] = MappingProxyType({})
"""A filter that lets everything through; None lets through what has no metadata."""


@dataclass(frozen=True)
class Answer:
    id: str
    owner: str
    kind: Kind
    model: str
    body: dict[str, Any]
    """The answer as it was sent, without `metadata`, which may change."""
    input: list[dict[str, Any]]
    """What it answers: items or messages."""
    metadata: dict[str, str] | None
    created_at: float = field(default_factory=time.time)


def keep(answer: Answer, noted: Noted | None = None) -> None:
    """Store an answer. Raises: StoreError."""
    with open_database().write() as connection:
        connection.execute(insert(stored_answers).values(**asdict(answer)))
        if noted:
            noted(connection, answer.id)


def get(owner: str, kind: Kind, answer_id: str) -> Answer | None:
    """The owner's answer; None when there is none or it is somebody else's."""
    with open_database().read() as connection:
        row = connection.execute(select(stored_answers).where(_one(owner, kind, answer_id))).first()
    return as_answer(row) if row else None


def conversation(owner: str, response_id: str, limit: int) -> tuple[list[Answer], str | None]:
    """A response and those that it goes on from, oldest first, at most `limit`; and the id at which the way back ends
    because there is no such response (any more) or the limit is reached, else None.
    """
    found: list[Answer] = []
    following: str | None = response_id
    with open_database().read() as connection:
        while following is not None and len(found) < limit:
            row = connection.execute(select(stored_answers).where(_one(owner, "response", following))).first()
            if row is None:
                break
            found.append(as_answer(row))
            following = found[-1].body["previous_response_id"]
    return found[::-1], following


def list_answers(
    owner: str,
    kind: Kind,
    *,
    model: str | None = None,
    metadata: Mapping[str, str] | None = ANY_METADATA,
    after: Placed | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Sequence[Answer]:
    """The owner's answers behind `after`; only those of `model`, and whose metadata has these pairs, or (None) that have none."""
    query = select(stored_answers).where(_table.owner == owner, _table.kind == kind)
    if model is not None:
        query = query.where(_table.model == model)
    if metadata is None:
        query = query.where(_table.metadata.is_(None))
    wanted = (metadata or {}).items()
    if not wanted:
        query = query.limit(limit)
    if after is not None:
        query = query.where(behind(stored_answers, after.created_at, after.id, newest_first))
    with open_database().read() as connection:
        # Compared here: databases do not agree on paths into JSON.
        rows = (as_answer(row) for row in connection.execute(query.order_by(*ordered(stored_answers, newest_first))))
        return list(islice((answer for answer in rows if wanted <= (answer.metadata or {}).items()), limit))


def update_metadata(owner: str, kind: Kind, answer_id: str, metadata: dict[str, str] | None) -> Answer | None:
    """The answer with other metadata; None when the owner has none of this id."""
    with open_database().write() as connection:
        query = update(stored_answers).where(_one(owner, kind, answer_id)).values(metadata=metadata)
        row = connection.execute(query.returning(*_table)).first()
    return as_answer(row) if row else None


def remove(owner: str, kind: Kind, answer_id: str) -> bool:
    """Delete an answer and what it answered. False when the owner has none of this id."""
    return removed.delete_row(kind, owner, answer_id, stored_answers, _one(owner, kind, answer_id))


def _one(owner: str, kind: Kind, answer_id: str) -> Any:
    # Control characters are in no id, and PostgreSQL takes offence at a NUL.
    known = answer_id if answer_id.isprintable() else ""
    return (_table.owner == owner) & (_table.kind == kind) & (_table.id == known)


def as_answer(row: Row[Any]) -> Answer:
    """An answer from its row."""
    return Answer(**{name: row._mapping[name] for name in Answer.__dataclass_fields__})
