"""Further forms of a training example: names that its answer copies are drawn anew, and some words are left out.

A small model that sees a hundred device ids, fault codes and section numbers learns these by heart; seeing others in
every form, it can only learn to copy. Where an answer's name may be null, some forms are without the name, so that a name is
not made up where none stands. Leaving out words at random (Wei and Zou 2019, arXiv 1901.11196) keeps it from
recognising a whole text where it should read it. What is redrawn follows from the project alone: values of string
fields that stand in the input as one word, codes (no keywords) that input and passages share, and the passages' own
references. Measured values, words and the rest of the answer stay as they were written.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from honekit.retrieval.passages import Passage

if TYPE_CHECKING:
    from honekit.data.examples import Example
    from honekit.project import OutputField, Project

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*\d)")
_CONSONANTS, _VOWELS = "bdfghklmnprstvwz", "aeio"
WORD_ENDS = re.compile(r"(\s+)")
_SEPARATORS = "---__../:#@~"
_CAPITALS = "ABCDEFGHKLMNPRSTUVWXZ"
_NAMELESS = 0.1
"""Share of the further forms from which names that may be null are left out."""


@dataclass(frozen=True)
class Redrawn:
    """What a prompt needs of an example, with other names in it."""

    input: str
    answer: dict[str, Any]
    passages: list[Passage]


def redraw(project: Project, example: Example, passages: Sequence[Passage], source: random.Random) -> Redrawn:
    """The example and the passages shown with it, every copied name replaced by one drawn from `source`.

    Of the other words of the input the share `data.word_dropout` is left out.
    """
    if source.random() < _NAMELESS:
        example = _without_names(project, example)
    names = {value: _name(value, source) for _, value in _copied(project, example)}
    shown = set(_CODE.findall(" ".join(passage.text for passage in passages)))
    jargon = set(_CODE.findall(" ".join(passage.keywords for passage in passages)))
    codes = {word for word in _CODE.findall(example.input) if _MIXED.match(word) and word not in names}
    names |= {code: _same_shape(code, source) for code in sorted(codes & shown - jargon)}
    refs = _references(passages, source)
    answer = {}
    for field in project.task.fields:
        value = example.answer.get(field.name)
        drawn = refs if field.from_retrieval else names
        answer[field.name] = drawn.get(value, value) if isinstance(value, str) else value
    text = _replaced(example.input, names)
    if project.data.word_dropout:
        texts = [answer.get(field.name) for field in project.task.fields if field.type == "string"]
        copied = {value for value in texts if isinstance(value, str) and value in text}
        text = _with_words_left_out(text, copied | set(names.values()), project.data.word_dropout, source)
    return Redrawn(
        text,
        answer,
        [replace(p, ref=refs[p.ref], title=_replaced(p.title, names), text=_replaced(p.text, names)) for p in passages],
    )


def _without_names(project: Project, example: Example) -> Example:
    text, answer = example.input, dict(example.answer)
    for field, name in _copied(project, example):
        if field.nullable:
            text, answer[field.name] = _replaced(text, {name: ""}), None
    return replace(example, input=text, answer=answer) if text.strip() else example


def _copied(project: Project, example: Example) -> Iterator[tuple[OutputField, str]]:
    """The names that the answer has from the input, each with its field."""
    for field in project.task.fields:
        value = example.answer.get(field.name)
        if field.type != "string" or field.from_retrieval or not isinstance(value, str):
            continue
        is_name = not re.search(r"\s", value) and (_MIXED.match(value) or not re.fullmatch("[a-z]+", value))
        if is_name and value in example.input:
            yield field, value


def _with_words_left_out(text: str, kept: Collection[str], share: float, source: random.Random) -> str:
    """`kept` names stay, and so do the blanks and commas between words; a text of which nothing would be left stays whole."""
    pieces = re.split(WORD_ENDS, text)
    left = [
        piece if index % 2 or not piece or any(name in piece for name in kept) or source.random() >= share else ""
        for index, piece in enumerate(pieces)
    ]
    return "".join(left) if any(left[::2]) else text


def _references(passages: Sequence[Passage], source: random.Random) -> dict[str, str]:
    drawn: dict[str, str] = {}
    for passage in passages:
        # Of `manual#7` the number alone: every prompt has the document's name.
        document, mark, number = passage.ref.rpartition("#")
        new = document + mark + _same_shape(number, source)
        while new in drawn.values():
            new = document + mark + _same_shape(number, source) + str(source.randrange(10))
        drawn[passage.ref] = new
    return drawn


def _same_shape(text: str, source: random.Random) -> str:
    """Every letter a letter of its case, every digit a digit (no number begins with 0), all else as it was."""
    out = ""
    for character in text:
        if character.isdigit():
            starts = not out[-1:].isdigit()
            character = str(source.randrange(1 if starts else 0, 10))
        elif character.isascii() and character.isalpha():
            letter = source.choice("abcdefghijklmnopqrstuvwxyz")
            character = letter.upper() if character.isupper() else letter
        out += character
    return out


def _name(old: str, source: random.Random) -> str:
    """A device name: the old one with other numbers, or one of any of the shapes that such names have."""
    shape = source.random()
    if shape < 0.25:
        return re.sub(r"\d", lambda _: str(source.randrange(10)), old)
    if shape < 0.32:
        return _address(source)
    if shape < 0.4:
        letters = "".join(source.choices(_CAPITALS, k=source.randint(1, 4)))
        return letters + source.choice(["", "-", "_"]) + _number(source, 4, 8)
    name = _word(source) + source.choice(["", _number(source)])
    for _ in range(source.randint(0, 2)):
        part = source.choice([_word, _number, _word_and_number, _letter_and_number])
        name += source.choice(_SEPARATORS) + part(source)
    return name if any(map(str.isdigit, name)) else name + source.choice("-_/.") + _number(source)


def _address(source: random.Random) -> str:
    pairs = [f"{source.randrange(256):02x}" for _ in range(source.choice([3, 4, 6, 8]))]
    if source.random() < 0.2:
        return "0x" + "".join(pairs)
    return source.choice([str.lower, str.upper])(source.choice([":", "-", ""]).join(pairs))


def _word(source: random.Random) -> str:
    word = "".join(_syllables(source)) + source.choice(["", "", *"nrstlmk"])
    return source.choice([str.lower, str.lower, str.upper, str.title])(word)


def _number(source: random.Random, least: int = 1, most: int = 4) -> str:
    return "".join(source.choices("0123456789", k=source.randint(least, most)))


def _word_and_number(source: random.Random) -> str:
    return _word(source) + _number(source)


def _letter_and_number(source: random.Random) -> str:
    return source.choice(_CAPITALS) + _number(source)


def _syllables(source: random.Random) -> Iterator[str]:
    for _ in range(source.randint(1, 3)):
        yield source.choice(_CONSONANTS)
        yield source.choice(_VOWELS)


def _replaced(text: str, names: Mapping[str, str]) -> str:
    if not names:
        return text
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", lambda found: names[found[0]], text)
