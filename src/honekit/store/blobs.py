"""Content-addressed files below the data directory: the same bytes are kept once, under their SHA-256."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from honekit import settings
from honekit.errors import StoreError
from honekit.store import atomic


class TooLarge(Exception):
    """More bytes came than may be kept."""


@dataclass(frozen=True)
class Received:
    """Bytes that wait under a temporary name."""

    temporary: Path
    sha256: str
    bytes: int

    def keep(self) -> None:
        """Give the blob its final name; the same bytes, kept before, are left as they are."""
        target = _place(self.sha256)
        if not target.exists():
            target.parent.mkdir(exist_ok=True, mode=0o700)
            os.replace(self.temporary, target)
            atomic.fsync_path(target.parent)


def put_file(source: Path | bytes) -> str:
    """Keep a copy of a file or of bytes; returns the hex SHA-256 by which `path_of` finds it.

    Raises: StoreError[store.source_unreadable | store.disk_full | store.read_only | store.write_failed].
    """
    if isinstance(source, bytes):
        digest = hashlib.sha256(source).hexdigest()
        target = _place(digest)
        if not target.exists():
            with atomic.writing(target):
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic.write_atomic(target, source)
        return digest
    if not source.is_file() or not os.access(source, os.R_OK):
        raise StoreError(
            "store.source_unreadable",
            what="this is not a file that can be read",
            where=str(source),
            mend="check the path and its permissions",
        )
    with atomic.writing(_root()):
        _root().mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=_root(), prefix=".put-", suffix=".tmp")
        os.close(descriptor)
        temporary = Path(name)
        try:
            digest = atomic.copy_hashed(source, temporary)
            target = _place(digest)
            if not target.exists():
                target.parent.mkdir(exist_ok=True, mode=0o700)
                os.replace(temporary, target)
                atomic.fsync_path(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    return digest


@contextmanager
def receiving(chunks: Iterable[bytes], limit: int | None = None) -> Iterator[Received]:
    """Bytes as they come, on disk and hashed, but not kept until `keep` is called; else they are gone after the block.

    Raises: StoreError as `put_file` does; TooLarge beyond `limit` bytes.
    """
    with atomic.writing(_root()):
        _root().mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=_root(), prefix=".put-", suffix=".tmp")
        temporary = Path(name)
        try:
            digest, size = hashlib.sha256(), 0
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    if limit is not None and size > limit:
                        raise TooLarge(limit)
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            yield Received(temporary, digest.hexdigest(), size)
        finally:
            temporary.unlink(missing_ok=True)


def drop(sha256: str) -> None:
    """Remove a blob that nothing refers to any more; one that is gone already is fine."""
    _place(sha256).unlink(missing_ok=True)


def is_kept(sha256: str) -> bool:
    """Whether there is a blob of this hash."""
    return _place(sha256).is_file()


def path_of(sha256: str) -> Path:
    """Where the blob lies. Raises: StoreError[store.blob_missing]."""
    path = _place(sha256) if re.fullmatch(r"[0-9a-f]{64}", sha256) else None
    if path is None or not path.is_file():
        raise StoreError(
            "store.blob_missing",
            what=f"no stored file has the hash {sha256[:80]!r}",
            where=str(_root()),
            mend="upload the file again, or restore the data directory from a backup",
        )
    return path


def _root() -> Path:
    return settings.home() / "blobs"


def _place(sha256: str) -> Path:
    return _root() / sha256[:2] / sha256
