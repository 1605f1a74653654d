"""Evaluations that were run: which model version, on which data, with which verdict, and where the report lies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import insert

from honekit.store.database import open_database
from honekit.store.tables import evaluations, new_id


def record_evaluation(project: str, version: str, report: Path, fingerprints: Mapping[str, str | None], verdict: str) -> str:
    """Keep that `version` was evaluated; returns the id. `fingerprints` hold the SHA-256 of the data files, by which
    `hone data versions` finds it. Raises: StoreError."""
    evaluation_id = new_id("eval_")
    with open_database().write() as connection:
        connection.execute(
            insert(evaluations).values(
                id=evaluation_id, project=project, version=version, report_path=str(report), fingerprints=dict(fingerprints),
                verdict=verdict, created_at=time.time(),
            )
        )  # fmt: skip
    return evaluation_id
