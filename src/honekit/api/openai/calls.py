"""From the text of a choice to what it says and what it calls."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal, cast

from honekit.api.openai.chat_schema import AnsweredCall, AnsweredFunction

if TYPE_CHECKING:
    from honekit.api.openai.shapes import Shape
    from honekit.chat.call_reader import Piece


class CallWriter:
    """One choice as it grows: its content and the calls in it. Without tools everything is content."""

    def __init__(self, shape: Shape) -> None:
        self._reader = shape.reader() if shape.reader else None
        self._named = shape.named
        self._text: list[str] = []
        self.made: list[AnsweredCall] = []
        self.finish_reason: Literal["stop", "length", "tool_calls"] | None = None

    @property
    def may_call(self) -> bool:
        """Whether what comes may be a call, so that text may be held back."""
        return self._reader is not None

    @property
    def content(self) -> str | None:
        """What was said; None when there is nothing but calls, be it one that was cut before its name."""
        called = self.made or (self._reader is not None and self._reader.cut_call)
        return "".join(self._text) or (None if called else "")

    def take(self, text: str, finish_reason: str | None) -> list[dict[str, Any]]:
        """The deltas that this text, and the answer's end if it is one, make certain."""
        deltas: list[dict[str, Any]] = []
        if self._reader is None:
            self._text.append(text)
            deltas += [{"content": text}] if text else []
        else:
            deltas += [self._delta(piece) for piece in self._reader.push(text)]
            if finish_reason is not None:
                deltas += [self._delta(piece) for piece in self._reader.end(cut=finish_reason == "length")]
        if finish_reason is not None:
            # By a stop string that stands in it.
            broken = self._reader is not None and self._reader.broken_call
            called = finish_reason == "stop" and self.made and not self._named and not broken
            self.finish_reason = "tool_calls" if called else cast(Literal["stop", "length"], finish_reason)
        return deltas

    def _delta(self, piece: Piece) -> dict[str, Any]:
        if piece.kind == "text":
            self._text.append(piece.text)
            return {"content": piece.text}
        if piece.kind == "call":
            self.made.append(
                AnsweredCall(id="call_" + secrets.token_hex(12), function=AnsweredFunction(name=piece.text, arguments=""))
            )
            return {"tool_calls": [{"index": len(self.made) - 1, **self.made[-1].model_dump()}]}
        self.made[-1].function.arguments += piece.text
        return {"tool_calls": [{"index": len(self.made) - 1, "function": {"arguments": piece.text}}]}
