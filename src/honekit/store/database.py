"""Opening the database: SQLite in the data directory, or PostgreSQL by `HONE_DATABASE_URL`.

A committed transaction is on the disk (SQLite: WAL with synchronous=FULL, https://sqlite.org/pragma.html), so job
state survives a power cut; only measurements of single steps do not wait for it. SQLite has one writer at a time:
`write()` takes its place at BEGIN, so that what a transaction read cannot change before it writes. On PostgreSQL the
rows read with FOR UPDATE give the same guarantee.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from honekit import settings
from honekit.errors import StoreError
from honekit.store.texts import refuse_nul

REVISION = "0010"
"""The newest migration. A database that says the same needs no look at Alembic."""

BUSY_TIMEOUT_S = 30.0
STILL_S = 60.0
"""How long a process may stand still within a transaction until PostgreSQL undoes it: more than any does on purpose."""

_open: dict[tuple[str, int], Database] = {}
_opening = threading.Lock()


@dataclass(frozen=True)
class Database:
    """An engine with the two kinds of transaction. Safe to share between threads, not across a fork."""

    engine: Engine
    where: str
    """File or server, without any password: for messages."""
    _writing: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; never waits for a writer on SQLite. Raises StoreError, NulRefused for a text with a NUL."""
        with self._transaction({}) as connection:
            yield connection

    @contextmanager
    def write(self, *, forced: bool = True) -> Iterator[Connection]:
        """One transaction, committed at the end of the block, undone when it raises. Raises StoreError.

        Without `forced` the commit does not wait for the disk: a power cut, but no crash of a process, may undo it until
        the next one that does. `IntegrityError` passes: it is an answer (somebody else was first), not a failure of the store.
        """
        afterwards: list[Callable[[], None]] = []
        options = {"hone_write": True, "hone_unforced": not forced, "hone_afterwards": afterwards}
        with self._turn(), self._transaction(options) as connection:
            yield connection
        for action in afterwards:
            action()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Of the threads of a process one at a time asks SQLite for its one lock. Whoever does not get that looks again ever more
        rarely, so that of many who ask some would wait for longer than their time while others write again and again."""
        if self.engine.dialect.name != "sqlite":
            yield
            return
        if not self._writing.acquire(timeout=BUSY_TIMEOUT_S):
            raise _fault("busy", self.where)
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as fault:
            raise store_error(fault.orig, self.where) from fault


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Have something done as soon as the `write()` of this connection is committed: never when it is undone, nor when the process
    ends before. What the action raises, the block raises."""
    connection.get_execution_options()["hone_afterwards"].append(action)


def open_database(url: str | None = None) -> Database:
    """The database at `url` (default: `settings.database_url()`), migrated to this version of Hone.

    Opened once per process and URL. Raises: StoreError[store.bad_url | store.driver_missing | store.disk_full | store.read_only |
    store.unusable | store.damaged | store.newer_database | store.failed].
    """
    url = url or settings.database_url()
    key = (url, os.getpid())
    with _opening:
        if key not in _open:
            database = _connect(url)
            _ensure_migrated(database)
            _open[key] = database
        return _open[key]


def _parsed(url: str) -> URL:
    """The URL as SQLAlchemy needs it. Nothing of a wrong one is repeated: it may hold a password."""
    mend = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME, or unset it to use the embedded database"
    try:
        parsed = make_url(url)
        # Some hosts of databases write the first.
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (ArgumentError, ValueError) as fault:
        raise StoreError("store.bad_url", what="this is no database's URL", where="HONE_DATABASE_URL", mend=mend) from fault
    if (kind := parsed.get_backend_name()) not in ("sqlite", "postgresql"):
        what = f"Hone keeps its data in SQLite or PostgreSQL, not in {kind}"
        raise StoreError("store.bad_url", what=what, where="HONE_DATABASE_URL", mend=mend)
    return parsed


def _connect(url: str) -> Database:
    parsed = _parsed(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    where = str(parsed.database) if sqlite else parsed.render_as_string(hide_password=True)
    arguments: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_S}} if sqlite else {"pool_pre_ping": True}
    try:
        engine = create_engine(parsed, json_serializer=_to_json, **arguments)
    except ModuleNotFoundError as fault:
        raise StoreError(
            "store.driver_missing",
            what=f"the driver for this database is not installed: {fault.name}",
            where=where,
            mend="run `pip install 'honekit[postgres]'`, or unset HONE_DATABASE_URL to use the embedded database",
        ) from fault
    event.listen(engine, "before_cursor_execute", refuse_nul)
    if sqlite:
        _create_private(where)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
    return Database(engine, where)


def _create_private(file: str) -> None:
    """A new database is for its owner alone, and so are SQLite's files beside it, which get its rights: the directory may be one
    that others can read. What cannot be created is told by the first connection."""
    with suppress(OSError):
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver would begin transactions by itself, and only before the first write; see `_begin_sqlite`.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # Without them a lock that a stopped process holds is waited for without end:
    # https://www.postgresql.org/docs/current/runtime-config-client.html
    connection.execute(f"SET idle_in_transaction_session_timeout = {STILL_S * 1000:.0f}")
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    # Before each transaction: connections are used again, and within one it cannot be changed.
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('hone_unforced') else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("hone_write") else "BEGIN")


def revision_of(database: Database) -> str | None:
    """The migration that the database is at; None when it is empty."""
    from sqlalchemy import inspect

    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _ensure_migrated(database: Database) -> None:
    if revision_of(database) == REVISION:
        return
    from honekit.store.migrate import migrate

    migrate(database)


def _to_json(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; PostgreSQL refuses them. A measurement that is neither becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


_SQLITE_CODES = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "unusable",
    sqlite3.SQLITE_IOERR: "unusable",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
_POSTGRES_CODES = {"53100": "disk_full", "55P03": "busy", "40P01": "busy", "25006": "read_only", "42501": "read_only"}
_SHARED_MEMORY_BYTES = 1 << 15
"""What SQLite needs beside a database to open it. Where there is less room it speaks of an I/O error, or cannot open."""
_REMEDIES = {
    "disk_full": (
        "the disk with the database is full ({free})",
        "free some space, then run the same command again; all that was committed is safe",
    ),
    "read_only": (
        "the database may not be written",
        "give yourself write permission on it, or set HONE_HOME to a directory that you can write to",
    ),
    "unusable": (
        "the database cannot be reached or opened: {detail}",
        "check that the path exists and the disk or server is up, or set HONE_HOME or HONE_DATABASE_URL",
    ),
    "busy": (
        f"another process kept the database locked for more than {BUSY_TIMEOUT_S:.0f} s",
        "end the other `hone` command that hangs, then run this one again",
    ),
    "damaged": (
        "the database file is damaged: {detail}",
        "restore it from a backup, or move it away to start with an empty one",
    ),
    "failed": ("the database refused a statement: {detail}", "run `hone doctor`"),
}


def store_error(original: BaseException | None, where: str) -> StoreError:
    """The driver's error as one that names the cause and its remedy."""
    if isinstance(original, sqlite3.Error):
        # Extended result codes carry the primary one in the low byte: https://sqlite.org/rescode.html
        cause = _SQLITE_CODES.get(getattr(original, "sqlite_errorcode", 0) & 0xFF, "failed")
        if cause == "unusable" and _free_bytes(Path(where)) < _SHARED_MEMORY_BYTES:
            cause = "disk_full"
    else:
        state = getattr(original, "sqlstate", None)
        # A connection that never came up has no SQLSTATE; class 08 is a lost one.
        lost = state is None or state.startswith(("08", "57P", "25P03"))
        cause = _POSTGRES_CODES.get(state or "", "unusable" if lost else "failed")
    detail = str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
    return _fault(cause, where, detail)


def _fault(cause: str, where: str, detail: str = "") -> StoreError:
    what, mend = _REMEDIES[cause]
    return StoreError(
        f"store.{cause}",
        what=what.format(free=free_space(Path(where)), detail=detail),
        where=where,
        mend=mend,
    )


def free_space(path: Path) -> str:
    """What is free on the disk of `path` or of its nearest parent that exists, in words."""
    free = _free_bytes(path)
    return "free space unknown" if free == math.inf else f"{free:,.0f} bytes free"


def _free_bytes(path: Path) -> float:
    for candidate in (path, *path.parents):
        try:
            return shutil.disk_usage(candidate).free
        except OSError:
            continue
    return math.inf
