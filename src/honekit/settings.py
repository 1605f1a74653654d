"""Where Hone keeps its state, and the few settings that are not part of a project.

Order of precedence: command-line flag, `HONE_*` variable, `hone.toml`, default. This module reads the variables.
It imports nothing heavy, because every command starts with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from honekit.errors import SettingsError

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[str, ...] = get_args(Device)


def home() -> Path:
    """The data directory: `HONE_HOME`, else the platform's user data directory. Created with mode 0700.

    A whole path, since what is kept names files in it, and is read from other working directories.
    """
    import platformdirs

    given = os.environ.get("HONE_HOME")
    path = Path(given).expanduser() if given else Path(platformdirs.user_data_dir("hone", appauthor=False))
    path = Path(os.path.abspath(path))
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise SettingsError(
            "settings.home_unusable",
            what=f"the data directory cannot be created: {fault.strerror}",
            where=str(path),
            mend="set HONE_HOME to a directory that you can write to",
        ) from fault
    return path


def database_url() -> str:
    """`HONE_DATABASE_URL`, else SQLite in the data directory."""
    return os.environ.get("HONE_DATABASE_URL") or f"sqlite:///{home() / 'hone.db'}"


def local_project() -> str:
    """Whose files and jobs commands without a server see: `HONE_PROJECT`, else `default`."""
    return os.environ.get("HONE_PROJECT") or "default"


def device() -> str | None:
    """What computes where nothing else is said: `HONE_DEVICE`, which `--device` sets for all that a command starts."""
    return os.environ.get("HONE_DEVICE") or None


def require_device(name: str, where: str) -> None:
    """Raises: SettingsError[settings.device] for a name that is no `Device`."""
    if name not in DEVICES:
        raise SettingsError(
            "settings.device", what=f"there is no device {name!r}", where=where, mend=f"use one of {', '.join(DEVICES)}"
        )


def worker_idle_s() -> float:
    """How long a server's worker process waits for another job before it ends: `HONE_WORKER_IDLE_S`, else ten minutes.

    0: each job gets a process of its own. Raises: SettingsError[settings.worker_idle].
    """
    given = os.environ.get("HONE_WORKER_IDLE_S") or "600"
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingsError(
            "settings.worker_idle",
            what=f"{given[:80]!r} is no number of seconds",
            where="HONE_WORKER_IDLE_S",
            mend="give the seconds that an idle worker is kept, such as 600, or 0 for a new one for each job",
        )
    return seconds


def python_graders_allowed() -> bool:
    """Whether an administrator lets requests bring Python graders, which are code: `HONE_PYTHON_GRADERS=1`."""
    return os.environ.get("HONE_PYTHON_GRADERS") == "1"


@dataclass(frozen=True)
class JudgeEndpoint:
    """Another server of OpenAI's API, and the models there that graders may ask."""

    url: str
    models: frozenset[str]
    key: str = field(default="", repr=False)


def judge_endpoint() -> JudgeEndpoint | None:
    """`HONE_JUDGE_URL`, `HONE_JUDGE_MODELS` (names, with commas between) and `HONE_JUDGE_KEY`; None without the first two.

    Raises: SettingsError[settings.judge] when one of the first two is missing, or the address is none.
    """
    url = os.environ.get("HONE_JUDGE_URL", "").strip().rstrip("/")
    models = frozenset(filter(None, map(str.strip, os.environ.get("HONE_JUDGE_MODELS", "").split(","))))
    if not url and not models:
        return None
    if not url.startswith(("http://", "https://")) or not models:
        raise SettingsError(
            "settings.judge",
            what="HONE_JUDGE_URL and HONE_JUDGE_MODELS belong together: the address of an API, and the models to ask there",
            where="HONE_JUDGE_MODELS" if url.startswith(("http://", "https://")) else "HONE_JUDGE_URL",
            mend="set both, such as https://api.example.com/v1 and big-judge,small-judge, or neither",
        )
    return JudgeEndpoint(url, models, os.environ.get("HONE_JUDGE_KEY", "").strip())


def examples_dir() -> Path:
    """The bundled example projects: inside the installed package, or beside `src` in a checkout."""
    packaged = Path(__file__).parent / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "examples"
