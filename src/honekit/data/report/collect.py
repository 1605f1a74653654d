"""What the report says of a file beyond its findings: lengths, labels, and the texts of some of its examples.

One pass over the file with bounded memory: lengths are counted in bins, and texts are a sample.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from honekit.data.chat import ChatExample, readable_conversations
from honekit.data.label.form import Form, form_of_answers

SAMPLE = 3000
"""Examples whose texts are kept, for the map and the labels' names."""
MAX_VALUES = 2000
"""Distinct values of a field that are counted; a field with more is no label."""
BINS_PER_OCTAVE = 4


@dataclass
class Overview:
    """One file of a split."""

    path: Path
    examples: int = 0
    """Conversations that could be read."""
    input_lengths: Counter[int] = field(default_factory=Counter)
    """Characters before the last answer, without the instructions, by bin (see `bin_of`)."""
    answer_lengths: Counter[int] = field(default_factory=Counter)
    turns: Counter[int] = field(default_factory=Counter)
    """Messages of a conversation, without the system's."""
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    """field -> value -> examples, for the fields whose values recur."""
    sample: list[ChatExample] = field(default_factory=list)
    wanted: dict[int, ChatExample] = field(default_factory=dict)
    """The conversations of the lines that were asked for."""

    @property
    def is_sampled(self) -> bool:
        return self.examples > len(self.sample)


def bin_of(length: int) -> int:
    """The bin of a number of characters, `BINS_PER_OCTAVE` for each doubling; 0 is the empty text."""
    return 0 if length <= 0 else 1 + math.floor(BINS_PER_OCTAVE * math.log2(length) + 1e-9)


def bin_start(number: int) -> int:
    """The smallest length in a bin."""
    return 0 if number == 0 else math.ceil(2 ** ((number - 1) / BINS_PER_OCTAVE) - 1e-9)


def collect(path: Path, wanted: Collection[int] = (), form: Form | None = None) -> Overview:
    """Look over a chat file. `form` says which fields are labels; without one it is inferred from the file's sample.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    found = Overview(path)
    draw = random.Random(0)

    for example in readable_conversations(path):
        found.examples += 1
        lengths = [len(message.text) for message in example.messages if message.role not in ("system", "developer")]
        found.input_lengths[bin_of(sum(lengths[:-1]))] += 1
        found.answer_lengths[bin_of(lengths[-1] if lengths else 0)] += 1
        found.turns[len(lengths)] += 1
        if example.line in wanted:
            found.wanted[example.line] = example
        if len(found.sample) < SAMPLE:
            found.sample.append(example)
        elif (place := draw.randrange(found.examples)) < SAMPLE:
            found.sample[place] = example

    known = form or form_of_answers([answer_text(example) for example in found.sample])
    found.labels = _labels(found, known)
    return found


def answer_text(example: ChatExample) -> str:
    """The last message when it is the assistant's, else nothing."""
    last = example.messages[-1] if example.messages else None
    return last.text if last and last.role == "assistant" else ""


def input_text(example: ChatExample) -> str:
    """What the user says, without the instructions that all examples share."""
    return "\n".join(message.text for message in example.messages if message.role == "user")


def label_of(form: Form, example: ChatExample, name: str) -> str | None:
    """An example's value of a field, as text."""
    values = form.values(answer_text(example)) or {}
    value = values.get(name)
    return str(value) if isinstance(value, str | bool | int) else None


def _labels(found: Overview, form: Form) -> dict[str, Counter[str]]:
    labels: dict[str, Counter[str]] = {}
    for one in form.fields:
        if one.kind not in ("enum", "boolean"):
            continue
        counts = Counter(value for example in found.sample if (value := label_of(form, example, one.name)) is not None)
        if counts and len(counts) <= MAX_VALUES:
            labels[one.name] = counts
    return labels
