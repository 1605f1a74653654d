"""Errors that a user can mend: a stable code, what is wrong, where, and what to do about it.

Every module raises these at its edges; the command line, the control API and the OpenAI surface each render
them in their own way. Anything that is not a `HoneError` is a bug in Hone.
"""

from __future__ import annotations

from typing import Any


class HoneError(Exception):
    """A fault with its remedy.

    `code` is dotted and stable (`data.json_syntax`): tests and scripts match it, never the prose.
    `where` names file, line and field as far as they are known. Picklable, since it crosses worker processes.
    """

    def __init__(self, code: str, *, what: str, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(code, what, where, mend)
        self.code = code
        self.what = what
        self.where = where
        self.mend = mend

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.code, self.what, self.where, self.mend))

    def __str__(self) -> str:
        lines = [f"{self.what} [{self.code}]"]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.mend:
            lines.append(f"  mend:  {self.mend}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | None]:
        """The same four fields as JSON-ready values, for `--json` and for job records."""
        return {"code": self.code, "what": self.what, "where": self.where, "mend": self.mend}


def _rebuild(cls: type[HoneError], code: str, what: str, where: str | None, mend: str | None) -> HoneError:
    return cls(code, what=what, where=where, mend=mend)


class SettingsError(HoneError):
    """A setting, a flag or `hone.toml` is wrong."""


class DataError(HoneError):
    """Training, validation, test or knowledge files are wrong."""


class ModelError(HoneError):
    """A base model or an adapter is missing, broken, or not the one that is needed."""


class TrainError(HoneError):
    """A training job cannot start, or ended without a usable model."""


class EvalError(HoneError):
    """An evaluation cannot be run or its records do not belong together."""


class GraderError(HoneError):
    """A grader is wrong, or may not run here."""


class RegistryError(HoneError):
    """A model version or an alias is unknown or may not be changed."""


class ServeError(HoneError):
    """A request to the served model cannot be answered."""


class StoreError(HoneError):
    """The database or the blob store failed: full disk, lost permission, damaged file."""
