"""Text to token ids without letting a message's content forge control tokens.

A user may write `<|im_end|>` in a message; tokenised as a whole, the rendered conversation would then hold a
real end of turn. Here each special string of a content is hidden behind one private-use character while the
template renders, and comes back as ordinary text when the piece around it is tokenised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer

from honekit.errors import DataError

_PRIVATE_USE = range(0xF0000, 0xFFFFE)
"""Supplementary Private Use Area-A: never assigned, touched by no normaliser."""

Shown = dict[int, str]
"""Which character (code point) hides which special string, as `str.translate` takes it."""


class SafeEncoder:
    """Encodes rendered text piece by piece. Only tokens that the template itself wrote become control
    tokens.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        self._added_ids = set(added)
        self._special_ids = {index for index, token in added.items() if token.special}
        self.special_strings = sorted(token.content for token in added.values() if token.special)
        longest_first = sorted(self.special_strings, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._newline = self._ids("\n")
        self._marks_beginnings = self._ids("\na")[len(self._newline) :] != self._ids("a")

    def hide(self, value: Any) -> tuple[Any, Shown]:
        """A copy of JSON-like `value` with every special string in it replaced by one character, and the way
        back.

        The characters do not occur in `value` themselves. Mostly there is nothing to hide: then `value` as it
        is.
        """
        text = "\n".join(_strings(value))
        found = sorted(set(self._special.findall(text)))
        if not found:
            return value, {}
        free = (code for code in _PRIVATE_USE if chr(code) not in text)
        shown = dict(zip(free, found, strict=False))
        hidden = {special: chr(code) for code, special in shown.items()}
        return _replace(value, lambda string: self._special.sub(lambda match: hidden[match[0]], string)), shown

    def encode_pieces(self, pieces: list[str], shown: Shown) -> list[list[int]]:
        """Token ids of each piece, tokenised apart from its neighbours; no BOS or EOS is added."""
        encoded: list[list[int]] = []
        after_text = False
        for piece in pieces:
            ids = self._encode_after(piece, shown, after_text)
            encoded.append(ids)
            if ids:
                after_text = ids[-1] not in self._added_ids
        return encoded

    def _encode_after(self, piece: str, shown: Shown, after_text: bool) -> list[int]:
        """SentencePiece tokenisers put a word mark before the first word of whatever they are given; inside a
        line there is none, so the piece is tokenised behind a line break that is then taken off again.
        """
        if piece and after_text and self._marks_beginnings:
            ids = self._encode("\n" + piece, shown)
            if ids[: len(self._newline)] == self._newline:
                return ids[len(self._newline) :]
        return self._encode(piece, shown)

    def _encode(self, text: str, shown: Shown) -> list[int]:
        """Only the stretches between control tokens that hide something are tokenised a second time."""
        if text.translate(shown) == text:
            return self._ids(text)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: list[int] = []
        run: list[int] = []
        start = 0
        for index, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if index in self._added_ids:
                ids += self._as_text(text[start:begin], run, shown)
                ids.append(index)
                run, start = [], end
            else:
                run.append(index)
        return ids + self._as_text(text[start:], run, shown)

    def _as_text(self, text: str, ids: list[int], shown: Shown) -> list[int]:
        """`ids` as they are, or, where `text` hides special strings, the ids of the text with these spelt
        out.
        """
        spelt = text.translate(shown)
        if spelt == text:
            return ids
        plain = list(self._plain_tokenizer.encode(spelt, add_special_tokens=False).ids)
        if self._special_ids.intersection(plain):
            raise DataError(
                "data.special_token_in_content",
                what="a message contains the text of a special token, which this tokenizer cannot encode as text",
                mend="remove such strings from the message contents",
            )
        return plain

    @cached_property
    def _plain_tokenizer(self) -> Tokenizer:
        """A copy (the setting is the tokenizer's own state) that reads special strings as ordinary text."""
        copy = Tokenizer.from_str(self._tokenizer.to_str())
        copy.encode_special_tokens = True
        return copy

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _replace(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _replace(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(item, change) for item in value]
    return value
