"""Answers that point to what is not there: `as shown in the table above`, `same as above`, in a record without any above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.accidents import accidents
from honekit.data.checks.quality.cues import REFERENCE, THINGS
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_BACK = re.compile(
    rf"\b(?:(?:as|like) (?:(?:is )?(?:shown|seen|mentioned|described|noted|stated|discussed|explained|given|listed) )?"
    rf"(?:in|by) the (?:(?:{THINGS}) )?(?:above|before|previous|earlier)"
    rf"|(?:see|in|from) the (?:(?:{THINGS}) above|(?:previous|preceding|last) (?:answer|response|question|example|row|record))"
    r"|as (?:shown|seen|mentioned|described|noted|stated|discussed|explained) (?:above|before|earlier|previously)"
    r"|(?:the )?same (?:\w+ ){0,2}as (?:the )?(?:above|previous|before|last one)|see above|ditto"
    r"|siehe oben|wie oben (?:gezeigt|beschrieben|erwähnt)|voir ci-dessus|comme (?:indiqué )?ci-dessus|véase arriba"
    r"|como se (?:indica|muestra) arriba|siehe (?:vorige|vorherige|letzte) (?:Antwort|Frage|Zeile)"
    r"|(?:ver|véase|vea|igual que) la (?:respuesta|pregunta) anterior|(?:ver|veja|vide) a (?:resposta|pergunta) anterior"
    r"|voir la (?:réponse|question) précédente|(?:vedi|vedere) la (?:risposta|domanda) precedente)\b",
    re.I,
)
_THING = re.compile(THINGS, re.I)
_WORDS = (
    "above", "previous", "before", "preceding", "earlier", "itto", "last", "oben", "vorige", "vorherige", "letzte", "dessus",
    "précédente", "arriba", "anterior", "precedente",
)  # fmt: skip
_BEGINNING = 80
"""Further on, `above` is the answer's own beginning."""
_LONG_INPUT = 200
"""A longer input may be what is meant."""

_nowhere = warner("data.answers.refers_back", "write out what is meant: the model sees this record alone")


@dataclass
class References:
    """`data.answers.refers_back`, in records of one turn."""

    found: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        self.answers += len(turns.all)
        for turn, cues in zip(turns.all, turns.cues, strict=True):
            if not cues or len(turn.trained) != 1 or REFERENCE not in cues.get(turn.at, ()):
                continue
            beginning = turn.answer[:_BEGINNING]
            if not any(map(beginning.__contains__, _WORDS)):
                continue
            found = _BACK.search(beginning)
            if found and not _is_there(found, turn):
                self.found.add(found[0], turn.line, turn.field)

    def join(self, later: References, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.found, self.answers):
            yield _nowhere(line, at, f"the answer says {shown(what)}, and nothing stands there")


def _is_there(found: re.Match[str], turn: Turn) -> bool:
    """Whether the record has what the words may point to."""
    if any(not isinstance(message.content, str | None) for message in turn.messages):
        return True
    before = "\n".join(turn.texts[: turn.at])
    thing = _THING.search(found[0])
    if thing:
        return thing[0].casefold() in before.casefold() or "|" in before or "\t" in before
    return len(before) > _LONG_INPUT or any(map(turn.question.casefold().__contains__, _WORDS))
