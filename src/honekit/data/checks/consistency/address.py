"""How the reader is addressed, in languages with two ways: `Sie` and `du`, `vous` and `tu`, `usted` and `tú`, です and だ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.consistency.imperatives import familiar
from honekit.data.checks.consistency.politeness import politeness
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import adviser
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_FORMS = {
    "Sie": re.compile(r"(?<=[a-zäöüß,] )(?:Sie|Ihnen|Ihr(?:e[nmrs]?)?)\b"),
    "du": re.compile(r"\b(?:[Dd]u|[Dd]ich|[Dd]ir|[Dd]eine?[nmrs]?)\b"),
    "vous": re.compile(r"\b(?:[Vv]ous|[Vv]otre|[Vv]os)\b"),
    "tu": re.compile(r"\b(?:[Tt]u (?!que\b)|[Tt]oi\b|[Tt]es \w|[Tt]on \w)"),
    "usted": re.compile(r"\b[Uu]sted(?:es)?\b"),
    "tú": re.compile(r"\b(?:[Tt]ú|[Cc]ontigo|[Tt]us)\b"),
}
_LANGUAGES = {"de": ("Sie", "du"), "fr": ("vous", "tu"), "es": ("usted", "tú")}
_SIGNS = {
    "de": {
        "und", "ist", "die", "der", "das", "nicht", "ein", "eine", "es", "sie", "mit", "den", "auf", "im", "wir", "uns", "ab",
        "von", "zum", "zur", "ich", "bitte", "haben", "hast", "kann", "kannst", "können", "mein", "meine", "meinen", "wird",
        "werden", "sind", "bin", "wie", "wann", "nach", "bei", "einen", "einem", "einer", "auch", "oder", "aber", "wenn",
        "dass", "für", "über", "sehr", "hier", "noch", "am", "dem", "sich",
    },
    "fr": {"le", "la", "les", "des", "est", "et", "vous", "une", "pour", "pas", "dans", "du"},
    "es": {"el", "la", "los", "es", "y", "una", "que", "por", "para", "con", "en", "su"},
}  # fmt: skip
"""Everyday words: the language with most of them is the text's, for this purpose."""
_ALL_SIGNS = frozenset().union(*_SIGNS.values())
_MAX_CHARS = 300
_MOSTLY, _LEAST = 0.75, 6

_address = adviser("data.style.address", "address the reader in one way everywhere")


@dataclass
class Address:
    """`data.style.address`."""

    forms: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        for turn in turns.prose:
            answer = turn.answer
            if not answer.isascii() and (found := politeness(answer)):
                self.forms.add(turn.task, *found, turn.line, turn.field)
                continue
            if " the " in answer or " of " in answer or len(answer) < 20:
                continue
            words = answer[:_MAX_CHARS].lower().split()
            if _ALL_SIGNS.isdisjoint(words):
                continue
            language = max(_LANGUAGES, key=lambda one: len(_SIGNS[one].intersection(words)))
            used = [form for form in _LANGUAGES[language] if _FORMS[form].search(answer)]
            form = used[0] if len(used) == 1 else None if used else familiar(answer, language)
            if form:
                self.forms.add(turn.task, language, form, turn.line, turn.field)

    def join(self, later: Address, lines_before: int) -> None:
        self.forms.join(later.forms, lines_before)

    def finish(self) -> Iterator[Finding]:
        for language, tally in self.forms.all():
            says, say = ("says", "say") if language in _LANGUAGES else ("ends its sentences in", "end them in")
            for form, (line, at) in tally.odd(share=_MOSTLY, least=_LEAST):
                usual = f"{tally.counts[tally.main]} of {tally.total} answers {say} {shown(tally.main)}"
                yield _address(line, at, f"the answer {says} {shown(form)}; {usual}")
