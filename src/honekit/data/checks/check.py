"""How a check looks: it sees every readable record once, in order, and may say more when the file is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from honekit.data.chat import ChatExample
from honekit.data.lines import Finding


@dataclass(frozen=True)
class CheckOptions:
    """What the user gave beside the file itself."""

    validation: Path | None = None
    test: Path | None = None
    base: str | None = None
    """The id of a base model, for lengths in its own tokens."""
    names: str | None = None
    """A spaCy pipeline that recognises names of persons (`en_core_web_sm`)."""


class Check(Protocol):
    """One check over one file. What it remembers must stay small at any file size, or be spilled to disk."""

    name: str
    """In users' words, for what is said of its time."""

    def see(self, example: ChatExample) -> Iterable[Finding]:
        """Findings that this record alone, or against those before it, gives."""

    def finish(self) -> Iterable[Finding]:
        """Findings that need the whole file; `line` is that of the record concerned, 0 for the file as such."""
