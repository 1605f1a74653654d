"""What is to be generated: a description in words, and attributes whose combinations the examples should cover."""

from __future__ import annotations

import itertools
import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honekit.data.blocks import open_data
from honekit.data.chat import ChatExample
from honekit.data.clusters import cluster_map
from honekit.errors import DataError

SEEDS_SHOWN = 4
"""Examples that one request shows: enough to show the form, few enough not to be copied."""
TOPIC = "topic"


@dataclass(frozen=True)
class Spec:
    """`attributes`: name -> values; each request is given one combination."""

    description: str
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Draw:
    """What one request is made of."""

    number: int
    seeds: tuple[ChatExample, ...]
    attributes: dict[str, str]


_FILE_NAME = re.compile(r"\S+\.(?:toml|txt|md)")
"""A text that is only this is a file that is not there, never a task."""


def read_spec(given: str) -> Spec:
    """A text, or the file of that name: TOML (`description`, `[attributes]` of lists) or text.

    In a text a line such as `tone: calm | angry | brief` is an attribute; all other lines describe the task.
    Raises: DataError[data.spec | data.file_unreadable].
    """
    path = Path(given)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # too long for a name, so it is a text
        is_file = False
    if not is_file and _FILE_NAME.fullmatch(given):
        raise DataError(
            "data.spec", what="there is no such file", where=given, mend="mend the path, or describe the task in words of its own"
        )
    if not is_file:
        return _of_text(given, "--spec")
    with open_data(path) as file:
        content = file.read()
    try:
        text = content.decode("utf-8")
        return _of_toml(tomllib.loads(text)) if path.suffix == ".toml" else _of_text(text, str(path))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as fault:
        raise DataError(
            "data.spec",
            what=f"this spec cannot be read: {fault}",
            where=str(path),
            mend='write description = "..." and, below [attributes], lists of texts such as tone = ["calm", "angry"]',
        ) from fault


def _of_toml(document: dict[str, Any]) -> Spec:
    description, attributes = document.get("description"), document.get("attributes", {})
    unknown = ", ".join(sorted(set(document) - {"description", "attributes"}))
    if unknown:
        raise TypeError(f"it has keys that mean nothing here: {unknown}")
    if not isinstance(description, str) or not description.strip():
        raise TypeError("`description` is missing")
    if not isinstance(attributes, dict):
        raise TypeError("`attributes` is no table")
    for name, values in attributes.items():
        if not (isinstance(values, list) and values and all(isinstance(value, str) for value in values)):
            raise TypeError(f"the attribute {name!r} is no list of texts")
    return Spec(description.strip(), {name: tuple(values) for name, values in attributes.items()})


def _of_text(text: str, where: str) -> Spec:
    description, attributes = [], {}
    for line in text.splitlines():
        name, colon, values = line.partition(":")
        if colon and "|" in values and name.strip().isidentifier():
            attributes[name.strip()] = tuple(dict.fromkeys(value.strip() for value in values.split("|") if value.strip()))
        else:
            description.append(line)
    if not "".join(description).strip():
        raise DataError(
            "data.spec", what="the spec says nothing of the task", where=where, mend="describe the examples in a sentence"
        )
    return Spec("\n".join(description).strip(), {name: values for name, values in attributes.items() if values})


def with_topics(spec: Spec, seeds: Sequence[ChatExample]) -> Spec:
    """The spec itself when it has attributes; else with the clusters of the seeds as topics, where there are any."""
    found = (
        None if spec.attributes else cluster_map(["\n".join(m.text for m in seed.messages if m.role == "user") for seed in seeds])
    )
    names = tuple(dict.fromkeys(found.names)) if found else ()
    return Spec(spec.description, {TOPIC: names}) if len(names) > 1 else spec


class Draws:
    """Request number -> its draw, the same for the same seeds and spec, so that a later run goes on as this one would.

    Every seed is shown as often as any other, and every combination of attributes comes before one comes again.
    """

    def __init__(self, spec: Spec, seeds: Sequence[ChatExample]) -> None:
        self._names = list(spec.attributes)
        self._combinations = list(itertools.islice(itertools.product(*spec.attributes.values()), 100_000))
        self._seeds = list(seeds)
        random.Random(0).shuffle(self._combinations)

    def __getitem__(self, number: int) -> Draw:
        count = min(SEEDS_SHOWN, len(self._seeds))
        seeds = [self._seed(number * count + place) for place in range(count)]
        values = self._combinations[number % len(self._combinations)]
        distinct = {seed.line: seed for seed in seeds}
        return Draw(number, tuple(distinct.values()), dict(zip(self._names, values, strict=True)))

    def _seed(self, place: int) -> ChatExample:
        """The place-th of an endless row of shuffles of all seeds."""
        lap, within = divmod(place, len(self._seeds))
        order = list(range(len(self._seeds)))
        random.Random(f"seeds {lap}").shuffle(order)
        return self._seeds[order[within]]
