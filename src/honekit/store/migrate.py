"""Bringing a database to this version's tables. Imports Alembic, so it is loaded only when there is work to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import filelock
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from honekit import settings
from honekit.errors import StoreError
from honekit.store.database import REVISION, Database, revision_of, store_error

_POSTGRES_LOCK = 0x486F6E65
"""Any fixed number: the key of the advisory lock that keeps migrating servers apart."""


def alembic_config() -> Config:
    """Alembic's settings for the migrations inside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def migrate(database: Database) -> None:
    """Apply the missing migrations, all in one transaction, one process at a time.

    Raises: StoreError[store.newer_database] when a later version of Hone has been here.
    """
    sqlite = database.engine.dialect.name == "sqlite"
    lock = Path(f"{database.where}.migrate.lock") if sqlite else settings.home() / "migrate.lock"
    try:
        with filelock.FileLock(lock, timeout=120):
            if revision_of(database) == REVISION:
                return
            _apply(database, sqlite)
    except OSError as fault:
        raise StoreError(
            "store.unusable",
            what=f"the folder of the database cannot be written: {fault.strerror}",
            where=str(lock.parent),
            mend="give yourself write permission on it, or set HONE_HOME to a directory that you can write to",
        ) from fault


def _apply(database: Database, sqlite: bool) -> None:
    config = alembic_config()
    found = revision_of(database)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError as fault:
            raise StoreError(
                "store.newer_database",
                what=f"the database was made by a newer version of Hone (its revision is {found}, this one knows {REVISION})",
                where=database.where,
                mend="run `pip install --upgrade honekit`, or set HONE_HOME to a new directory",
            ) from fault
    try:
        if sqlite:
            # Write-ahead logging is stored in the file, and switching to it does not wait for locks: do it here, once.
            raw = database.engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                raw.close()
        with database.write() as connection:
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as fault:
        raise store_error(fault.orig, database.where) from fault
    except sqlite3.Error as fault:
        raise store_error(fault, database.where) from fault
