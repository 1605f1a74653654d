"""Texts that no column keeps: PostgreSQL has no NUL in text, so SQLite is not given one either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from honekit.errors import StoreError


class NulRefused(StoreError):
    """A value with a NUL was to be kept, or to be looked for, in a column of text."""

    text = ""
    """The value; empty once the error has crossed a process."""


def refuse_nul(_connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool) -> None:
    """A listener of SQLAlchemy's `before_cursor_execute`. JSON passes: it writes a NUL as an escape.

    Raises: NulRefused[store.nul].
    """
    for row in parameters if many else [parameters]:
        values: Iterable[Any] = row.values() if isinstance(row, dict) else row
        for value in values:
            if isinstance(value, str) and "\0" in value:
                fault = NulRefused(
                    "store.nul",
                    what="a text holds the character NUL, which the database does not keep",
                    where=repr(value[:80]),
                    mend="take the character out",
                )
                fault.text = value
                raise fault
