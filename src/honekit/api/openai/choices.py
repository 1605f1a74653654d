"""From an engine's tokens to what a choice shows: its text, and the log-probabilities of just that text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from honekit.api.openai.chat_schema import TokenLogprob, TopLogprob

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from honekit.inference.requests import Token

LEAST_LOGPROB = -9999.0
"""JSON has no infinity."""


@dataclass
class ChoiceWriter:
    """One choice as it grows. Text comes late (half a character, the beginning of a stop string is held back), and
    the log-probabilities come with their text, so that those of a stop string never show.
    """

    tokenizer: Tokenizer
    stop_ids: frozenset[int]
    with_logprobs: bool
    text: list[str] = field(default_factory=list)
    shown: list[TokenLogprob] = field(default_factory=list)
    tokens: int = 0
    finish_reason: str | None = None
    _waiting: list[TokenLogprob] = field(default_factory=list)
    _taken: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    _taken_length: int = 0
    _text_length: int = 0

    def take(self, token: Token) -> tuple[str, list[TokenLogprob]]:
        """The text and the log-probabilities that this token makes certain; both may be empty."""
        self.tokens += 1
        self.finish_reason = token.finish_reason
        self.text.append(token.text)
        if not self.with_logprobs:
            return token.text, []
        ends_turn = token.finish_reason == "stop" and token.token_id in self.stop_ids
        if not ends_turn:
            self._waiting.append(self._entry(token))
        if token.text and not self._text_length and not token.text.startswith(" "):
            # Some tokenizers take the blank away with which a text begins.
            begun = next((entry.bytes for entry in self._waiting if entry.bytes), [])
            self._taken_length = -1 if begun[:1] == [ord(" ")] else 0
        self._text_length += len(token.text)
        certain: list[TokenLogprob] = []
        everything = ends_turn or token.finish_reason == "length"
        while self._waiting and (everything or self._taken_length < self._text_length):
            self._taken_length += len(self._taken.decode(bytes(self._waiting[0].bytes)))
            certain.append(self._waiting.pop(0))
        self.shown += certain
        return token.text, certain

    def _entry(self, token: Token) -> TokenLogprob:
        return TokenLogprob(
            **self._top(token.token_id, token.logprob).model_dump(),
            top_logprobs=[self._top(index, logprob) for index, _, logprob in token.top],
        )

    def _top(self, token_id: int, logprob: float) -> TopLogprob:
        from honekit.inference.text import token_bytes

        return TopLogprob(
            token=self.tokenizer.decode([token_id], skip_special_tokens=False),
            logprob=max(logprob, LEAST_LOGPROB),
            bytes=list(token_bytes(self.tokenizer, token_id)),
        )
