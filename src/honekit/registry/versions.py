"""Model versions with their lineage. A version never changes; names are OpenAI's: `ft:{base}:{org}:{suffix}:{id}`."""

from __future__ import annotations

import base64
import difflib
import hashlib
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from honekit import settings
from honekit.base_name import is_path
from honekit.errors import RegistryError
from honekit.registry.weights import remove_unnamed
from honekit.store.database import open_database
from honekit.store.tables import DEFAULT_OWNER, aliases, job_checkpoints, jobs, model_versions

ORGANIZATION = "local"


@dataclass(frozen=True)
class Version:
    name: str
    owner: str
    """Project of the API keys that may use it; `default` for the command line's."""
    project: str
    """Name in `hone.toml`; of a job by the API its suffix."""
    job_id: str
    base_ref: str
    """As the job was given it: catalogue id, Hub id or local directory."""
    base_fingerprint: str
    adapter_path: Path
    adapter_fingerprint: str
    metadata: dict[str, Any]
    created_at: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "adapter_path": str(self.adapter_path)}


_FIELDS = tuple(Version.__dataclass_fields__)


def version_of(row: Row[Any]) -> Version:
    values = {field: row._mapping[field] for field in _FIELDS}
    return Version(**{**values, "adapter_path": Path(row.adapter_path)})


def create_version(
    project: str,
    job_id: str,
    base_ref: str,
    base_fingerprint: str,
    adapter_path: Path,
    adapter_fingerprint: str,
    metadata: dict[str, Any] | None = None,
    *,
    name: str | None = None,
    owner: str = DEFAULT_OWNER,
    noted: Callable[[Connection], None] | None = None,
) -> Version:
    """Record what a job made. The job's second call returns the version that its first one made.

    `name`: what the version is called, where a client was told already; else base and project say it. `noted` is called in
    the transaction that records it; when it raises, nothing is recorded.
    Raises: RegistryError[registry.same_adapter_as_base].
    """
    if adapter_fingerprint == base_fingerprint:
        raise RegistryError(
            "registry.same_adapter_as_base",
            what="the adapter has the fingerprint of its base, so nothing was learnt",
            where=str(adapter_path),
            mend="train again; `hone jobs events` shows what the job did",
        )
    name = name or version_name(base_ref, project, job_id)
    with open_database().read() as connection:
        row = connection.execute(select(model_versions).where(model_versions.c.job_id == job_id)).first()
    if row is None:
        try:
            with open_database().write() as connection:
                if noted:
                    noted(connection)
                connection.execute(
                    insert(model_versions).values(
                        name=name, owner=owner, project=project, job_id=job_id, base_ref=base_ref,
                        base_fingerprint=base_fingerprint, adapter_path=str(adapter_path),
                        adapter_fingerprint=adapter_fingerprint, metadata=metadata or {}, created_at=time.time(),
                    )
                )  # fmt: skip
        except IntegrityError:
            pass  # another process recorded it between the look and the insert
        with open_database().read() as connection:
            row = connection.execute(select(model_versions).where(model_versions.c.job_id == job_id)).one()
    return version_of(row)


def version_name(base_ref: str, suffix: str, job_id: str) -> str:
    """`ft:{base}:local:{suffix}:{id}`; of a local directory only the last part, and the id follows from the job's."""
    local = is_path(base_ref) or "\\" in base_ref
    base = Path(base_ref).expanduser().resolve().name if local else base_ref
    short = base64.b32encode(hashlib.sha256(job_id.encode()).digest()).decode().lower()[:8]
    return f"ft:{_plain(base)}:{ORGANIZATION}:{_plain(suffix)[:64]}:{short}"


def is_of_project(name: str, project: str) -> bool:
    """Whether a version of this name belongs to the project: the name in `hone.toml`, or a job's suffix."""
    parts = name.split(":")
    return parts[0] == "ft" and len(parts) > 4 and parts[3] == _plain(project)[:64]


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._/-]+", "-", text)


def get_version(name: str) -> Version:
    """Raises: RegistryError[registry.unknown_version]."""
    with open_database().read() as connection:
        row = connection.execute(select(model_versions).where(model_versions.c.name == name)).first()
        known = [] if row else list(connection.execute(select(model_versions.c.name)).scalars())
    if row is None:
        raise unknown_model(name, known)
    return version_of(row)


def list_versions(project: str | None = None, *, owner: str | None = None) -> list[Version]:
    """Newest first; of all owners when none is named."""
    query = select(model_versions).order_by(model_versions.c.created_at.desc(), model_versions.c.name)
    if project is not None:
        query = query.where(model_versions.c.project == project)
    if owner is not None:
        query = query.where(model_versions.c.owner == owner)
    with open_database().read() as connection:
        return [version_of(row) for row in connection.execute(query)]


def latest(project: str) -> Version | None:
    """The newest version of a project, if it has one."""
    return next(iter(list_versions(project)), None)


def delete_version(name: str) -> Version:
    """Forget a version and remove its adapter (when it lies in the data directory); returns what it was.

    The checkpoints of its job, which is over, go too: they hold the same weights. The job loses its key, so that `hone run`
    trains anew instead of finding a job whose model is gone.
    Raises: RegistryError[registry.unknown_version | registry.in_use].
    """
    version = get_version(name)
    with open_database().write() as connection:
        # The row's lock keeps a promotion that runs at the same time from pointing at what is about to go.
        connection.execute(select(model_versions.c.name).where(model_versions.c.name == name).with_for_update())
        holders = list(connection.execute(select(aliases.c.alias).where(aliases.c.version == name)).scalars())
        if holders:
            raise RegistryError(
                "registry.in_use",
                what=f"this version is what {', '.join(holders)} points to",
                where=name,
                mend=f"point the alias elsewhere first: `hone models rollback {holders[0]}` or `hone models promote`",
            )
        connection.execute(delete(model_versions).where(model_versions.c.name == name))
        connection.execute(delete(job_checkpoints).where(job_checkpoints.c.job_id == version.job_id))
        connection.execute(update(jobs).where(jobs.c.id == version.job_id).values(key=None))
    if version.adapter_path.resolve().is_relative_to(settings.home().resolve()):
        shutil.rmtree(version.adapter_path, ignore_errors=True)
    remove_unnamed(version.job_id)
    return version


def unknown_model(name: str, known: list[str]) -> RegistryError:
    """The error for a name that is no version and no alias, with the nearest known one."""
    near = difflib.get_close_matches(name, known, n=1)
    return RegistryError(
        "registry.unknown_version",
        what=f"there is no model version or alias {name[:200]!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        mend="see which there are: `hone models list`",
    )
