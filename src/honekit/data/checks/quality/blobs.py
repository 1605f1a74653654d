"""Encoded bytes in a text, such as an image as base64: thousands of tokens that say nothing to a text model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.short_texts import has_long_run
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_LEAST = 400
_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{400,}")

_blob = warner("data.text.blob", "take it out, or put a description in its place")


@dataclass
class Blobs:
    """`data.text.blob`."""

    found: Tally = field(default_factory=Tally)

    def see(self, turns: Turns) -> None:
        for turn in turns.all:
            if len(turn.text) >= _LEAST and has_long_run(turn.text, _LEAST):
                for at, message in enumerate(turn.messages):
                    blob = _BLOB.search(message.text)
                    if blob and len(set(blob[0])) > 8:
                        self.found.add("", turn.line, f"messages[{at}].content")

    def join(self, later: Blobs, lines_before: int) -> None:
        self.found.join(later.found, lines_before)

    def finish(self) -> Iterator[Finding]:
        for line, at in self.found.places.get("", ()):
            yield _blob(line, at, "the text has encoded bytes: a run of 400 letters and digits or more")
