"""Keys that stand twice in one object of an answer's JSON, or of the arguments of a call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.structure.parts import repeated_key
from honekit.data.checks.tally import MAX_PLACES, Place
from honekit.data.checks.turn import encoded_of, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_MARK = ord('"')
_repeated = warner("data.key_repeated", "keep one of the two")


@dataclass
class RepeatedKeys:
    """`data.key_repeated` within texts; within the line itself it is an error of the structural checks."""

    found: list[tuple[Place, str]] = field(default_factory=list)
    """Places, and the key with the way to it."""

    def see(self, turns: Turns) -> None:
        if len(self.found) >= MAX_PLACES:
            return
        for turn in turns.objects:
            # A key that is lost takes two quotation marks with it, at least: most answers need no second look.
            if turn.answer.count('"') != encoded_of(turn).count(_MARK):
                self._look(turn.answer, turn.line, turn.field)
        for turn in turns.all:
            for at, message in enumerate(turn.messages) if turn.tools else ():
                for number, call in enumerate(message.tool_calls or () if message.is_trained else ()):
                    place = f"messages[{at}].tool_calls[{number}].function.arguments"
                    self._look(call.function.arguments, turn.line, place)

    def _look(self, text: str, line: int, at: str) -> None:
        key = repeated_key(text)
        if key is not None and len(self.found) < MAX_PLACES:
            self.found.append(((line, at), key))

    def join(self, later: RepeatedKeys, lines_before: int) -> None:
        room = MAX_PLACES - len(self.found)
        self.found += [((line + lines_before, at), key) for (line, at), key in later.found[:room]]

    def finish(self) -> Iterator[Finding]:
        for (line, at), key in self.found:
            yield _repeated(line, at, f"the key {shown(key)} stands twice in one object, so readers keep one of its values only")
