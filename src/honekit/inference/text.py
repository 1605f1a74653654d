"""Tokens back to text as they come, with stop strings held back until it is clear that they are none."""

from __future__ import annotations

import re
from functools import lru_cache

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class TextStream:
    """Decodes one answer token by token.

    `push` returns the text that is safe to show: neither half a character nor the beginning of a stop string.
    """

    def __init__(self, tokenizer: Tokenizer, stop: tuple[str, ...]) -> None:
        self._tokenizer, self._stop = tokenizer, tuple(s for s in stop if s)
        self._stream = DecodeStream(skip_special_tokens=True)
        self._held = ""
        self.stopped = False

    def push(self, token_id: int) -> str:
        """Text that this token makes certain; sets `stopped` when a stop string was completed."""
        self._held += self._stream.step(self._tokenizer, token_id) or ""
        cut = min((at for s in self._stop if (at := self._held.find(s)) >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
            return self._release(cut)
        return self._release(len(self._held) - self._open_stop())

    def end(self) -> str:
        """What was held back, once the answer is over without a stop string."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        return text

    def _open_stop(self) -> int:
        longest = min(max(map(len, self._stop), default=1) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if any(s.startswith(self._held[-n:]) for s in self._stop)), 0)


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
