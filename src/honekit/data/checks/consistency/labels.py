"""Answers and fields that are a choice among a few values: misspelt ones, rare ones, and those that never occur."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from honekit.data.checks.consistency.declared_labels import declared_labels, declared_range
from honekit.data.checks.consistency.odd_labels import TEXT, misspellings, numbers_for_names, two_in_one, with_words_around
from honekit.data.checks.quality.content import says_nothing
from honekit.data.checks.short_texts import labels_of
from honekit.data.checks.tally import MAX_TASKS, SMALL_TASK, Tallies, Tally
from honekit.data.checks.turn import MAX_LABEL_CHARS, Turn, adviser, bare, is_label, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_REPEATED = 0.6
"""So many records of an enum-like field have a value that others have too."""
_MAX_CLASSES = 200
_FEW = 3
_IMBALANCE = 10
_FEW_RARE, _LOPSIDED = 4, 0.7
"""Where nearly all answers are one label, a few rare ones are labels all the same."""
_MAX_NAMED = 5
_LEAST_FOR_BALANCE = 20
_LEAST_SINGLE = 10
_LEAST_FOR_MISSING, _TIMES_LABELS = 12, 2
"""So few answers, or so few for each label, may lack one by chance."""
_UNDECLARED = 0.1
_DIGIT = re.compile(r"\d")
_ANSWER = ""
"""The name of the tally of whole answers; a field has its path."""

_Gathered = tuple[Tally, list[Turn], list[list[str]]]
"""A tally, and the labels that each of some turns has for it."""

_number = warner("data.format.not_label", "write the label's name, as the others do")
_not_label = warner("data.format.not_label", "answer with the label alone")
_misspelt = warner("data.labels.misspelt", "write the label as the others do")
_undeclared = warner("data.labels.undeclared", "use a label that the prompt names, or name this one there")
_missing = adviser("data.labels.missing", "add examples of it, or take it out of the prompt")
_single = warner("data.labels.single", "add examples of the other labels: from these a model learns to say one thing always")
_rare = adviser("data.labels.rare", "add examples of it, or fold it into another label")
_imbalance = adviser("data.labels.imbalance", "add examples of the rare label, or thin out the frequent one")


@dataclass
class Labels:
    """`data.labels.misspelt`, `data.labels.undeclared`, `data.labels.missing`, `data.labels.single`, `data.labels.rare`,
    `data.labels.imbalance`."""

    tallies: Tallies = field(default_factory=Tallies)
    prompts: dict[str, None] = field(default_factory=dict)

    def see(self, turns: Turns) -> None:
        for prompt in turns.prompts:
            if prompt is not None and len(self.prompts) < MAX_TASKS:
                self.prompts[prompt] = None
        count_labels(self.tallies, turns)

    def join(self, later: Labels, lines_before: int) -> None:
        self.tallies.join(later.tallies, lines_before)
        for prompt in later.prompts:
            if len(self.prompts) < MAX_TASKS:
                self.prompts[prompt] = None

    def finish(self) -> Iterator[Finding]:
        for name, tally in self.tallies.all():
            if not is_enum(tally):
                continue
            yield from _not_labels(tally)
            numbers = numbers_for_names(tally)
            for value in numbers:
                for line, at in tally.places[value]:
                    yield _number(line, _at(at, name), f"the number {value} stands where nearly all others have a label's name")
            both = [*two_in_one(tally)] if name == _ANSWER else []
            for value in both:
                for line, at in tally.places[value]:
                    yield _not_label(line, at, f"the answer gives two labels, {shown(value)}; all others give one")
            misspelt = dict(misspellings(tally))
            for value, usual in misspelt.items():
                count = tally.counts[usual]
                for line, at in tally.places[value]:
                    yield _misspelt(
                        line, _at(at, name), f"{shown(value)} looks like a slip for {shown(usual)}, which {count} records have"
                    )
            wordy = {value for value, _ in with_words_around(tally)}
            told = {*numbers, *misspelt, *wordy, *both, TEXT}
            counts = {
                str(value): count for value, count in tally.counts.items() if value not in told and not says_nothing(str(value))
            }
            # An empty text is no label, and where the prompt names the labels it is none of them.
            undeclared = list(self._undeclared(counts))
            counts.pop("", None)
            for value in undeclared:
                for line, at in tally.places[value]:
                    yield _undeclared(line, _at(at, name), f"the system prompt does not name the label {shown(value)}")
            missing = self._missing(counts)
            if missing:
                names = ", ".join(map(shown, missing))
                yield _missing(0, name, f"the system prompt names labels that no answer has: {names}")
            yield from _balance(name, tally, {value: count for value, count in counts.items() if value not in undeclared})

    def closed(self) -> dict[str, set[str]]:
        """The labels of each field that takes few values, by the field's name ("" is the whole answer)."""
        found: dict[str, set[str]] = {}
        for name, tally in self.tallies.all():
            if is_enum(tally):
                found.setdefault(name, set()).update(str(value) for value in tally.counts if value != "")
        return found

    def _declared(self, counts: dict[str, int]) -> list[list[str]]:
        """The labels that each system prompt names, of those that name any of this field."""
        known = [value for value, count in counts.items() if count > 1]
        return [labels for prompt in self.prompts if (labels := declared_labels(prompt, known))]

    def _undeclared(self, counts: dict[str, int]) -> Iterator[str]:
        declared = self._declared(counts)
        names = {bare(label) for labels in declared for label in labels}
        total = sum(counts.values())
        limits = self._range(counts)
        for value, count in counts.items():
            is_beyond = limits is not None and value.isdecimal() and not limits[0] <= int(value) <= limits[1]
            if (is_beyond or (names and bare(value) not in names)) and count <= max(1, _UNDECLARED * total):
                yield value

    def _range(self, counts: dict[str, int]) -> tuple[int, int] | None:
        """The numbers from which every system prompt has one chosen, when most answers are among them."""
        limits = {declared_range(prompt) for prompt in self.prompts}
        only = limits.pop() if len(limits) == 1 else None
        if only is None or not counts:
            return None
        inside = sum(count for value, count in counts.items() if value.isdecimal() and only[0] <= int(value) <= only[1])
        return only if inside >= _REPEATED * sum(counts.values()) else None

    def _missing(self, counts: dict[str, int]) -> list[str]:
        declared = self._declared(counts)
        if not declared or sum(counts.values()) < max(_LEAST_FOR_MISSING, _TIMES_LABELS * len(declared[0])):
            return []
        has = {bare(value) for value in counts}
        named_by_all = set.intersection(*({bare(label) for label in labels} for labels in declared))
        return [label for label in declared[0] if bare(label) in named_by_all - has]


def count_labels(tallies: Tallies, turns: Turns) -> None:
    """Add answers, or the short values of their fields; `TEXT` stands for an answer that is too long for a label."""
    answers = [text if len(text) <= MAX_LABEL_CHARS and is_label(text) else TEXT for text in turns.said]
    tallies.add_each(_ANSWER, turns.spoken, answers)
    gathered: dict[int, _Gathered] = {}
    by_task: defaultdict[int, dict[str, _Gathered]] = defaultdict(dict)  # the last tasks of a file have one tally together
    for turn in turns.objects:
        by_name = by_task[turn.task]
        for name, values in labels_of(turn):
            its = by_name.get(name)
            if its is None:
                tally = tallies.of(turn.task, name)
                its = by_name[name] = gathered.setdefault(id(tally), (tally, [], []))
            its[1].append(turn)
            its[2].append(values)
    for tally, owners, labels in gathered.values():
        places = ((turn.line, turn.field) for turn, values in zip(owners, labels, strict=True) for _ in values)
        tally.add_each([*chain.from_iterable(labels)], places)


def _not_labels(tally: Tally) -> Iterator[Finding]:
    """Whole answers that are a text, or a label with words around it, where nearly all are labels."""
    if tally.share(TEXT) <= _UNDECLARED:
        for line, at in tally.places.get(TEXT, ()):
            yield _not_label(line, at, "the answer is a text; nearly all others are a label alone")
    for value, label in with_words_around(tally):
        for line, at in tally.places[value]:
            yield _not_label(
                line, at, f"there are words around the label; {tally.counts[label]} answers are {shown(label)} alone"
            )


def is_enum(tally: Tally) -> bool:
    """Whether most values of a tally come back again and again."""
    if tally.is_open or tally.total < SMALL_TASK or len(tally.counts) > _MAX_CLASSES:
        return False
    repeated = [count for value, count in tally.counts.items() if count > 1 and value != TEXT]
    return sum(repeated) >= _REPEATED * tally.total and 1 <= len(repeated) <= tally.total / 2


def _balance(name: str, tally: Tally, counts: dict[str, int]) -> Iterator[Finding]:
    often = [value for value, count in counts.items() if count >= _FEW]
    of = f"`{name}`" if name else "the answers"
    rare = [value for value in counts if counts[value] < _FEW]
    if len(counts) == 1 and tally.total >= _LEAST_SINGLE and not name:
        yield _single(0, name, f"every answer is {shown(next(iter(counts)))}")
        return
    is_lopsided = not name and len(rare) <= _FEW_RARE and max(counts.values(), default=0) >= _LOPSIDED * tally.total
    if (len(rare) > len(often) and not is_lopsided) or tally.total < _LEAST_FOR_BALANCE or any(map(_DIGIT.search, counts)):
        return
    if rare:
        line, at = tally.places[rare[0]][0]
        names = ", ".join(map(shown, rare[:_MAX_NAMED])) + (f" and {len(rare) - _MAX_NAMED} more" * (len(rare) > _MAX_NAMED))
        yield _rare(line, _at(at, name), f"labels with one or two examples only, too few to learn from, in {of}: {names}")
    if len(often) < 2:
        return
    most, least = max(often, key=counts.__getitem__), min(often, key=counts.__getitem__)
    if counts[most] > _IMBALANCE * counts[least]:
        message = f"of {of}, {shown(most)} has {counts[most]} examples and {shown(least)} {counts[least]}"
        yield _imbalance(0, name, message)


def _at(field: str, name: str) -> str:
    return f"{field}.{name}" if name else field
