"""Names in this machine's own data, read without SQLAlchemy: its import alone takes longer than a shell waits for completions."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Literal
from urllib.parse import quote

from honekit import settings

Kind = Literal["models", "jobs", "files"]

MOST = 200
"""Names of one kind at most, the newest."""
_BUSY_S = 0.1
_QUERIES: dict[Kind, str] = {
    "models": "SELECT name, note FROM (SELECT alias AS name, version AS note, updated_at AS at, 0 AS rank FROM aliases "
    "UNION ALL SELECT name, base_ref, created_at, 1 FROM model_versions) ORDER BY rank, at DESC",
    "jobs": "SELECT id, kind || ', ' || status FROM jobs ORDER BY created_at DESC",
    "files": "SELECT id, filename FROM files WHERE owner = :owner ORDER BY created_at DESC",
}


def known_names(kind: Kind) -> list[tuple[str, str]]:
    """Names with a word about each: aliases before versions of models, jobs of everybody, files of `HONE_PROJECT`.

    None where `HONE_DATABASE_URL` names a server, which may be far away. Raises: sqlite3.Error, SettingsError[settings.*].
    """
    backend, _, path = settings.database_url().partition(":///")
    if backend != "sqlite" or not os.path.exists(path):
        return []
    owner = os.environ.get("HONE_PROJECT") or "default"
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
        found = connection.execute(f"{_QUERIES[kind]} LIMIT {MOST}", {"owner": owner} if kind == "files" else {})
        return [(str(name), str(note)) for name, note in found]
