"""Names in this machine's own data, read without SQLAlchemy: its import alone takes longer than a shell waits for completions."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Literal
from urllib.parse import quote

from honekit import settings

Kind = Literal["aliases", "versions", "checkpoints", "jobs", "files", "runs"]

MOST = 200
"""Names of one kind at most, the newest."""
_BUSY_S = 0.1
_QUERIES: dict[Kind, str] = {
    "aliases": "SELECT alias, version FROM aliases ORDER BY updated_at DESC",
    "versions": "SELECT name, base_ref FROM model_versions ORDER BY created_at DESC",
    "checkpoints": (
        "SELECT model_name || ':ckpt-step-' || step, 'checkpoint' FROM job_checkpoints JOIN fine_tuning_jobs USING (job_id)"
        " WHERE model_path IS NOT NULL ORDER BY job_checkpoints.created_at DESC"
    ),
    "jobs": "SELECT id, kind || ', ' || status FROM jobs ORDER BY created_at DESC",
    "files": "SELECT id, filename FROM files WHERE owner = :owner ORDER BY created_at DESC",
    "runs": "SELECT id, name || ', ' || status FROM eval_runs WHERE owner = :owner ORDER BY created_at DESC",
}


def known_names(kind: Kind) -> list[tuple[str, str]]:
    """Names with a word about each, the newest first: files and evaluations' runs of `HONE_PROJECT`, all others of everybody.

    None where `HONE_DATABASE_URL` names a server, which may be far away. Raises: sqlite3.Error, SettingsError[settings.*].
    """
    backend, _, path = settings.database_url().partition(":///")
    if backend != "sqlite" or not os.path.exists(path):
        return []
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
        query = _QUERIES[kind]
        found = connection.execute(f"{query} LIMIT {MOST}", {"owner": settings.local_project()} if ":owner" in query else {})
        return [(str(name), str(note)) for name, note in found]
