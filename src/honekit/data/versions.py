"""Versions of data files: a version is the content of a file, named by its hash; what is kept is how it was made.

Jobs, model versions and evaluations name their data by the same hash, and so does an uploaded file, so nothing of these is
kept a second time: `lineage` looks them up. Decision: `docs/decisions/0008-dataset-versions.md`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Row, Text, cast, insert, select

from honekit.errors import DataError
from honekit.store.atomic import sha256_of
from honekit.store.database import open_database
from honekit.store.tables import data_versions, evaluations, files, jobs, model_versions

if TYPE_CHECKING:
    from honekit.data.prepare import Prepared

Action = Literal["prepared", "fixed", "split", "converted", "labelled", "generated"]
"""What made a version. That one was uploaded is known from the uploaded files."""
MAX_DEPTH = 50
"""Generations that are followed back."""
_HASH = re.compile(r"[0-9a-f]{6,64}")
_USED = 100
"""Users of one kind that are listed."""


@dataclass(frozen=True)
class Made:
    """One making of a version."""

    sha256: str
    parents: list[dict[str, str]]
    """`sha256` and `path` of each file that it was made of."""
    action: Action
    path: str
    details: dict[str, Any]
    created_at: float


def version_id(sha256: str) -> str:
    """How a version is named: the first 16 hex digits of its content's SHA-256."""
    return sha256[:16]


def record_version(
    path: Path, parent: Path | Sequence[Path] | None, action: Action, details: dict[str, Any] | None = None
) -> str:
    """Note how the file at `path` was made of its parent, or parents; returns the version's id. To note it twice is harmless.

    Raises: StoreError.
    """
    of = [parent] if isinstance(parent, Path) else list(parent or ())
    parents = [{"sha256": sha256_of(file), "path": str(file.resolve())} for file in of]
    made = Made(sha256_of(path), parents, action, str(path.resolve()), details or {}, time.time())
    if not any(_is_same(made, earlier) for earlier in made_by(made.sha256)):
        with open_database().write() as connection:
            connection.execute(insert(data_versions).values(**asdict(made)))
    return version_id(made.sha256)


def record_prepared(prepared: Prepared) -> None:
    """Note of which raw files the chat files of a project were made. Raises: StoreError."""
    for file, examples in ((prepared.train_file, prepared.train), (prepared.validation_file, prepared.validation)):
        raw = list(dict.fromkeys(example.path for example in examples))
        record_version(file, raw, "prepared", {"data": prepared.version, "forms": prepared.forms, "examples": len(examples)})


def _is_same(one: Made, other: Made) -> bool:
    return (one.parents, one.action, one.path) == (other.parents, other.action, other.path)


def made_by(sha256: str) -> list[Made]:
    """How this content was made, oldest first; empty when Hone did not make it."""
    query = select(data_versions).where(data_versions.c.sha256 == sha256).order_by(data_versions.c.id)
    with open_database().read() as connection:
        return [_made(row) for row in connection.execute(query)]


def list_made(limit: int = 50) -> list[Made]:
    """The latest versions, newest first."""
    with open_database().read() as connection:
        return [_made(row) for row in connection.execute(select(data_versions).order_by(data_versions.c.id.desc()).limit(limit))]


def find_version(name: str) -> str:
    """The hash that a user means by a file, the beginning of a version's hash, or the id of a file, job or model that uses it.

    Raises: DataError[data.version_unknown].
    """
    if Path(name).is_file():
        return sha256_of(Path(name))
    with open_database().read() as connection:
        if name.startswith("file-"):
            found = list(connection.execute(select(files.c.sha256).where(files.c.id == name)).scalars())
        elif name.startswith("ftjob-"):
            specs = connection.execute(select(jobs.c.spec).where(jobs.c.id == name)).scalars()
            found = [spec.get("training_sha256") for spec in specs]
        elif name.startswith("ft:"):
            kept = connection.execute(select(model_versions.c.metadata).where(model_versions.c.name == name)).scalars()
            found = [values.get("training_sha256") for values in kept]
        elif _HASH.fullmatch(name):
            query = select(data_versions.c.sha256, data_versions.c.parents)
            query = query.where(data_versions.c.sha256.startswith(name) | _names(data_versions.c.parents, f'"{name}'))
            hashes = {sha for own, parents in connection.execute(query) for sha in (own, *(p["sha256"] for p in parents))}
            uploaded = connection.execute(select(files.c.sha256).where(files.c.sha256.startswith(name))).scalars()
            found = sorted(sha for sha in hashes.union(uploaded) if sha.startswith(name))
        else:
            found = []
    if len(found) != 1 or not found[0]:
        raise DataError(
            "data.version_unknown",
            what=f"several versions begin with {name}" if len(found) > 1 else f"{name[:200]!r} is no file and no version of one",
            mend="name a file or more digits; `hone data versions` lists what is known",
        )
    return str(found[0])


def lineage(sha256: str, above: frozenset[str] = frozenset()) -> dict[str, Any]:
    """How a version was made, of which others (these in turn, but for those in `above`), and what uses it; JSON-ready."""
    above |= {sha256}
    made = made_by(sha256)
    parents = {parent["sha256"]: parent["path"] for one in made for parent in one.parents}
    return {
        "version": version_id(sha256),
        "sha256": sha256,
        "made": [asdict(one) for one in made],
        "used_by": _used_by(sha256),
        "made_of": [
            {**lineage(sha, above), "path": path} for sha, path in parents.items() if sha not in above and len(above) < MAX_DEPTH
        ],
    }


def _used_by(sha256: str) -> dict[str, list[str]]:
    queries = {
        "versions": select(data_versions.c.path).where(_names(data_versions.c.parents, sha256)),
        "files": select(files.c.id).where(files.c.sha256 == sha256),
        "jobs": select(jobs.c.id).where(_names(jobs.c.spec, sha256)),
        "models": select(model_versions.c.name).where(_names(model_versions.c.metadata, sha256)),
        "evaluations": select(evaluations.c.report_path).where(_names(evaluations.c.fingerprints, sha256)),
    }
    with open_database().read() as connection:
        found = {name: list(connection.execute(query.limit(_USED)).scalars()) for name, query in queries.items()}
    return {name: ids for name, ids in found.items() if ids}


def _names(column: Any, text: str) -> Any:
    """Whether a JSON column holds this text; a hash stands in it as it is."""
    return cast(column, Text).contains(text, autoescape=True)


_FIELDS = tuple(Made.__dataclass_fields__)


def _made(row: Row[Any]) -> Made:
    return Made(**{name: row._mapping[name] for name in _FIELDS})
