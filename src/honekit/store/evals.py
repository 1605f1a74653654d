"""Evaluations and their runs. Owners see only their own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, insert, select, update

from honekit.store import removed
from honekit.store.database import open_database
from honekit.store.files import Noted
from honekit.store.order import Placed, behind, ordered
from honekit.store.tables import eval_items, eval_runs, evals, new_id

RunStatus = Literal["queued", "in_progress", "completed", "canceled", "failed"]
OPEN = ("queued", "in_progress")
HELD, NEVER = "held", 1e12
"""The lease of a run that a command began and left: only a command goes on with it."""
_eval, _run = evals.c, eval_runs.c


@dataclass(frozen=True)
class Eval:
    """What is measured: the shape of the items, and the criteria that each answer is graded by."""

    id: str
    owner: str
    name: str
    data_source_config: dict[str, Any]
    testing_criteria: list[dict[str, Any]]
    metadata: dict[str, str] | None
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Run:
    """One model (or none, where the answers are given) on one set of items."""

    id: str
    eval_id: str
    owner: str
    name: str
    model: str
    data_source: dict[str, Any]
    metadata: dict[str, str] | None
    subject: dict[str, Any]
    status: RunStatus
    tallies: dict[str, Any]
    error: dict[str, str] | None
    created_at: float
    finished_at: float | None = None


@dataclass(frozen=True)
class Entry:
    """An item as a run takes it up; `given` is the sample that came with it."""

    item: dict[str, Any]
    given: dict[str, Any] | None = None


def create_eval(
    owner: str,
    name: str,
    data_source_config: dict[str, Any],
    testing_criteria: list[dict[str, Any]],
    metadata: dict[str, str] | None = None,
    noted: Noted | None = None,
) -> Eval:
    """Keep a new evaluation. Raises: StoreError."""
    now = time.time()
    made = Eval(new_id("eval_"), owner, name, data_source_config, testing_criteria, metadata, now, now)
    with open_database().write() as connection:
        connection.execute(insert(evals).values(**asdict(made)))
        if noted:
            noted(connection, made.id)
    return made


def get_eval(owner: str, eval_id: str) -> Eval | None:
    """The owner's evaluation; None when there is none or it is somebody else's."""
    with open_database().read() as connection:
        row = connection.execute(select(evals).where(_own(_eval, owner, eval_id))).first()
    return _as_eval(row) if row else None


def list_evals(
    owner: str, *, after: Eval | Placed | None = None, limit: int = 20, newest_first: bool = False, by_update: bool = False
) -> list[Eval]:
    """The owner's evaluations behind `after`, by time of creation or of the last change."""
    query = select(evals).where(_eval.owner == owner)
    order: tuple[ColumnElement[Any], ColumnElement[Any]]
    if by_update:
        at, name = _eval.updated_at, _eval.id
        order = (at.desc(), name.desc()) if newest_first else (at.asc(), name.asc())
        if isinstance(after, Eval):
            beyond = at < after.updated_at if newest_first else at > after.updated_at
            same = (at == after.updated_at) & (name < after.id if newest_first else name > after.id)
            query = query.where(beyond | same)
    else:
        order = ordered(evals, newest_first)
        if after is not None:
            query = query.where(behind(evals, after.created_at, after.id, newest_first))
    with open_database().read() as connection:
        return [_as_eval(row) for row in connection.execute(query.order_by(*order).limit(limit))]


def update_eval(owner: str, eval_id: str, changes: Mapping[str, Any]) -> Eval | None:
    """The evaluation with another name or other metadata; None when the owner has none of this id."""
    with open_database().write() as connection:
        query = update(evals).where(_own(_eval, owner, eval_id)).values(**changes, updated_at=time.time())
        row = connection.execute(query.returning(*_eval)).first()
    return _as_eval(row) if row else None


def remove_eval(owner: str, eval_id: str) -> bool:
    """Delete an evaluation with its runs. False when the owner has none of this id."""
    return removed.delete_row("eval", owner, eval_id, evals, _own(_eval, owner, eval_id))


def create_run(
    found: Eval,
    name: str,
    model: str,
    data_source: dict[str, Any],
    rows: Sequence[Entry],
    *,
    metadata: dict[str, str] | None = None,
    subject: dict[str, Any] | None = None,
    held: bool = False,
    noted: Noted | None = None,
) -> Run:
    """Accept a run with all its items, which from now on nothing that happens to their source can change.

    `held`: no server takes it up, only who names it.
    """
    now = time.time()
    made = Run(
        new_id("evalrun_"), found.id, found.owner, name, model, data_source, metadata, subject or {}, "queued", {}, None, now
    )
    items = [
        {
            "id": new_id("outputitem_"), "run_id": made.id, "position": position, "item": row.item, "given": row.given,
            "status": "queued", "created_at": now,
        }
        for position, row in enumerate(rows)
    ]  # fmt: skip
    with open_database().write() as connection:
        lease = {"lease_worker": HELD, "lease_expires_at": NEVER} if held else {}
        connection.execute(insert(eval_runs).values(**asdict(made), **lease))
        connection.execute(insert(eval_items), items)
        if noted:
            noted(connection, made.id)
    return made


def get_run(owner: str, run_id: str, eval_id: str | None = None) -> Run | None:
    """The owner's run (of that evaluation); None when there is none."""
    query = select(eval_runs).where(_own(_run, owner, run_id))
    if eval_id is not None:
        query = query.where(_run.eval_id == eval_id)
    with open_database().read() as connection:
        row = connection.execute(query).first()
    return as_run(row) if row else None


def list_runs(
    owner: str,
    eval_id: str | None = None,
    *,
    status: str | None = None,
    after: Placed | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> list[Run]:
    """The owner's runs (of one evaluation) behind `after`."""
    query = select(eval_runs).where(_run.owner == owner)
    if eval_id is not None:
        query = query.where(_run.eval_id == eval_id)
    if status is not None:
        query = query.where(_run.status == status)
    if after is not None:
        query = query.where(behind(eval_runs, after.created_at, after.id, newest_first))
    with open_database().read() as connection:
        return [as_run(row) for row in connection.execute(query.order_by(*ordered(eval_runs, newest_first)).limit(limit))]


def cancel_run(owner: str, run_id: str) -> Run | None:
    """Stop a run for good, unless it is over. None when the owner has none of this id."""
    with open_database().write() as connection:
        stopping = update(eval_runs).where(_own(_run, owner, run_id), _run.status.in_(OPEN))
        connection.execute(stopping.values(status="canceled", finished_at=time.time(), lease_worker=None))
    return get_run(owner, run_id)


def newest_run(owner: str) -> Run | None:
    """The owner's newest run."""
    found = list_runs(owner, limit=1, newest_first=True)
    return found[0] if found else None


def remove_run(owner: str, run_id: str) -> bool:
    """Delete a run with its items. False when the owner has none of this id."""
    return removed.delete_row("run", owner, run_id, eval_runs, _own(_run, owner, run_id))


def _own(columns: Any, owner: str, row_id: str) -> Any:
    # Control characters are in no id, and PostgreSQL takes offence at a NUL.
    known = row_id if row_id.isprintable() else ""
    return (columns.owner == owner) & (columns.id == known)


def _as_eval(row: Row[Any]) -> Eval:
    return Eval(**{name: row._mapping[name] for name in Eval.__dataclass_fields__})


def as_run(row: Row[Any]) -> Run:
    return Run(**{name: row._mapping[name] for name in Run.__dataclass_fields__})
