"""What an engine is asked for and what it gives: prompts in, tokens and answers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from honekit.chat.call_reader import CallReader
from honekit.inference.constrain import Constraint
from honekit.inference.sampling import SamplingParams


@dataclass(frozen=True)
class Request:
    """One prompt. `shared` leading tokens are expected in other prompts too (the system message, demonstrations)."""

    prompt_ids: list[int]
    sampling: SamplingParams
    shared: int = 0
    constraint: Constraint | None = None
    """What the answer is held to, compiled by `Engine.grammars`."""
    scope: str | None = None
    """Next tokens are guessed from the own prompt, and from answers of the same scope if any: how fast an answer comes tells of
    what it is guessed from."""
    calls: Callable[[], CallReader] | None = None
    """Makes what reads calls out of the answer: stop strings are not looked for in what frames them."""
    told: Sequence[int] = ()
    """The tokens that the answer begins with, whatever would be chosen: somebody has read them already."""


@dataclass(frozen=True)
class Token:
    """One generated token. `text` is what became certain with it (maybe nothing); the last one has a `finish_reason`:
    "stop", "length", or "error" when the answer could not be held to its grammar within the work that it may take.
    """

    token_id: int
    text: str
    bytes: bytes
    logprob: float
    top: list[tuple[int, str, float]]
    finish_reason: str | None


@dataclass(frozen=True)
class Scored:
    """A token of a given text: its log-probability, and the likeliest tokens at its place."""

    token_id: int
    logprob: float
    top: list[tuple[int, float]]


@dataclass
class Completion:
    """A whole answer."""

    token_ids: list[int]
    text: str
    finish_reason: str
    tokens: list[Token]
    seconds: float = 0.0
    """From submission to the last token."""


@dataclass
class Work:
    """Tokens that an engine really computed, for the floor of a stage: nothing repeated, no padding."""

    prompt_tokens: int = 0
    new_tokens: int = 0
    logit_rows: int = 0

    def minus(self, other: Work) -> Work:
        return Work(
            self.prompt_tokens - other.prompt_tokens,
            self.new_tokens - other.new_tokens,
            self.logit_rows - other.logit_rows,
        )
