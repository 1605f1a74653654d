"""Answers made of lines such as `years: 9`, or of parts such as `PER: Ada; LOC: Rome`: looked at as the objects that they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec import structs

from honekit.data.checks.accidents import accidents
from honekit.data.checks.consistency.answer_format import majority_of, shape_findings
from honekit.data.checks.consistency.labels import Labels
from honekit.data.checks.consistency.patterns import Patterns
from honekit.data.checks.consistency.shapes import Shape
from honekit.data.checks.quality.copied import CopiedValues
from honekit.data.checks.tally import SMALL_TASK, Tallies, Tally
from honekit.data.checks.turn import Turn, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_FIELD = re.compile(r"\s*[-*•]?\s*([^\W\d_][\w/-]{0,24}(?: [\w/-]{1,24}){0,2}) ?: *(\S.*|)$")
_START = re.compile(r"\s*[-*•]?\s*[^\W\d_][\w/-]{0,24}(?: [\w/-]{1,24}){0,2} ?: ")
_MAX_CHARS, _MAX_FIELDS = 1000, 20
_NAME_CHARS = 80
_MOSTLY = 0.75

_undeclared = warner("data.labels.undeclared", "write a name that the prompt gives, or add this one there")
_keys = warner("data.format.keys", "give the answer the same fields as the others")


@dataclass
class TextFields:
    """`data.format.keys`, and what the checks of labels, forms and copied values say of such fields."""

    shapes: Tallies = field(default_factory=Tallies)
    labels: Labels = field(default_factory=Labels)
    patterns: Patterns = field(default_factory=Patterns)
    copied: CopiedValues = field(default_factory=CopiedValues)
    undeclared: Tally = field(default_factory=Tally)
    """Names of fields that a system prompt does not have, though it has others of the answer."""
    declared: int = 0

    def see(self, turns: Turns) -> None:
        as_objects: list[Turn] = []
        may_have_code, may_be_fields = turns.have("`"), turns.have(":")
        shaped = [
            turn for turn in turns.spoken if len(turn.answer) <= _MAX_CHARS and not (may_have_code and has_code(turn.answer))
        ]
        shapes: list[Shape] = [()] * len(shaped)
        for number, turn in enumerate(shaped) if may_be_fields else ():
            answer = turn.answer
            if ":" in answer[:_NAME_CHARS] and _START.match(answer) and (fields := fields_of(answer)):
                shapes[number] = tuple([(name, "a list" if len(values) > 1 else "a text") for name, values in fields.items()])
                value = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
                as_objects.append(structs.replace(turn, value=value))
                self._count_undeclared(turn, fields)
        self.shapes.add_each("", shaped, shapes)
        for check in (self.labels, self.patterns, self.copied) if as_objects else ():
            check.see(Turns(as_objects))

    def _count_undeclared(self, turn: Turn, fields: dict[str, list[str]]) -> None:
        prompt = turn.system or ""
        strange = [name for name in fields if name not in prompt]
        self.declared += len(strange) < len(fields)
        if strange and len(strange) < len(fields):
            self.undeclared.add(strange[0], turn.line, turn.field)

    def join(self, later: TextFields, lines_before: int) -> None:
        for name in ("shapes", "labels", "patterns", "copied"):
            getattr(self, name).join(getattr(later, name), lines_before)
        self.undeclared.join(later.undeclared, lines_before)
        self.declared += later.declared

    def finish(self) -> Iterator[Finding]:
        is_format, keyed = False, False
        for _, tally in self.shapes.all():
            if _are_fields(tally):
                is_format = True
                for finding in _of_task(tally):
                    keyed = True
                    yield finding
        told: set[tuple[int, str]] = set()
        for name, (line, at) in accidents(self.undeclared, self.declared) if is_format and not keyed else ():
            yield _undeclared(line, at, f"the system prompt names the other fields of the answer, and not {shown(name)}")
        for check in (self.labels, self.copied, self.patterns) if is_format else ():
            for finding in check.finish():
                if (finding.line, finding.field) not in told:
                    told.add((finding.line, finding.field))
                    yield finding


def _are_fields(tally: Tally) -> bool:
    """Whether nearly all answers of a task are fields, and most are several."""
    fields = tally.total - tally.counts.get((), 0)
    several = sum(count for shape, count in tally.counts.items() if len(shape) > 1)
    return not tally.is_open and fields >= max(SMALL_TASK, _MOSTLY * tally.total) and 2 * several >= tally.total


def _of_task(tally: Tally) -> Iterator[Finding]:
    without = tally.counts.get((), 0)
    for line, at in tally.places.get((), ()):
        usual = f"{tally.total - without} of {tally.total} answers are fields such as `name: value`"
        yield _keys(line, at, f"the answer has no fields; {usual}")
    if any(kind == "a list" for shape in tally.counts for _, kind in shape):
        return  # tagged items (`PER: Ada; PER: Bob`), of which any number may be there
    majority = majority_of({shape: count for shape, count in tally.counts.items() if shape})
    for shape, places in tally.places.items():
        if shape:
            yield from shape_findings(shape, places, majority)


def fields_of(text: str) -> dict[str, list[str]]:
    """Name and values of each field, in order; empty when any part of the text is no field."""
    parts = text.strip().split("\n") if "\n" in text.strip() else text.split(";")
    found: dict[str, list[str]] = {}
    for part in parts:
        match = _FIELD.match(part) if part.strip() else None
        if match is None or len(parts) > _MAX_FIELDS:
            return {}
        found.setdefault(match[1].rstrip(), []).append(match[2].strip())
    return found
