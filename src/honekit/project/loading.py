"""Read a `hone.toml`, and tell every fault in it at once."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from honekit.base_name import absolute
from honekit.errors import SettingsError
from honekit.project.project import Project, reason


def load_project(path: Path) -> Project:
    """Read `hone.toml` (or the folder that holds it); report every fault in it at once.

    Raises: SettingsError[settings.project_missing | settings.toml_syntax | settings.project_invalid].
    """
    file = path / "hone.toml" if path.is_dir() else path
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise _missing(path, file) from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        raise _unreadable(file, fault) from fault
    try:
        project = Project.model_validate({**raw, "root": file.parent.resolve()})
    except ValidationError as fault:
        faults = _faults(fault, raw)
    else:
        # What does not lie beside hone.toml may lie where the command was called.
        return project.with_recipe(base=absolute(absolute(project.train.base, project.root), Path.cwd()))
    # Not raised from pydantic's error: that keeps a validator's own, and so all frames, where no collection of garbage looks.
    raise SettingsError(
        "settings.project_invalid",
        what="hone.toml does not fit:\n" + "\n".join(f"    {line}" for line in faults),
        where=str(file),
        mend="mend the named keys; `hone init --example` prints a commented hone.toml",
    )


def _missing(path: Path, file: Path) -> SettingsError:
    mend = "run `hone init NEW_FOLDER --from YOUR_FILE`, or name the folder of a project"
    if path.is_dir():
        return SettingsError("settings.project_missing", what="there is no hone.toml here", where=str(file), mend=mend)
    folders = [found.parent.name for found in path.parent.glob("*/hone.toml")]
    near = difflib.get_close_matches(path.name, folders, n=1)
    question = f"did you mean {path.parent / near[0]}? " if near else ""
    return SettingsError(
        "settings.project_missing", what="there is no such folder or file", where=str(path), mend=question + mend
    )


def _unreadable(file: Path, fault: tomllib.TOMLDecodeError | UnicodeDecodeError | OSError) -> SettingsError:
    mend = "mend that line"
    if isinstance(fault, OSError):
        mend = "put a file there that you may read; `hone init --example` prints one"
    elif file.suffix != ".toml":
        mend = f"name a folder with a hone.toml; `hone init NEW_FOLDER --from {file}` makes one of a file with examples"
    elif isinstance(fault, UnicodeDecodeError):
        mend = "save the file as UTF-8"
    return SettingsError("settings.toml_syntax", what=f"{file.name} cannot be read: {reason(fault)}", where=str(file), mend=mend)


def _faults(fault: ValidationError, raw: dict[str, Any]) -> list[str]:
    lines = []
    for error in fault.errors():
        location = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = "unknown key" + _nearest(str(error["loc"][-1]), error["loc"][:-1])
        lines.append(f"{location}: {message}" if location else message)
    return lines


def _nearest(key: str, parents: tuple[int | str, ...]) -> str:
    model: Any = Project
    for part in parents:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return ""
    close = difflib.get_close_matches(key, model.model_fields, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; allowed: {', '.join(model.model_fields)}"
