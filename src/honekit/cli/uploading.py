"""Sending a file to the API: in one request or in parts, with a bar when it takes a while, and not a second time."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.cli.connection import document
from honekit.errors import DataError, SettingsError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from openai import AsyncOpenAI

ONE_REQUEST_BYTES = 512 * 1024 * 1024
PART_BYTES = 64 * 1024 * 1024
BAR_AFTER_S = 2.0
FILE_ID = re.compile(r"file-[0-9A-Za-z_-]+")
_CHUNK = 1 << 20

Sent = Callable[[int], None]
"""Told how many bytes of the file are sent."""


async def file_id_of(client: AsyncOpenAI, given: str) -> str:
    """The id of a training file that a user named: an id as it is, a path uploaded, unless its content is there already.

    Raises: SettingsError[cli.no_such_file] for what is neither; DataError[data.unreadable]; faults of the API.
    """
    path = Path(given).expanduser()
    if path.is_file():
        found = await _same_file(client, path)
        return found or str((await upload(client, path, "fine-tune"))["id"])
    if FILE_ID.fullmatch(given):
        return given
    raise SettingsError(
        "cli.no_such_file",
        what=f"{given[:200]!r} is neither a file here nor the id of an uploaded one",
        mend="give a path, or an id that `hone files list` shows",
    )


async def upload(client: AsyncOpenAI, path: Path, purpose: str, expires_after_s: int | None = None) -> dict[str, Any]:
    """Send a file, which may be deleted after some time; returns its description.

    Raises: DataError[data.file_missing | data.unreadable]; faults of the API.
    """
    size = _size(path)
    given: dict[str, Any] = {"purpose": purpose}  # the server says which purposes there are
    if expires_after_s is not None:
        given["expires_after"] = {"anchor": "created_at", "seconds": expires_after_s}
    with _late_bar(path.name, size) as sent:
        if size > ONE_REQUEST_BYTES:
            return await _upload_in_parts(client, path, size, given, sent)
        with _opened(path, sent) as content:
            answer = await client.files.create(file=(path.name, content), **given)
    return document(answer)


async def _upload_in_parts(client: AsyncOpenAI, path: Path, size: int, given: dict[str, Any], sent: Sent) -> dict[str, Any]:
    begun = await client.uploads.create(bytes=size, filename=path.name, mime_type="application/jsonl", **given)
    try:
        parts = []
        digest = hashlib.md5(usedforsecurity=False)
        with open(path, "rb") as file:
            while piece := file.read(PART_BYTES):
                digest.update(piece)
                part = await client.uploads.parts.create(begun.id, data=("part", piece))
                parts.append(part.id)
                sent(file.tell())
        done = document(await client.uploads.complete(begun.id, part_ids=parts, md5=digest.hexdigest()))
    except (Exception, asyncio.CancelledError):
        with suppress(Exception):  # what went wrong first is what counts; the server forgets the upload in an hour
            await client.uploads.cancel(begun.id)
        raise
    file_object: dict[str, Any] = done["file"]
    return file_object


async def _same_file(client: AsyncOpenAI, path: Path) -> str | None:
    """Id of a training file with this name and content. Names and sizes come first: they cost no transfer."""
    size = _size(path)
    if size > ONE_REQUEST_BYTES:
        return None
    async for candidate in client.files.list(purpose="fine-tune"):
        if candidate.filename == path.name and candidate.bytes == size and await _holds(client, candidate.id, path):
            return candidate.id
    return None


async def _holds(client: AsyncOpenAI, file_id: str, path: Path) -> bool:
    with open(path, "rb") as file:
        async with client.files.with_streaming_response.content(file_id) as answer:
            async for chunk in answer.iter_bytes(_CHUNK):
                if chunk != file.read(len(chunk)):
                    return False
        return not file.read(1)


def _size(path: Path) -> int:
    try:
        if path.is_file():
            with open(path, "rb"):
                return path.stat().st_size
        if not path.exists():
            raise DataError("data.file_missing", what="there is no such file", where=str(path), mend="check the path")
        reason = "it is a directory" if path.is_dir() else "it is no plain file"
    except OSError as fault:
        reason = fault.strerror or str(fault)
    raise DataError("data.unreadable", what=f"the file cannot be read: {reason}", where=str(path), mend="check the path")


def _opened(path: Path, sent: Sent) -> io.BufferedReader:
    return io.BufferedReader(_Counting(path, sent), _CHUNK)


class _Counting(io.FileIO):
    """A file that tells how far it was read; the client reads it as it sends, and from the start when it sends again."""

    def __init__(self, path: Path, sent: Sent) -> None:
        super().__init__(path)
        self._sent = sent

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        self._sent(self.tell())
        return count


@contextmanager
def _late_bar(title: str, size: int) -> Iterator[Sent]:
    """A progress bar in megabytes that appears only when the work has not ended after a moment."""
    from honekit.cli.render import Report, progress

    started = time.monotonic()
    bar: Report | None = None
    with ExitStack() as shown:

        def sent(count: int) -> None:
            nonlocal bar
            if bar is None and time.monotonic() - started >= BAR_AFTER_S:
                bar = shown.enter_context(progress(f"{title}, MB", size / 1e6))
            if bar is not None:
                bar(count / 1e6)

        yield sent
