"""What a user calls a base model: the embedded one's id, a Hub id (`owner/name[@revision]`), or a directory."""

from __future__ import annotations

from pathlib import Path

EMBEDDED = "smollm2-135m"
"""The base that needs no Hub: it comes with the other dependencies. It is meant whatever else has this name."""


def is_path(ref: str) -> bool:
    """Whether `ref` is spelled as a path, be there something or not."""
    return ref.startswith(("/", ".", "~"))


def is_directory(ref: str, folder: Path) -> bool:
    """Whether `ref` means a directory: it is spelled as a path, or something of that name lies in `folder`."""
    return bool(ref) and ref != EMBEDDED and (is_path(ref) or (folder / ref).exists())


def absolute(ref: str, folder: Path) -> str:
    """`ref` as it means the same base from every working directory: a directory, given relative to `folder`, as a whole path."""
    return str((folder / Path(ref).expanduser()).resolve()) if is_directory(ref, folder) else ref
