"""Log-probabilities as POST /v1/completions shows them: lists side by side, one entry a token."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from honekit.api.openai.choices import LEAST_LOGPROB

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from honekit.api.openai.chat_schema import TokenLogprob
    from honekit.inference.requests import Scored


class TokenList(BaseModel):
    """`text_offset` counts characters of the choice's own text. The first token of an echoed prompt has no probability."""

    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None
    """The likeliest tokens and the one that was taken; null when none were asked for."""
    text_offset: list[int] = []


class TokenListWriter:
    """The tokens of one choice, as they become certain."""

    def __init__(self, tokenizer: Tokenizer, top: int) -> None:
        self._tokenizer, self._top = tokenizer, top
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._length = 0
        self._fresh = self._empty()
        self.whole = self._empty()

    def prompt(self, ids: Sequence[int], scored: Sequence[Scored]) -> None:
        """An echoed prompt, before anything else; `scored` starts with the second token."""
        from honekit.inference.text import token_bytes

        def written(index: int) -> bytes:  # in a prompt control tokens are written out
            return token_bytes(self._tokenizer, index) or self._tokenizer.decode([index], skip_special_tokens=False).encode()

        self._add(written(ids[0]), None, [])
        for entry in scored:
            self._add(written(entry.token_id), entry.logprob, [(_name(written(index)), logprob) for index, logprob in entry.top])

    def take(self, certain: Sequence[TokenLogprob]) -> TokenList:
        """What to show with a piece of text: its tokens, and those of the prompt if this is the first piece."""
        for entry in certain:
            likely = [(_name(bytes(top.bytes)) or top.token, top.logprob) for top in entry.top_logprobs]
            self._add(bytes(entry.bytes), entry.logprob, likely, entry.token)
        fresh, self._fresh = self._fresh, self._empty()
        return fresh

    def _add(self, own: bytes, logprob: float | None, likely: Sequence[tuple[str, float]], control: str = "") -> None:
        """`control`: the name of a token that has no bytes."""
        name = _name(own) or control
        top = None
        if logprob is not None:
            logprob = max(logprob, LEAST_LOGPROB)
            top = {other: max(value, LEAST_LOGPROB) for other, value in likely} | {name: logprob}
        begun, _ = self._decoder.getstate()
        # A character that is begun and not gone on with is shown too: as one that is none.
        offset = self._length + bool(begun and own and own[0] & 0xC0 != 0x80)
        self._length += len(self._decoder.decode(own))
        for shown in (self._fresh, self.whole):
            shown.tokens.append(name)
            shown.token_logprobs.append(logprob)
            shown.text_offset.append(offset)
            if shown.top_logprobs is not None:
                shown.top_logprobs.append(top)

    def _empty(self) -> TokenList:
        return TokenList(top_logprobs=[] if self._top else None)


def _name(own: bytes) -> str:
    """A token as text; one that is only a part of a character as its bytes."""
    try:
        return own.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in own)
