"""Files and directories that are complete or absent, whatever happens in between: `kill -9`, a full disk, a power cut.

The order is always: temporary name on the same file system, write, fsync, rename, fsync the parent directory.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from honekit.errors import StoreError

MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
_NUMBER_OF = {os.strerror(number): number for number in sorted(_FULL | _READ_ONLY | _TOO_MANY | {errno.EIO})}
_NAMED = re.compile("|".join(f"{re.escape(name)}(?= \\((?:os error )?{number}\\))" for name, number in _NUMBER_OF.items()))
"""The system's errors as libraries in Rust, and torch, write them into their own: the name and behind it the number."""
_OF_LOADER = re.compile(rf"(?<=shared object file: )(?:{'|'.join(map(re.escape, _NUMBER_OF))})$")
"""As the dynamic loader writes them, when a compiled module or a library cannot be opened."""


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part. Text is UTF-8.

    Raises: StoreError[store.disk_full | store.read_only | store.write_failed].
    """
    with writing(path), _temporary_beside(path) as temporary:
        data = content.encode() if isinstance(content, str) else content
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_path(path.parent)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece; it takes its name when the block ends well, and is gone when it does not.

    Raises: StoreError[store.disk_full | store.read_only | store.write_failed].
    """
    with writing(path), _temporary_beside(path) as temporary:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_path(path.parent)


def replace_dir(tmp_dir: Path, final_dir: Path) -> None:
    """Give the finished directory `tmp_dir` its final name, with a manifest of its files' SHA-256.

    The manifest is written last, so a directory without a right one was never finished. An older `final_dir` is
    put aside first; a crash between the two renames leaves no `final_dir`, which readers treat as absent.

    Raises: StoreError[store.disk_full | store.read_only | store.write_failed].
    """
    with writing(final_dir):
        write_manifest(tmp_dir)
        final_dir.parent.mkdir(parents=True, exist_ok=True)
        aside = final_dir.with_name(f".{final_dir.name}.old-{secrets.token_hex(4)}")
        while True:
            with contextlib.suppress(FileNotFoundError):
                os.rename(final_dir, aside)
            try:
                os.rename(tmp_dir, final_dir)
                break
            except OSError as fault:
                # Somebody else, such as a worker that was taken for dead, has just put one there.
                if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                aside = aside.with_name(f"{aside.name}x")
        fsync_path(final_dir.parent)
        for left_over in final_dir.parent.glob(f".{final_dir.name}.old-*"):
            shutil.rmtree(left_over, ignore_errors=True)


def write_manifest(directory: Path) -> None:
    """Write `manifest.json` with the hashes of all files below `directory`, and force everything there to the disk.

    A power cut may leave the manifest and not what it names, which `verify_dir` notices.
    """
    manifest = directory / MANIFEST
    below = sorted(path for path in directory.rglob("*") if path != manifest)
    # Side by side, since most of it is waiting: for the disk, and for each other.
    with ThreadPoolExecutor(8) as pool:
        syncs = [pool.submit(fsync_path, path) for path in below]
        files = {
            path.relative_to(directory).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
            for path in below
            if path.is_file()
        }
        manifest.write_text(json.dumps({"files": files}, indent=1), encoding="utf-8")
        syncs += [pool.submit(fsync_path, path) for path in (manifest, directory)]
        for sync in syncs:
            sync.result()


def verify_dir(directory: Path) -> bool:
    """True when every file of the manifest is there with its SHA-256. Files that it does not name are ignored."""
    try:
        files = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["files"]
        return bool(files) and all(sha256_of(directory / name) == entry["sha256"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_path(path: Path) -> None:
    """Force a file or a directory entry to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_all(paths: Sequence[Path]) -> None:
    """`fsync_path` for several side by side: they share the waits, which are most of what it costs."""
    with ThreadPoolExecutor(min(8, max(1, len(paths)))) as pool:
        for _ in pool.map(fsync_path, paths):
            pass


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says while `path` is written into a StoreError with its remedy."""
    try:
        yield
    except OSError as fault:
        raise write_error(fault, path) from fault


def write_error(fault: OSError, path: Path) -> StoreError:
    """What the operating system said while `path` was written, with its remedy."""
    from honekit.store.database import free_space

    if fault.errno in _FULL:
        return StoreError(
            "store.disk_full",
            what=f"there is no room left for this file: {fault.strerror} ({free_space(path.parent)})",
            where=str(path),
            mend="free some space (or raise the quota), then run the same command again; nothing half is left",
        )
    if fault.errno in _READ_ONLY:
        return StoreError(
            "store.read_only",
            what=f"this file may not be written: {fault.strerror}",
            where=str(path),
            mend="give yourself write permission there, or set HONE_HOME to a directory that you can write to",
        )
    if fault.errno in _TOO_MANY:
        return StoreError(
            "store.too_many_open_files",
            what=f"this file could not be opened: {fault.strerror}",
            where=str(path),
            mend="raise the limit of open files (`ulimit -n`) or end other programs, then run the same command again",
        )
    return StoreError(
        "store.write_failed",
        what=f"this file could not be written: {fault.strerror or fault}",
        where=str(path),
        mend="check that the folder exists and the disk is healthy, then run the same command again",
    )


def system_error(fault: BaseException, folder: Path) -> StoreError | None:
    """The error with its remedy when the operating system refused to read or write below `folder`; None for other faults.

    A file that is missing is none of these: that is a fault of the program. Other languages say the error in their text.
    """
    if isinstance(fault, OSError) and fault.errno is not None:
        number, strerror, name = fault.errno, fault.strerror, fault.filename
    elif found := _NAMED.search(str(fault)) or _OF_LOADER.search(str(fault)):
        number, strerror, name = _NUMBER_OF[found[0]], found[0], None
    else:
        return None
    if number not in _FULL | _READ_ONLY | _TOO_MANY | {errno.EIO}:
        return None
    return write_error(OSError(number, strerror), Path(os.fsdecode(name)) if isinstance(name, str | bytes) else folder)


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def copy_hashed(source: Path, target: Path) -> str:
    """Copy a file, fsync the copy and return its hex SHA-256; one pass over the data."""
    digest = hashlib.sha256()
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()
