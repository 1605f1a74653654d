"""Inputs that tell the model what to do instead of the task: `Ignore all previous instructions and …`.

One that the answer withstands teaches something worth having, so this is advice, unless the answer is what the input dictates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from honekit.data.checks.accidents import is_meant
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, adviser, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_CUES = r"(?i)ignor|disregard|forget|assistant|prompt|\b(?:AI|KI|IA)\b|language model|sprachmodell|chatbot|modèle|modelo"
_RULES = r"(?:instruction|prompt|rule|direction|guideline|command|order|message)s?\b"
_READER = r"(?:assistant|AI|chatbot|bot|(?:language )?model|LLM)\b"
_BEFORE_IT = r"(?:previous|prior|above|earlier|preceding|system|your)\b"
_INJECTION = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass)\b(?: \w+){{0,3}} {_BEFORE_IT}[^.!?\n]{{0,20}}{_RULES}"
    rf"|\b(?:ignore|disregard|forget)\b(?: \w+){{0,2}} {_RULES} (?:above|before)\b"
    r"|\b(?:ignore|disregard|forget) (?:everything|all) (?:above|before this|you (?:were|have been) told)\b"
    rf"|\b(?:note|message|instruction|memo|reminder|attention)s? (?:to|for) (?:the |any |all )?{_READER}"
    r"(?= ?[:;,.!?\n)–-]| (?:that|which|who|reading|processing|handling|reviewer)\b)"
    rf"|\b(?:if you are|as) an? {_READER}(?: reading this)?,? (?:then |please |you (?:must|should) )?"
    r"(?:ignore|write|reply|respond|output|approve|rate)\b"
    r"|\b(?:reveal|print|output|repeat|show)\b(?: \w+)? (?:your|the) (?:system prompt|hidden instructions|initial instructions)\b"
    r"|\bignorier(?:e|en Sie|t)? (?:\w+ ){0,2}(?:vorherigen|bisherigen|obigen|vorigen|früheren) "
    r"(?:Anweisung|Regel|Instruktion|Vorgabe)"
    r"|\b(?:Hinweis|Anweisung|Nachricht) an (?:den |die |das )?(?:Assistenten|KI|Sprachmodell|Bot|Chatbot)\b"
    r"|\bignore[zr]? (?:toutes )?les (?:instructions|consignes|règles) (?:précédentes|ci-dessus)"
    r"|\b(?:note|instruction|message) (?:à|pour) (?:l['’](?:assistant|IA)|le modèle)\b"
    r"|\bignor[ae]r? (?:todas )?las (?:instrucciones|reglas) (?:anteriores|previas)"
    r"|\b(?:nota|instrucción|mensaje) para (?:el asistente|la IA|el modelo)\b",
    re.I,
)
_ABOUT_IT = re.compile(r"inject|manipulat|jailbreak|adversar", re.I)
"""In the system prompt of a task that is to tell such inputs."""
_AT_ONCE = 16
_BETWEEN = "\n"
_DICTATED = 400
_SHORT = 60
_MARKS = " .!?\"'`"

_tells = adviser(
    "data.inputs.injection", "keep it where the answer does its task all the same, or where it is the subject; else delete it"
)
_obeyed = warner("data.inputs.injection", "give the answer that the task asks for, or delete the record")


@dataclass
class Injections:
    """`data.inputs.injection`."""

    found: Tally = field(default_factory=Tally)
    """What the input says, and whether the answer is what it dictates."""
    inputs: int = 0

    def see(self, turns: Turns) -> None:
        self.inputs += len(turns.all)
        for begin in range(0, len(turns.all), _AT_ONCE):
            some = turns.all[begin : begin + _AT_ONCE]
            if _cues().search(_BETWEEN.join([turn.question for turn in some])):
                self._look_at(some)

    def _look_at(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            said = _INJECTION.search(turn.question)
            if said and not (turn.task and _ABOUT_IT.search(turn.texts[0])):
                answer = turn.answer.strip(_MARKS).casefold()
                dictated = turn.question[said.end() : said.end() + _DICTATED].casefold()
                is_obeyed = 1 < len(answer) <= _SHORT and answer in dictated
                self.found.add((said[0], is_obeyed), turn.line, f"messages[{turn.at - 1}].content")

    def join(self, later: Injections, lines_before: int) -> None:
        self.found.join(later.found, lines_before)
        self.inputs += later.inputs

    def finish(self) -> Iterator[Finding]:
        if is_meant(self.found.total, self.inputs):
            return
        for (said, is_obeyed), places in self.found.places.items():
            more = ", and the answer is what it dictates" if is_obeyed else ""
            for line, at in places:
                tell = _obeyed if is_obeyed else _tells
                yield tell(line, at, f"the input tells the model to do something else than its task: {shown(said)}{more}")


@cache
def _cues() -> Any:
    import re2  # type: ignore[import-untyped]

    return re2.compile(_CUES)
