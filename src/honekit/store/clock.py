"""The clock that all servers on one database share."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

_POSTGRESQL = text("SELECT extract(epoch FROM clock_timestamp())")  # not now(): that stands still within a transaction


def now(connection: Connection) -> float:
    """Unix seconds by PostgreSQL's own clock, since its servers may be on several machines; with SQLite by this machine's."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(_POSTGRESQL).scalar_one())
    return time.time()
