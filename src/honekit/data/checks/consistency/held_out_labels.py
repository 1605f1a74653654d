"""Labels that stand in the validation or test file only: the model is measured on what it was never shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs

from honekit.data.checks.check import CheckOptions
from honekit.data.checks.consistency.labels import count_labels
from honekit.data.checks.consistency.odd_labels import TEXT
from honekit.data.checks.conversations import conversations_of
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import bare, warner
from honekit.data.checks.turns import Turns
from honekit.data.infer import names_an_id
from honekit.data.lines import Finding, shown

_unseen = warner("data.labels.unseen", "add training examples of it, or write it as the training file does")


def unseen_labels(training: dict[str, set[str]], options: CheckOptions) -> Iterator[Finding]:
    """`training`: the labels of each field that takes few values, by the field's name ("" is the whole answer)."""
    known = {name: {bare(label) for label in labels} for name, labels in training.items()}
    for path in (options.validation, options.test):
        if path is None or not known:
            continue
        tallies = Tallies()
        for example in conversations_of(path):
            turn = read_turn(example)
            if turn:
                count_labels(tallies, Turns([structs.replace(turn, task=0)]))
        for name, tally in tallies.all():
            for label, places in tally.places.items() if name in known and not names_an_id(name) else ():
                if label != TEXT and bare(str(label)) not in known[name]:
                    line, field = places[0]
                    times = f"{tally.counts[label]} times in {path.name}" if tally.counts[label] > 1 else f"once in {path.name}"
                    message = f"the label {shown(label)} stands {times} and never in training"
                    yield replace(_unseen(line, f"{field}.{name}".removesuffix("."), message), file=path.name)
