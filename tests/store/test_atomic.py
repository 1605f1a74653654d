"""Files and directories are complete or absent."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import safetensors
from tests import kernel
from tests.faults import ended, forked

from honekit.errors import StoreError
from honekit.store.atomic import replace_dir, system_error, verify_dir, write_atomic


@contextmanager
def tiny_files() -> Iterator[None]:
    """The system refuses files over 4 kB, as it does when a disk or a quota is full.

    For the block alone: pytest's own output may go to a file that is longer.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def _checkpoint(folder: Path, content: bytes = b"weights") -> Path:
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(content)
    (folder / "deep" / "b.json").write_text("{}")
    return folder


def test_a_write_replaces_the_whole_content(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "old")
    write_atomic(tmp_path / "a", "né".encode())
    assert (tmp_path / "a").read_text(encoding="utf-8") == "né"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_without_room_the_old_content_stays_and_nothing_is_left_over(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "old")
    with tiny_files(), pytest.raises(StoreError) as caught:
        write_atomic(tmp_path / "a", b"x" * 10_000)
    assert caught.value.code == "store.disk_full"
    assert "bytes free" in caught.value.what
    assert str(tmp_path / "a") == caught.value.where
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "store.disk_full"), (errno.EDQUOT, "store.disk_full"), (errno.EROFS, "store.read_only"),
     (errno.EIO, "store.write_failed")],
)  # fmt: skip
def test_a_failed_sync_is_an_error_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def broken(_descriptor: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreError) as caught:
        write_atomic(tmp_path / "a", "x")
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OSError(errno.ENOSPC, "no space", "/a/b"), "store.disk_full"),
        (OSError(errno.EMFILE, "too many"), "store.too_many_open_files"),
        (OSError(errno.EIO, "broken"), "store.write_failed"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "store.disk_full"),
        (RuntimeError("unable to open file </a/b> in read-only mode: Too many open files (24)"), "store.too_many_open_files"),
        (RuntimeError("unable to open file </a/b> in read-only mode: No such file or directory (2)"), None),
        (ImportError("/a/b.so: cannot open shared object file: Too many open files"), "store.too_many_open_files"),
        (OSError("b.so: cannot open shared object file: Input/output error"), "store.write_failed"),
        (ImportError("b.so: cannot open shared object file: No such file or directory"), None),
        (OSError("no number"), None),
        (FileNotFoundError(errno.ENOENT, "no such file", "/a/b"), None),
        (RuntimeError("anything else"), None),
    ],
)
def test_what_the_system_refuses_is_told_from_faults_of_the_program(tmp_path: Path, fault: Exception, code: str | None) -> None:
    found = system_error(fault, tmp_path)
    assert (found.code if found else None) == code
    if found:
        assert found.where == str(getattr(fault, "filename", None) or tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the words are those of glibc's loader")
def test_a_compiled_module_that_cannot_be_opened_is_told_by_its_cause(tmp_path: Path) -> None:
    library = shutil.copy(safetensors._safetensors_rust.__file__, tmp_path / "copied.so")

    def work() -> int:
        kernel.no_more_descriptors()
        try:
            ctypes.CDLL(library)
        except OSError as fault:
            found = system_error(fault, tmp_path)
            return 0 if found and found.code == "store.too_many_open_files" else 1
        return 2

    assert ended(forked(work)) == 0


def test_a_directory_gets_its_name_and_verifies(tmp_path: Path) -> None:
    replace_dir(_checkpoint(tmp_path / "tmp"), tmp_path / "out" / "step-1")
    assert verify_dir(tmp_path / "out" / "step-1")
    assert not (tmp_path / "tmp").exists()


def test_an_older_directory_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    replace_dir(_checkpoint(tmp_path / "one", b"1"), tmp_path / "final")
    replace_dir(_checkpoint(tmp_path / "two", b"2"), tmp_path / "final")
    assert (tmp_path / "final" / "a.bin").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest", "no manifest", "absent"])
def test_a_damaged_directory_does_not_verify(tmp_path: Path, damage: str) -> None:
    final = tmp_path / "final"
    replace_dir(_checkpoint(tmp_path / "tmp"), final)
    match damage:
        case "flip":
            (final / "a.bin").write_bytes(b"weightS")
        case "truncate":
            (final / "a.bin").write_bytes(b"w")
        case "remove":
            (final / "deep" / "b.json").unlink()
        case "manifest":
            (final / "manifest.json").write_text('{"files": {}}')
        case "no manifest":
            (final / "manifest.json").unlink()
        case "absent":
            final = tmp_path / "elsewhere"
    assert not verify_dir(final)


def test_a_directory_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    final = tmp_path / "final"
    replace_dir(_checkpoint(tmp_path / "one"), final)
    two = _checkpoint(tmp_path / "two")
    for number in range(40):
        (two / f"with-a-long-name-{number:04}.bin").write_bytes(b"x")
    with tiny_files(), pytest.raises(StoreError):
        replace_dir(two, final)  # the manifest does not fit
    assert verify_dir(final)


def test_a_kill_at_any_moment_leaves_a_verified_directory_or_none(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from honekit.store.atomic import replace_dir\n"
        "root = Path(sys.argv[1]); number = 0; print('ready', flush=True)\n"
        "while True:\n"
        "    number += 1; tmp = root / f'tmp-{number}'; tmp.mkdir()\n"
        "    for part in range(4): (tmp / f'{part}.bin').write_bytes(str(number).encode() * 20_000)\n"
        "    replace_dir(tmp, root / f'step-{number}')\n"
    )
    total = 0
    for delay_s in (0.02, 0.05, 0.09):
        root = tmp_path / str(delay_s)
        root.mkdir()
        worker = subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(delay_s)
        worker.kill()
        worker.wait()
        worker.stdout.close()
        finished = list(root.glob("step-*"))
        assert all(verify_dir(folder) for folder in finished)
        total += len(finished)
    assert total > 0
