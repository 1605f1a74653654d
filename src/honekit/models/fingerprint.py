"""Short names for content: two things with the same fingerprint are the same for every result that Hone
records.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from honekit import settings
from honekit.errors import ModelError

DIGITS = 16
"""Hex digits kept of a sha256."""

_BOOKKEEPING = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache"}
"""Entries of config.json that change no output. (The dtype of a run is chosen by measurement, not by the
file.)
"""


def fingerprint_text(text: str) -> str:
    """16 hex digits of the sha256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def fingerprint_json(value: Any) -> str:
    """Fingerprint of a JSON-like value; the order of keys does not matter."""
    return fingerprint_text(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def fingerprint_base(path: Path) -> str:
    """Fingerprint of a base model: all weights, and the config entries that decide what it computes.

    Hashing 0.27 GB takes under a second; the digests are kept in the data directory by size and modification
    time.
    """
    files = sorted(path.glob("*.safetensors"))
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, "config.json") from error
    if not files or not isinstance(config, dict):
        raise _unreadable(path, "its .safetensors files")
    kept = {key: value for key, value in config.items() if key not in _BOOKKEEPING}
    digests = _digests(path, files)
    return fingerprint_json({"config": kept, "weights": [digests[file.name] for file in files]})


def fingerprint_adapter(directory: Path) -> str:
    """Fingerprint of an adapter: its weights and the settings that say how they are applied."""
    files = [directory / "adapter_model.safetensors", directory / "adapter_config.json"]
    if not all(file.is_file() for file in files):
        raise _unreadable(directory, "adapter_model.safetensors and adapter_config.json")
    return fingerprint_json([_sha256(file) for file in files])


def _digests(path: Path, files: list[Path]) -> dict[str, str]:
    """sha256 of each file by name, from the sidecar as far as size and time are the same."""
    sidecar = settings.home() / "fingerprints" / f"{fingerprint_text(str(path.resolve()))}.json"
    known = _read(sidecar)
    stamps = {file.name: [(stat := file.stat()).st_size, stat.st_mtime_ns] for file in files}
    entries = {}
    for file in files:
        entry = known.get(file.name)
        if not (isinstance(entry, dict) and entry.get("stamp") == stamps[file.name]):
            entry = {"stamp": stamps[file.name], "sha256": _sha256(file)}
        entries[file.name] = entry
    if entries != known:
        _write(sidecar, entries)
    return {name: str(entry["sha256"]) for name, entry in entries.items()}


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read(sidecar: Path) -> dict[str, Any]:
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(sidecar: Path, entries: dict[str, Any]) -> None:
    """The sidecar only saves time: where it cannot be written the result is the same."""
    try:
        sidecar.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=sidecar.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        os.replace(name, sidecar)
    except OSError:
        return


def _unreadable(path: Path, part: str) -> ModelError:
    return ModelError(
        "model.incomplete",
        what=f"the model cannot be identified: {part} cannot be read",
        where=str(path),
        mend="give a complete model or adapter directory",
    )
