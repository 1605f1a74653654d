"""A journal: JSON lines that are only ever appended, each on the disk before its caller goes on.

Used where a person's or a paid model's work must survive a kill: decisions of `hone data label`, examples of
`hone data generate`. A line that a kill cut off was never acknowledged, so it is dropped at the next start.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from honekit.errors import StoreError
from honekit.store.atomic import fsync_path, writing


class Journal:
    """Opens or begins the journal at `path`; `entries` are those of earlier runs, without the head.

    `head` says what the journal is about. One that was begun with another head is not gone on with.

    Raises: StoreError[store.journal_in_use | store.journal_of_something_else | store.journal_damaged | store.disk_full |
    store.read_only | store.write_failed].
    """

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self._lock = FileLock(f"{path}.lock")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as fault:
                raise StoreError(
                    "store.journal_in_use",
                    what="another process writes this journal",
                    where=str(path),
                    mend="end it first, or name another output with --out",
                ) from fault
            try:
                self._open(head)
            except BaseException:
                self._lock.release()
                raise

    def _open(self, head: dict[str, Any]) -> None:
        known = self.path.read_bytes() if self.path.exists() else b""
        whole = known[: known.rfind(b"\n") + 1]
        if whole:
            self.entries = self._entries_after(head, whole)
        self._file = open(self.path, "ab")  # noqa: SIM115 (open as long as the journal is)
        if len(whole) < len(known):
            self._file.truncate(len(whole))
        if not whole:
            self.append(head)
            fsync_path(self.path.parent)

    def _entries_after(self, head: dict[str, Any], whole: bytes) -> list[dict[str, Any]]:
        try:
            first, *entries = [json.loads(line) for line in whole.splitlines()]
        except ValueError as fault:
            raise StoreError(
                "store.journal_damaged",
                what=f"a line of this journal is not JSON: {fault}",
                where=str(self.path),
                mend="take that line out, or move the file away to begin anew",
            ) from fault
        if first != head:
            changed = ", ".join(key for key in sorted({*first, *head}) if first.get(key) != head.get(key))
            raise StoreError(
                "store.journal_of_something_else",
                what=f"the work in this journal was begun with another {changed}",
                where=str(self.path),
                mend="run the command as it was begun, or name another output with --out",
            )
        return entries

    def append(self, entry: dict[str, Any]) -> None:
        """Write one entry and wait until it is on the disk. Raises: StoreError as on opening."""
        with writing(self.path):
            self._file.write(json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        self._lock.release()
        Path(f"{self.path}.lock").unlink(missing_ok=True)
