"""Uploads in parts: a file too large for one request, sent in pieces (also side by side) and joined at the end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from honekit.errors import StoreError
from honekit.store import blobs, files
from honekit.store.database import open_database
from honekit.store.files import File, Noted
from honekit.store.tables import new_id, upload_parts, uploads

LIFETIME_S = 3600.0
MAX_BYTES = 8 * 1024 * 1024 * 1024
Status = Literal["pending", "completed", "cancelled", "expired"]


@dataclass(frozen=True)
class Upload:
    id: str
    owner: str
    filename: str
    purpose: str
    mime_type: str
    bytes: int
    """As announced; the joined parts must have exactly so many."""
    status: Status
    file_expires_after_s: int | None
    file_id: str | None
    created_at: float
    expires_at: float
    completed_as: str | None = None
    """What it was completed with: hashes of the parts' ids and of the content, `SHA-256 MD5`."""


@dataclass(frozen=True)
class Part:
    id: str
    upload_id: str
    bytes: int
    sha256: str
    created_at: float


class UploadError(StoreError):
    """The upload does not allow what was asked.

    [upload.closed | upload.part_unknown | upload.part_size | upload.size | upload.md5 | upload.completed_otherwise].
    """


def create(
    owner: str, filename: str, purpose: str, mime_type: str, size: int, file_expires_after_s: int | None, noted: Noted | None
) -> Upload:
    """Begin an upload of `size` bytes. Raises: StoreError."""
    now = time.time()
    upload = Upload(
        new_id("upload_"), owner, files.plain_name(filename), purpose, mime_type[:255], size, "pending",
        file_expires_after_s, None, now, now + LIFETIME_S,
    )  # fmt: skip
    with open_database().write() as connection:
        connection.execute(insert(uploads).values(**vars(upload)))
        if noted:
            noted(connection, upload.id)
    return upload


def get(owner: str, upload_id: str) -> Upload | None:
    """The owner's upload, if there is one."""
    with open_database().read() as connection:
        row = connection.execute(select(uploads).where(uploads.c.owner == owner, uploads.c.id == upload_id)).first()
    return _upload(row) if row else None


def add_part(upload: Upload, chunks: Iterable[bytes], limit: int, noted: Noted | None) -> Part:
    """Keep one part, unless the parts then had more bytes together than were announced.

    Raises: UploadError[upload.closed | upload.part_size], blobs.TooLarge, StoreError.
    """
    _require_open(upload)
    with blobs.receiving(chunks, limit) as received, open_database().write() as connection:
        _require_open(_locked(connection, upload))  # the lock makes parts that come side by side count each other
        part = Part(new_id("part_"), upload.id, received.bytes, received.sha256, time.time())
        if noted:  # first: for a part that is sent again there is no room a second time, and it needs none
            noted(connection, part.id)
        _require_room(connection, upload, received.bytes)
        connection.execute(insert(upload_parts).values(**vars(part)))
        received.keep()
    return part


def _require_room(connection: Connection, upload: Upload, size: int) -> None:
    query = select(func.coalesce(func.sum(upload_parts.c.bytes), 0)).where(upload_parts.c.upload_id == upload.id)
    sent = int(connection.execute(query).scalar_one())
    if sent + size > upload.bytes:
        raise UploadError(
            "upload.part_size",
            what=f"with this part of {size:,} bytes the parts have {sent + size:,} together, and {upload.bytes:,} were announced",
            mend="complete the upload with the parts that are there, or begin a new one with the right number of bytes",
        )


def get_part(upload: Upload, part_id: str) -> Part | None:
    """A part that waits to be joined."""
    with open_database().read() as connection:
        query = select(upload_parts).where(upload_parts.c.upload_id == upload.id, upload_parts.c.id == part_id)
        row = connection.execute(query).first()
    return Part(**row._mapping) if row else None


def complete(upload: Upload, part_ids: Sequence[str], md5: str | None) -> tuple[Upload, File]:
    """Join the parts in the order of `part_ids` into a file; completing it twice, with the same parts, gives the same file.

    Raises: UploadError; StoreError.
    """
    if upload.status == "completed" and upload.file_id and (done := files.get(upload.owner, upload.file_id)):
        _require_same(upload, part_ids, md5)
        return upload, done
    _require_open(upload)
    with open_database().read() as connection:
        rows = connection.execute(select(upload_parts).where(upload_parts.c.upload_id == upload.id)).all()
    known = {row.id: row for row in rows}
    unknown = [part for part in part_ids if part not in known]
    if unknown or len(set(part_ids)) != len(part_ids):
        what = f"this upload has no part {unknown[0][:80]!r}" if unknown else "a part is named twice"
        raise UploadError("upload.part_unknown", what=what, mend="name each part of this upload once, in the wanted order")
    size = sum(known[part].bytes for part in part_ids)
    if size != upload.bytes:
        raise UploadError(
            "upload.size",
            what=f"the parts have {size:,} bytes together, and {upload.bytes:,} were announced",
            mend="send the missing parts, or begin a new upload with the right number of bytes",
        )
    digest = hashlib.md5(usedforsecurity=False)
    with blobs.receiving(_joined([known[part].sha256 for part in part_ids], digest)) as received:
        _require_md5(digest.hexdigest(), md5)

        def closed(connection: Connection, file_id: str) -> None:
            _require_open(_locked(connection, upload))
            completed_as = f"{_hash_of(part_ids)} {digest.hexdigest()}"
            changes = {"status": "completed", "file_id": file_id, "completed_as": completed_as}
            connection.execute(update(uploads).where(uploads.c.id == upload.id).values(**changes))
            _drop_parts(connection, upload.id)

        file = files.keep(
            upload.owner, upload.filename, upload.purpose, received,
            expires_after_s=upload.file_expires_after_s, noted=closed,
        )  # fmt: skip
    return Upload(**{**vars(upload), "status": "completed", "file_id": file.id}), file


def _require_same(upload: Upload, part_ids: Sequence[str], md5: str | None) -> None:
    if upload.completed_as is None:  # by an earlier release, which did not keep it
        return
    of_parts, of_content = upload.completed_as.split()
    if _hash_of(part_ids) != of_parts:
        raise UploadError(
            "upload.completed_otherwise",
            what="the upload was completed with other parts, or in another order",
            mend="begin a new upload to make another file",
        )
    _require_md5(of_content, md5)


def _require_md5(found: str, wanted: str | None) -> None:
    if wanted and found != wanted.lower():
        raise UploadError(
            "upload.md5",
            what=f"the joined parts have the MD5 {found}, not {wanted[:64]}",
            mend="check the order of the parts; if one is damaged, begin a new upload",
        )


def _hash_of(part_ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(part_ids).encode()).hexdigest()


def cancel(upload: Upload) -> Upload:
    """Give an upload up; its parts are deleted. Cancelling it twice changes nothing. Raises: UploadError[upload.closed]."""
    with open_database().write() as connection:
        now = _locked(connection, upload)
        if now.status == "cancelled":
            return now
        _require_open(now)
        connection.execute(update(uploads).where(uploads.c.id == upload.id).values(status="cancelled"))
        _drop_parts(connection, upload.id)
    return Upload(**{**vars(upload), "status": "cancelled"})


def remove_expired() -> int:
    """Close the uploads whose hour is over and delete their parts; returns how many."""
    with open_database().read() as connection:
        over = select(uploads.c.id).where(uploads.c.status == "pending", uploads.c.expires_at <= time.time())
        ids = connection.execute(over).scalars().all()
    if not ids:
        return 0
    with open_database().write() as connection:
        for upload_id in ids:
            changed = connection.execute(
                update(uploads).where(uploads.c.id == upload_id, uploads.c.status == "pending").values(status="expired")
            )
            if changed.rowcount:
                _drop_parts(connection, upload_id)
    return len(ids)


def _drop_parts(connection: Connection, upload_id: str) -> None:
    hashes = connection.execute(select(upload_parts.c.sha256).where(upload_parts.c.upload_id == upload_id)).scalars().all()
    connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    for sha256 in set(hashes):
        files.drop_unused(connection, sha256)


def _joined(hashes: Sequence[str], digest: Any) -> Iterator[bytes]:
    for sha256 in hashes:
        with open(blobs.path_of(sha256), "rb") as part:
            while chunk := part.read(1 << 20):
                digest.update(chunk)
                yield chunk


def _locked(connection: Connection, upload: Upload) -> Upload:
    return _upload(connection.execute(select(uploads).where(uploads.c.id == upload.id).with_for_update()).one())


def _require_open(upload: Upload) -> None:
    if upload.status != "pending":
        state = upload.status
    elif upload.expires_at <= time.time():
        state = "expired"
    else:
        return
    raise UploadError("upload.closed", what=f"the upload is {state}", mend="begin a new upload")


def _upload(row: Row[Any]) -> Upload:
    return Upload(**{name: row._mapping[name] for name in Upload.__dataclass_fields__})
