"""Calls of functions, read out of an answer as it comes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from honekit.chat.tools import CallForm


@dataclass(frozen=True)
class Piece:
    """A part of an answer: text, the beginning of a call (its function's name), or a part of that call's arguments."""

    kind: Literal["text", "call", "arguments"]
    text: str
    at: int = field(default=0, compare=False)
    """Where it begins in the answer; of a call, what frames it behind the opener."""


class CallReader:
    """Reads calls out of an answer as it is written.

    `push` returns what is certain. White space around calls belongs to them; what frames a name and its arguments never shows.
    """

    def __init__(self, form: CallForm, *, only_first: bool = False) -> None:
        """`only_first`: calls stand at the beginning of an answer or nowhere (the rest of it may quote the opener)."""
        self._form, self._only_first = form, only_first
        self._name = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]*)"')
        self._head = re.compile(self._name.pattern + r'\s*,\s*"' + re.escape(form.key) + r'"\s*:\s*(?=\{)')
        self._held = ""
        self.at = 0
        """Where what is held back begins in the answer."""
        self._state: Literal["text", "head", "arguments", "tail"] = "text"
        self._depth, self._quoted, self._escaped = 0, False, False
        self._text_shown = self._after_call = False
        self.cut_call = False
        """After `end`: a call had begun of which there is nothing to show."""
        self.broken_call = False
        """After `end`: a call shows that is not whole."""

    def push(self, text: str) -> list[Piece]:
        """What this much more text makes certain."""
        self._held += text
        pieces: list[Piece] = []
        while True:
            state = self._state
            pieces += {"text": self._text, "head": self._begin, "arguments": self._arguments, "tail": self._tail}[state]()
            if self._state == state:
                return pieces

    def end(self, *, cut: bool = False) -> list[Piece]:
        """What was held back, once nothing follows. `cut`: the answer might have gone on, so an opener may have begun.

        Of a call that ends before its arguments the name is given, where it is whole.
        """
        held, self._held = self._held, ""
        if self._state == "text":
            opening = self._opening(held) if cut else 0
            self.cut_call = opening > 0
            held = held[: len(held) - opening].rstrip() if opening else held
            return [Piece("text", held, self.at)] if held else []
        name = self._name.match(held) if self._state == "head" else None
        self.cut_call = self._state == "head" and name is None
        self.broken_call = self._state == "arguments" or name is not None
        return [Piece("call", name[1], self.at)] if name else []

    def _text(self) -> list[Piece]:
        if self._after_call:
            self._take(len(self._held) - len(self._held.lstrip()))
        at = self._held.find(self._form.opener)
        if self._only_first and (self._text_shown or (at > 0 and self._held[:at].strip())):
            return self._show(len(self._held))
        if at >= 0:
            start, before = self.at, self._held[:at].rstrip()
            self._take(at + len(self._form.opener))
            self._state = "head"
            return [Piece("text", before, start)] if before else []
        return self._show(len(self._held[: len(self._held) - self._opening(self._held)].rstrip()))

    def _opening(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of an opener."""
        lengths = range(min(len(self._form.opener) - 1, len(text)), 0, -1)
        return next((length for length in lengths if self._form.opener.startswith(text[-length:])), 0)

    def _show(self, length: int) -> list[Piece]:
        start, shown = self.at, self._take(length)
        if shown:
            self._text_shown, self._after_call = True, False
        return [Piece("text", shown, start)] if shown else []

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        self.at += length
        return taken

    def _begin(self) -> list[Piece]:
        head = self._head.match(self._held)
        if head is None:
            return []
        start = self.at
        self._take(head.end())
        self._state, self._depth = "arguments", 0
        return [Piece("call", head[1], start)]

    def _arguments(self) -> list[Piece]:
        for index, character in enumerate(self._held):
            if self._quoted:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._quoted = False
            elif character == '"':
                self._quoted = True
            else:
                self._depth += (character in "{[") - (character in "}]")
                if self._depth == 0 and character == "}":
                    start = self.at
                    self._state = "tail"
                    return [Piece("arguments", self._take(index + 1), start)]
        start, piece = self.at, self._take(len(self._held))
        return [Piece("arguments", piece, start)] if piece else []

    def _tail(self) -> list[Piece]:
        at = self._held.find(self._form.closer)
        if at < 0:
            return []
        self._take(at + len(self._form.closer))
        self._state, self._after_call = "text", True
        return []
