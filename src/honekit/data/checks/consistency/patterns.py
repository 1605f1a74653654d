"""Short values that are built unlike nearly all others: `g43.1` among `J18.9`, `3/5` among 1 to 5, `9 am` among `09:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.quality.content import says_nothing
from honekit.data.checks.short_texts import of_turn
from honekit.data.checks.tally import SMALL_TASK, Tallies, Tally
from honekit.data.checks.turn import NO_JSON, Turn, bare, has_digit, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MAX_CHARS = 40
_FEW, _FEW_SHARE = 3, 0.75
_MOSTLY = 0.95
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?")
_LONE_NUMBER = re.compile(r"(?<!\S)[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?!\S)")
_UNIT = re.compile(r"(?<=9 )°?[Aa](?:/[Aa])?$")
"""One form for all units behind a blank: whether they should be the same is for the checks of units."""
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:,\d{3})+(?=\.\d|[^\w,]|$)|(?:\.\d{3})+(?=,\d))")
"""The digits of a large number before its decimals, in groups: a small one has no group, and the form is the same."""
_RUN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A number, or a word with the apostrophes in it."""
_CURRENCIES = str.maketrans("$£¥", "€€€")
_NUMBER_SHAPE, _WORDS_SHAPE, _SIGNS_SHAPE = "a number", "words", "signs"
_SUM = re.compile(r"\d[^=]* [-+*/×÷·:] [^=]*\d[^=]* = ")
"""A sum has as many numbers as it needs."""
_MAX_REST = 3
_MAX_EXAMPLES = 1000
_MAX_SHAPES = 4096
_NOTHING = frozenset({"none", "null", "unknown", "na", "notapplicable", "notspecified", "nan", "tbd", "missing", "unspecified"})

_pattern = warner("data.format.pattern", "write the value in the form of the others")


@dataclass
class Patterns:
    """`data.format.pattern`."""

    shapes: Tallies = field(default_factory=Tallies)
    examples: dict[str, str] = field(default_factory=dict)
    """The first text of each shape."""

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if turn.value is NO_JSON:
                answer = turn.answer.strip()
                if 0 < len(answer) <= _MAX_CHARS and "\n" not in answer:
                    self._count(turn, "", [answer])
            elif isinstance(turn.value, dict):
                for path, texts in of_turn(turn).items():
                    self._count(turn, path, texts)

    def _count(self, turn: Turn, name: str, texts: list[str]) -> None:
        # Which currency an answer has is for the checks of money.
        shapes = [*map(_SHAPES.__getitem__, texts if name else [text.translate(_CURRENCIES) for text in texts])]
        if not any(shapes):
            return
        tally = self.shapes.of(turn.task, name)
        if shapes.count(shapes[0]) == len(shapes) and tally.count_known(shapes[0], len(shapes)):
            return
        for text, shape in zip(texts, shapes, strict=True):
            if shape is None or tally.count_known(shape):
                continue
            if len(self.examples) < _MAX_EXAMPLES:
                self.examples.setdefault(shape, text)
            # A value that was copied keeps the form of its source: it counts, and is not blamed.
            at = f"{turn.field}.{name}" if name else turn.field
            tally.add(shape, turn.line, "" if text in turn.question else at)

    def join(self, later: Patterns, lines_before: int) -> None:
        self.shapes.join(later.shapes, lines_before)
        for shape, text in later.examples.items():
            if len(self.examples) < _MAX_EXAMPLES:
                self.examples.setdefault(shape, text)

    def finish(self) -> Iterator[Finding]:
        for name, tally in self.shapes.all():
            usual = _usual(tally, name)
            if not usual:
                continue
            what = f"`{name}`" if name else "the answer"
            count = sum(count for shape, count in tally.counts.items() if is_like(str(shape), usual))
            said = f"{count} of {tally.total} {_like(usual, self.examples)}"
            for shape, places in tally.places.items():
                if not is_like(str(shape), usual):
                    example = f"a form of its own, as in {shown(self.examples.get(str(shape), str(shape)))}"
                    form = "words" if shape == _WORDS_SHAPE else example
                    for line, at in places:
                        if at:
                            yield _pattern(line, at, f"{what} is written in {form}; {said}")


def _usual(tally: Tally, name: str) -> str | None:
    """The shape of nearly all values when it has digits in it, or in a field also when it is words and some have none."""
    usual = str(tally.main)
    is_telling = "9" in usual or usual == _NUMBER_SHAPE or (name and usual == _WORDS_SHAPE and _SIGNS_SHAPE in tally.counts)
    if tally.is_open or tally.total < SMALL_TASK or not is_telling:
        return None
    odd = sum(count for shape, count in tally.counts.items() if not is_like(str(shape), usual))
    share = 1 - odd / tally.total
    return usual if share >= _MOSTLY or (odd <= _FEW and share >= _FEW_SHARE) else None


def _like(shape: str, examples: dict[str, str]) -> str:
    if shape == _WORDS_SHAPE:
        return "are words"
    return "are numbers" if shape == _NUMBER_SHAPE else f"look like {shown(examples.get(shape, shape))}"


class _Shapes(dict[str, str | None]):
    """The shapes of texts seen lately, None for one that stands for no value. Asked for many at once, in half the time of a
    function that remembers."""

    def __missing__(self, text: str) -> str | None:
        is_nothing = (" = " in text and _SUM.search(text)) or (
            not has_digit(text) and (bare(text) in _NOTHING or says_nothing(text))
        )
        shape = None if is_nothing else shape_of(text)
        if len(self) > _MAX_SHAPES:
            self.clear()
        self[text] = shape
        return shape


_SHAPES = _Shapes()


def shape_of(text: str) -> str:
    """Runs of digits as `9`, words as `A` or `a`: `J18.9` is `A9.9`, `-4.5 °C` is `9 °A`.

    Numbers are one shape, whatever their signs.
    """
    if not has_digit(text):
        return _WORDS_SHAPE if any(map(str.isalpha, text)) else _SIGNS_SHAPE
    if _NUMBER.fullmatch(text):
        return _NUMBER_SHAPE
    text = _LONE_NUMBER.sub("9", text)
    if "," in text:  # both ways to write groups of a number with decimals have a comma
        text = _GROUPED.sub("9", text)
    return _UNIT.sub("a", _RUN.sub(_sign, text))


def _sign(run: re.Match[str]) -> str:
    first = run[0][0]
    return "9" if first.isdigit() else "A" if first.isupper() else "a"


def is_like(shape: str, main: str) -> bool:
    """Whether two shapes may be of one kind: one goes on where the other ends, without a blank (`I10`, `J18.9`), or both
    are made of the same signs."""
    if shape == main or (main == _WORDS_SHAPE and shape != _SIGNS_SHAPE) or set(shape) == set(main):
        return True
    if _NUMBER_SHAPE in (shape, main):
        return False
    short, long = sorted((shape, main), key=len)
    rest = long.removeprefix(short)
    return long.startswith(short) and len(rest) <= _MAX_REST and " " not in rest
