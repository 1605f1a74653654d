"""System prompts that differ by accident: a slip of the hand splits one task in two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from honekit.data.checks.quality.language_names import name
from honekit.data.checks.quality.languages import is_same, language_of
from honekit.data.checks.structure.orders import LEADING
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import Turn, adviser, bare, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_LEAST = 8
_STRAY, _ALONE = 2, 0.9
_RARE = 0.25
_CLOSE = 0.6
_SAME_WORD = 0.7
_MAX_CHANGED = 3
_MAX_COMPARED = 40
_MAX_WORDS = 1000
_DIGITS = re.compile(r"\d+")

_TODAY = re.compile(
    r"\b(?:today|current(?:ly)? (?:date|time)|date is|heute|datum ist|aujourd['’]hui|nous sommes le|hoy|oggi)\b\D{0,30}"
    r"(?:\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}(?:st|nd|rd|th|\.)? \w+ \d{4}|\w+ \d{1,2},? \d{4})",
    re.I,
)
_strange = adviser("data.system.drift", "leave it when another task is meant, else write the prompt of the others")
_drift = warner("data.system.drift", "use one wording everywhere, the one that will be sent in use")
_date = adviser("data.system.date", "write the date that is meant, as the system prompt will in use, or none")
_missing = warner("data.system.missing", "give it the system prompt of the others, the one that will be sent in use")


@dataclass
class SystemPrompts:
    """`data.system.drift`, `data.system.missing`, `data.system.date`."""

    tally: Tally = field(default_factory=Tally)
    roles: Tally = field(default_factory=Tally)

    def see(self, turns: Turns) -> None:
        if all(turns.prompts):
            self.tally.add_each(turns.systems, ((turn.line, "messages[0].content") for turn in turns.all))
            self._count_roles(turns.all)
            return
        seen = [
            (turn, system or "")
            for turn, system in zip(turns.all, turns.systems, strict=True)
            if system or not any(message.role in LEADING for message in turn.messages)
        ]
        places = ((turn.line, "messages[0].content" if system else "messages") for turn, system in seen)
        self.tally.add_each([system for _, system in seen], places)
        self._count_roles([turn for turn, system in seen if system])

    def _count_roles(self, led: list[Turn]) -> None:
        self.roles.add_each([turn.messages[0].role for turn in led], ((turn.line, "messages[0].role") for turn in led))

    def join(self, later: SystemPrompts, lines_before: int) -> None:
        self.tally.join(later.tally, lines_before)
        self.roles.join(later.roles, lines_before)

    def finish(self) -> Iterator[Finding]:
        tally = self.tally
        prompts = sorted((str(prompt) for prompt in tally.counts if prompt), key=lambda prompt: -tally.counts[prompt])
        if tally.total < _LEAST or not prompts:
            return
        without = tally.counts.get("", 0)
        if 0 < without <= 0.1 * tally.total or (without == 1 and tally.total >= _LEAST):
            for line, at in tally.places[""]:
                yield _missing(line, at, f"no system prompt; {tally.total - without} of {tally.total} records have one")
        yield from self._dated()
        usual = self.roles.main
        for role, (line, at) in self.roles.odd(share=_ALONE, least=_LEAST):
            yield _drift(line, at, f"the prompt's role is {role}; that of {self.roles.counts[usual]} others is {usual}")
        for rare, prompt in accidental_variants({prompt: tally.counts[prompt] for prompt in prompts}):
            message = f"the system prompt differs in {difference(prompt, rare)} from that of {tally.counts[prompt]} records"
            for line, at in tally.places[rare]:
                yield _drift(line, at, message)
        yield from self._alone(prompts)

    def _alone(self, prompts: list[str]) -> Iterator[Finding]:
        """Prompts with other words in one place, such as another firm's name, or in another language, where nearly all records
        have one prompt."""
        usual, *others = prompts
        count = self.tally.counts[usual]
        if count < _ALONE * self.tally.total or len(others) > _STRAY:
            return
        for other in others:
            if self.tally.counts[other] > _STRAY:
                continue
            what = ""
            if _is_renamed(usual, other):
                what = f"the system prompt says something else in one place than that of {count} records"
            elif (language := language_of(other)) and (main := language_of(usual)) and not is_same(language, main):
                what = f"the system prompt is in {name(language)}; that of {count} records is in {name(main)}"
            for line, at in self.tally.places[other] if what else ():
                yield _strange(line, at, what)

    def _dated(self) -> Iterator[Finding]:
        """One finding for all system prompts that say which day it is."""
        dated = {str(prompt): found[0] for prompt in self.tally.counts if prompt and (found := _TODAY.search(str(prompt)))}
        if dated:
            line, at = min(self.tally.places[prompt][0] for prompt in dated)
            records = sum(self.tally.counts[prompt] for prompt in dated)
            days = "one day" if len(dated) == 1 else f"{len(dated)} different days"
            yield _date(
                line, at, f"the system prompts of {records} records say that it is {days} ({next(iter(dated.values()))!r})"
            )


def accidental_variants(counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Pairs of a rare prompt and the frequent one that it was meant to be.

    A family of many near prompts is a template with a slot, filled on purpose, and so are prompts that differ in
    numbers only, unless nearly all records have the same ones. Prompts that differ in blanks, case or punctuation only are an
    accident at any frequency.
    """
    ranked = sorted(counts, key=lambda prompt: -counts[prompt])[:_MAX_COMPARED]
    slots = [prompt for prompt in ranked if counts[prompt] * 3 >= counts[ranked[0]]]
    bares = {prompt: bare(prompt) for prompt in ranked}
    for position, rare in enumerate(ranked):
        for usual in ranked[:position]:
            if bares[rare] == bares[usual]:
                yield rare, usual
                break
            if _DIGITS.sub("0", rare) == _DIGITS.sub("0", usual):
                if counts[rare] <= _STRAY and counts[usual] >= _ALONE * sum(counts.values()):
                    yield rare, usual
                break
            is_rare = counts[rare] <= _RARE * counts[usual] and counts[usual] >= _LEAST // 2
            if is_rare and len(slots) < 10 and is_slip(usual, rare) and len(ranked) - len(slots) <= 10:
                yield rare, usual
                break


def is_slip(usual: str, rare: str) -> bool:
    """Whether two prompts differ by slips of the hand: misspelt words, a word or two too few or too many. Another word
    in the place of one (`French` for `German`) is meant."""
    if _DIGITS.sub("0", usual) == _DIGITS.sub("0", rare):
        return False
    before, after = usual.split()[:_MAX_WORDS], rare.split()[:_MAX_WORDS]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.quick_ratio() < _CLOSE:
        return False
    changed = 0
    for kind, i, k, j, m in matcher.get_opcodes():
        if kind == "equal":
            continue
        changed += max(k - i, m - j)
        if kind == "replace" and SequenceMatcher(None, " ".join(before[i:k]), " ".join(after[j:m])).ratio() < _SAME_WORD:
            return False
    return 0 < changed <= _MAX_CHANGED


def _is_renamed(usual: str, other: str) -> bool:
    """Whether the prompts are the same but for some words in one place that are others."""
    before, after = usual.split()[:_MAX_WORDS], other.split()[:_MAX_WORDS]
    changes = [one for one in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if one[0] != "equal"]
    if len(changes) != 1 or changes[0][0] != "replace" or is_slip(usual, other) or bare(usual) == bare(other):
        return False
    _, i, k, j, m = changes[0]
    return max(k - i, m - j) <= _MAX_CHANGED and len(before) - (k - i) >= 2 * (k - i) and not _DIGITS.search(other)


def difference(usual: str, rare: str) -> str:
    """Where two prompts part, in words that quote no more than they must."""
    if bare(usual) == bare(rare):
        return "blanks, case or punctuation"
    at = next((i for i, (a, b) in enumerate(zip(usual, rare, strict=False)) if a != b), min(len(usual), len(rare)))
    return f"a few characters (first at character {at + 1})"
