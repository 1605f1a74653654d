"""The items of evaluation runs: taken up by one worker at a time, each ended in one transaction with the run's counts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from honekit.store.database import open_database
from honekit.store.evals import HELD, NEVER, OPEN, Run, as_run
from honekit.store.tables import eval_answers, eval_items, eval_runs

ItemStatus = Literal["queued", "pass", "fail", "error"]
_run, _item = eval_runs.c, eval_items.c


class LeaseLost(Exception):
    """The run was cancelled, deleted, or taken up by another worker."""


@dataclass(frozen=True)
class Item:
    """One item of a run. `results` and `sample` are there once it is over."""

    id: str
    run_id: str
    position: int
    item: dict[str, Any]
    given: dict[str, Any] | None
    status: ItemStatus
    results: list[dict[str, Any]] | None
    sample: dict[str, Any] | None
    created_at: float


def claim(worker: str, lease_s: float, run_id: str | None = None) -> Run | None:
    """The oldest run (or the one named) that nobody works on, now this worker's; None when there is none."""
    now = time.time()
    free = _run.lease_worker.is_(None) | (_run.lease_expires_at < now)
    query = select(eval_runs).where(_run.status.in_(OPEN))
    query = query.where(free) if run_id is None else query.where(free | (_run.lease_worker == HELD), _run.id == run_id)
    query = query.order_by(_run.created_at, _run.id).limit(1)
    with open_database().read() as connection:  # a server asks often, and mostly in vain: without the writer's place
        if connection.execute(query).first() is None:
            return None
    with open_database().write() as connection:
        row = connection.execute(query.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        taken = update(eval_runs).where(_run.id == row.id)
        taken = taken.values(status="in_progress", lease_worker=worker, lease_expires_at=now + lease_s)
        return as_run(connection.execute(taken.returning(*_run)).one())


def keep_lease(run_id: str, worker: str, lease_s: float) -> None:
    """Raises: LeaseLost."""
    _change(run_id, worker, {"lease_expires_at": time.time() + lease_s})


def release(run_id: str, worker: str, *, hold: bool = False) -> None:
    """Leave an unfinished run to the next worker, or with `hold` to whoever names it. Nothing happens to another's run."""
    lease = {"lease_worker": HELD, "lease_expires_at": NEVER} if hold else {"lease_worker": None}
    with open_database().write() as connection:
        connection.execute(update(eval_runs).where(_held(run_id, worker)).values(**lease))


def set_subject(run_id: str, worker: str, subject: dict[str, Any]) -> None:
    """Note what answers. Raises: LeaseLost."""
    _change(run_id, worker, {"subject": subject})


def finish(run_id: str, worker: str, tallies: dict[str, Any], error: dict[str, str] | None = None) -> None:
    """End a run. Raises: LeaseLost."""
    status = "failed" if error else "completed"
    ended = {"status": status, "error": error, "tallies": tallies, "finished_at": time.time(), "lease_worker": None}
    _change(run_id, worker, ended)


def end_item(item: Item, worker: str, lease_s: float, tallies: dict[str, Any]) -> None:
    """Keep a graded item, the counts with it, and the lease: all or nothing. Raises: LeaseLost."""
    with open_database().write() as connection:
        kept = update(eval_runs).where(_held(item.run_id, worker))
        kept = kept.values(tallies=tallies, lease_expires_at=time.time() + lease_s)
        if connection.execute(kept).rowcount == 0:
            raise LeaseLost
        ended = update(eval_items).where(_item.id == item.id)
        connection.execute(ended.values(status=item.status, results=item.results, sample=item.sample, created_at=item.created_at))


def waiting(run_id: str) -> list[Item]:
    """The items that are still to be done, in their order."""
    query = select(eval_items).where(_item.run_id == run_id, _item.status == "queued").order_by(_item.position)
    with open_database().read() as connection:
        return [_as_item(row) for row in connection.execute(query)]


def list_items(
    run_id: str, *, status: str | None = None, after: Item | None = None, limit: int | None = None, last_first: bool = False
) -> list[Item]:
    """The items that are over, in the order of their source."""
    query = select(eval_items).where(_item.run_id == run_id)
    query = query.where(_item.status == status) if status else query.where(_item.status != "queued")
    if after is not None:
        query = query.where(_item.position < after.position if last_first else _item.position > after.position)
    query = query.order_by(_item.position.desc() if last_first else _item.position.asc()).limit(limit)
    with open_database().read() as connection:
        return [_as_item(row) for row in connection.execute(query)]


def get_item(run_id: str, item_id: str) -> Item | None:
    """One item that is over."""
    known = item_id if item_id.isprintable() else ""
    query = select(eval_items).where(_item.run_id == run_id, _item.id == known, _item.status != "queued")
    with open_database().read() as connection:
        row = connection.execute(query).first()
    return _as_item(row) if row else None


def kept_answer(key: str) -> dict[str, Any] | None:
    """What was answered to the same request before."""
    with open_database().read() as connection:
        found: dict[str, Any] | None = connection.execute(
            select(eval_answers.c.body).where(eval_answers.c.key == key)
        ).scalar_one_or_none()
    return found


def keep_answer(key: str, body: dict[str, Any]) -> None:
    """Keep an answer; of two to the same request the first."""
    try:
        with open_database().write() as connection:
            connection.execute(insert(eval_answers).values(key=key, body=body, created_at=time.time()))
    except IntegrityError:
        return


def _held(run_id: str, worker: str) -> Any:
    return (_run.id == run_id) & (_run.lease_worker == worker) & (_run.status == "in_progress")


def _change(run_id: str, worker: str, values: dict[str, Any]) -> None:
    with open_database().write() as connection:
        if connection.execute(update(eval_runs).where(_held(run_id, worker)).values(**values)).rowcount == 0:
            raise LeaseLost


def _as_item(row: Row[Any]) -> Item:
    return Item(**{name: row._mapping[name] for name in Item.__dataclass_fields__})
