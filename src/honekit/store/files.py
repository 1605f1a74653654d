"""Files that clients gave or jobs made: a row each, the content in the blob store. Owners see only their own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Text, cast, delete, func, insert, or_, select

from honekit.errors import StoreError
from honekit.store import blobs, removed
from honekit.store.database import open_database
from honekit.store.order import Placed, behind, ordered
from honekit.store.tables import files, jobs, new_id, upload_parts

Noted = Callable[[Connection, str], None]
"""Called inside the transaction that makes an object, with the object's id: both are kept or neither."""


TRAINING = "fine-tune"
"""The purpose of files that jobs learn from."""
_LEARNS_FROM_FILES = "fine_tuning"
"""The kind of those jobs; what others learn from was never a file of a client's."""
_OVER = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class File:
    id: str
    owner: str
    filename: str
    purpose: str
    bytes: int
    sha256: str
    created_at: float
    expires_at: float | None

    @property
    def path(self) -> Path:
        """Where the content lies. Raises: StoreError[store.blob_missing]."""
        return blobs.path_of(self.sha256)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def create(
    owner: str,
    filename: str,
    purpose: str,
    chunks: Iterable[bytes],
    *,
    expires_after_s: int | None = None,
    limit: int | None = None,
    noted: Noted | None = None,
) -> File:
    """Keep a file; `chunks` are written as they come. Raises: StoreError, blobs.TooLarge beyond `limit` bytes."""
    with blobs.receiving(chunks, limit) as received:
        return keep(owner, filename, purpose, received, expires_after_s=expires_after_s, noted=noted)


def keep(
    owner: str,
    filename: str,
    purpose: str,
    received: blobs.Received,
    *,
    expires_after_s: int | None = None,
    noted: Noted | None = None,
) -> File:
    """Make a file of bytes that were received already. Raises: StoreError."""
    now = time.time()
    expires_at = now + expires_after_s if expires_after_s else None
    file = File(new_id("file-"), owner, plain_name(filename), purpose, received.bytes, received.sha256, now, expires_at)
    # Inside the transaction, so that a deletion of the same content's last file cannot fall between the two.
    with open_database().write() as connection:
        connection.execute(insert(files).values(**file.as_dict()))
        if noted:
            noted(connection, file.id)
        received.keep()
    return file


def plain_name(filename: str) -> str:
    """The last part of a name that a client sent, without control characters, at most 255 of them; never used as a path.

    One that names nothing, or a folder (`..`), becomes `file`.
    """
    last = re.split(r"[/\\]", filename)[-1]
    kept = "".join(character for character in last if character.isprintable())
    name = kept.strip()[:255]
    return name if name.strip(".") else "file"


def get(owner: str, file_id: str) -> File | None:
    """The owner's file; None when there is none, it is somebody else's, or it has expired."""
    with open_database().read() as connection:
        row = connection.execute(select(files).where(_seen_by(owner), files.c.id == file_id)).first()
    return _file(row) if row else None


def place(owner: str, file_id: str) -> Placed | None:
    """Where the owner's file stands among theirs, or stood until it was deleted or expired; None for one that never was."""
    same = (files.c.owner == owner) & (files.c.id == file_id)
    with open_database().read() as connection:
        row = connection.execute(select(files).where(same)).first()
    return _file(row) if row else removed.place("file", owner, file_id)


def list_files(
    owner: str, *, purpose: str | None = None, after: Placed | None = None, limit: int = 10_000, newest_first: bool = True
) -> list[File]:
    """The owner's files; `after` is the last one seen."""
    query = select(files).where(_seen_by(owner))
    if purpose is not None:
        query = query.where(files.c.purpose == purpose)
    if after is not None:
        query = query.where(behind(files, after.created_at, after.id, newest_first))
    with open_database().read() as connection:
        return [_file(row) for row in connection.execute(query.order_by(*ordered(files, newest_first)).limit(limit))]


def any_with(purpose: str) -> bool:
    """Whether anybody has a file of the purpose."""
    with open_database().read() as connection:
        return connection.execute(select(files.c.id).where(files.c.purpose == purpose).limit(1)).first() is not None


def remove(owner: str, file_id: str) -> bool:
    """Delete a file; its content goes with the last file or unfinished job that needs it. False when there is none."""
    with open_database().write() as connection:
        row = connection.execute(select(files).where(_seen_by(owner), files.c.id == file_id).with_for_update()).first()
        if row is None:
            return False
        _remove(connection, row)
    return True


def remove_expired() -> int:
    """Delete the files whose time is over; returns how many."""
    with open_database().read() as connection:
        over = connection.execute(select(files.c.id).where(files.c.expires_at <= time.time())).scalars().all()
    if not over:
        return 0
    with open_database().write() as connection:
        for row in connection.execute(select(files).where(files.c.id.in_(over)).with_for_update()).all():
            _remove(connection, row)
    return len(over)


def _remove(connection: Connection, row: Row[Any]) -> None:
    connection.execute(delete(files).where(files.c.id == row.id))
    drop_unused(connection, row.sha256)
    removed.note(connection, "file", row.owner, row.id, row.created_at)


def drop_unused(connection: Connection, sha256: str) -> None:
    """Remove a blob unless a file, a part of an upload, or a job that is not over needs it."""
    uses = (
        select(func.count()).select_from(files).where(files.c.sha256 == sha256),
        select(func.count()).select_from(upload_parts).where(upload_parts.c.sha256 == sha256),
        select(func.count()).select_from(jobs).where(jobs.c.status.not_in(_OVER), cast(jobs.c.spec, Text).contains(sha256)),
    )
    if not any(connection.execute(query).scalar() for query in uses):
        blobs.drop(sha256)


def drop_after(kind: str, spec: Mapping[str, Any]) -> None:
    """A job is over: remove the contents that it was the last to need, of files that were deleted since it began."""
    if kind == _LEARNS_FROM_FILES:
        # What cannot be done now, `drop_left_over` does.
        with suppress(StoreError, OSError):
            _drop(_contents(spec))


def drop_left_over(since: float) -> None:
    """As `drop_after`, for the jobs that ended since then, where a process was killed before it. Raises: StoreError."""
    over = jobs.c.status.in_(_OVER) & (jobs.c.kind == _LEARNS_FROM_FILES) & (jobs.c.finished_at >= since)
    with open_database().read() as connection:
        found = {one for spec in connection.execute(select(jobs.c.spec).where(over)).scalars() for one in _contents(spec)}
    _drop(found)


def _contents(spec: Mapping[str, Any]) -> set[str]:
    return {value for value in spec.values() if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)}


def _drop(contents: Iterable[str]) -> None:
    kept = [sha256 for sha256 in contents if blobs.is_kept(sha256)]
    if kept:
        with open_database().write() as connection:
            for sha256 in kept:
                drop_unused(connection, sha256)


def unknown_file(file_id: str) -> StoreError:
    """The error of the command line for an id that is no file."""
    return StoreError(
        "store.unknown_file", what=f"there is no file {file_id[:80]!r}", mend="see which there are: `hone files list`"
    )


def _seen_by(owner: str) -> Any:
    return (files.c.owner == owner) & or_(files.c.expires_at.is_(None), files.c.expires_at > time.time())


_FIELDS = tuple(File.__dataclass_fields__)


def _file(row: Row[Any]) -> File:
    return File(**{name: row._mapping[name] for name in _FIELDS})
