"""Tokens back to text as they come, with stop strings held back until it is clear that they are none."""

from __future__ import annotations

import re
from functools import lru_cache

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from honekit.chat.call_reader import CallReader, Piece


class TextStream:
    """Decodes one answer token by token.

    `push` returns the text that is safe to show: neither half a character nor the beginning of a stop string. Where `calls`
    reads calls out of the answer, a stop string counts in its text and in the arguments of calls, not in what frames these.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...], calls: CallReader | None = None) -> None:
        self._tokenizer, self._stream = tokenizer, DecodeStream(skip_special_tokens=True)
        self._stops = _Stops(tuple(s for s in stop if s))
        self._calls = calls if self._stops.strings else None
        self._held, self._released = "", 0
        self.stopped = False

    def push(self, token_id: int) -> str:
        """Text that this token makes certain; sets `stopped` when a stop string was completed."""
        text = self._stream.step(self._tokenizer, token_id) or ""
        self._held += text
        pieces = self._calls.push(text) if self._calls else [Piece("text", text, self._released + len(self._held) - len(text))]
        return self._look(pieces, self._calls.at if self._calls else self._released + len(self._held))

    def end(self) -> str:
        """What was held back, once the answer is over without a stop string."""
        if self.stopped:
            return ""
        text = self._look(self._calls.end(), self._released) if self._calls else ""
        return text if self.stopped else text + self._release(len(self._held))

    def _look(self, pieces: list[Piece], certain: int) -> str:
        """`certain`: where what may still turn out to frame a call begins."""
        for piece in pieces:
            if piece.kind != "call" and self._stops.push(piece.text, piece.at):
                self.stopped = True
                return self._release(self._stops.at - self._released)
        # Behind other text the beginning of a stop string is none.
        may_go_on = self._stops.at + len(self._stops.begun) == certain
        return self._release(max(0, (self._stops.at if may_go_on else certain) - self._released))

    def _release(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._released += len(text)
        return text


class _Stops:
    """Looks for stop strings in texts that come in parts, each with its place in the answer."""

    def __init__(self, strings: tuple[str, ...]) -> None:
        self.strings = strings
        self.begun, self.at = "", 0
        """The beginning of a stop string at the end of what came, or nothing, and its place; once one is found, that's."""

    def push(self, text: str, at: int) -> bool:
        """Whether this completes a stop string. A text that does not stand right behind the one before begins anew."""
        if at != self.at + len(self.begun):
            self.begun, self.at = "", at
        text = self.begun + text
        cut = min((found for s in self.strings if (found := text.find(s)) >= 0), default=-1)
        begun = len(text) - cut if cut >= 0 else self._open(text)
        self.at += len(text) - begun
        self.begun = text[len(text) - begun :]
        return cut >= 0

    def _open(self, text: str) -> int:
        longest = min(max(map(len, self.strings), default=1) - 1, len(text))
        return next((n for n in range(longest, 0, -1) if any(s.startswith(text[-n:]) for s in self.strings)), 0)


@lru_cache(maxsize=1)
def _bytes_of_symbols() -> dict[str, int]:
    """The byte-level BPE alphabet, by its definition: printable Latin-1 stands for itself, the rest from U+0100 on."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(byte): byte for byte in visible}
    return table | {chr(256 + i): byte for i, byte in enumerate(b for b in range(256) if b not in set(visible))}


_BYTE = re.compile("<0x([0-9A-F]{2})>")


def token_bytes(tokenizer: Tokenizer, token_id: int) -> bytes:
    """The bytes that a token stands for in the middle of a text; none where it is a control token."""
    # Behind another: some tokenizers take the blank away with which a text begins.
    text = tokenizer.decode([token_id, token_id])[len(tokenizer.decode([token_id])) :]
    symbol, decoder = tokenizer.id_to_token(token_id) or "", repr(tokenizer.decoder)
    if not text:
        return b""
    if "ByteFallback" in decoder and (byte := _BYTE.fullmatch(symbol)):
        return bytes([int(byte[1], 16)])
    table = _bytes_of_symbols() if "ByteLevel" in decoder else {}
    if symbol and all(character in table for character in symbol):
        return bytes(table[character] for character in symbol)
    return text.encode()
