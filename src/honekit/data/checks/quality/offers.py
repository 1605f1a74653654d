"""Conversations that the user opens with the words of a desk: `Welcome, what can I do for you?`. Their roles were exchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import MAX_PLACES
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_ENDS = (
    "you?", "you today?", "helfen?", "weiterhelfen?", "tun?", "aider ?", "aider\u00a0?", "aider\u202f?", "aider?", "pour vous ?",
    "ayudarle?", "ayudarte?", "servirle?",
)  # fmt: skip
_OFFER = re.compile(
    r"\b(?:how (?:can|may|could) (?:i|we) (?:help|assist) you|what (?:can|may) (?:i|we) do for you)(?: today)?\?$"
    r"|\b(?:wie|womit) (?:kann|darf|können|dürfen) (?:ich|wir) (?:ihnen|dir|euch) (?:heute )?(?:weiter)?helfen\?$"
    r"|\bwas (?:kann|darf|können|dürfen) (?:ich|wir) für (?:sie|dich|euch) tun\?$"
    r"|\b(?:comment|en quoi) (?:puis-je|pouvons-nous) vous aider\s?\?$|\bque puis-je faire pour vous\s?\?$"
    r"|\ben qué (?:puedo|podemos) (?:ayudarle|ayudarte|servirle)\?$",
    re.I,
)
_TAIL = 80
_MAX_CHARS = 200
"""A longer text may be a talk that is to be summed up."""
_LEAST, _SHARE = 8, 0.02

_swapped = warner(
    "data.roles.swapped", "exchange the roles of this conversation, so that the user asks and the assistant answers"
)


@dataclass
class Offers:
    """`data.roles.swapped` by what a user does not say."""

    total: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)
    """Line and place of the first; where many users speak so, they are meant to."""

    def see(self, turns: Turns) -> None:
        self.total += len(turns.all)
        for turn, system in zip(turns.all, turns.systems, strict=True):
            at = 0 if system is None else 1
            if turn.texts[at].endswith(_ENDS) and turn.messages[at].role == "user" and len(self.found) < MAX_PLACES:
                asked = turn.texts[at]
                if len(asked) <= _MAX_CHARS and _OFFER.search(asked[-_TAIL:]) and not _OFFER.search(turn.texts[at + 1][-_TAIL:]):
                    self.found.append((turn.line, f"messages[{at}].content"))

    def join(self, later: Offers, lines_before: int) -> None:
        self.total += later.total
        self.found += [(line + lines_before, at) for line, at in later.found[: MAX_PLACES - len(self.found)]]

    def finish(self) -> Iterator[Finding]:
        if self.total >= _LEAST and len(self.found) < MAX_PLACES and len(self.found) <= max(1, _SHARE * self.total):
            for line, at in self.found:
                yield _swapped(
                    line, at, "the user speaks as who serves: an offer of help opens the conversation, and the assistant takes it"
                )
