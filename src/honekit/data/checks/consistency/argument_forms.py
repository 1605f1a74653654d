"""What tools are called with, written unlike nearly all other calls: `06/06/2025` among `2025-05-12`, `+2` among `2`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from msgspec import structs

from honekit.data.checks.consistency.notation import FORMS_OF_DATES, date_form
from honekit.data.checks.consistency.patterns import Patterns
from honekit.data.checks.short_texts import of_turn
from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import Turn, json_value, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_TOOL = re.compile(r"(?<=\.arguments)\.[^.]+(?=\.)")
_VALUE = re.compile(r"\d[\d./-]{6,8}\d")
_MOSTLY = 0.75

_date = warner("data.style.dates", "write all dates in one way; ISO 8601 (2026-04-03) cannot be misread")


@dataclass
class ArgumentForms:
    """`data.format.pattern` and `data.style.dates` for the arguments of calls: those of each tool as an object of its own,
    and the dates of all tools together."""

    patterns: Patterns = field(default_factory=Patterns)
    dates: Tallies = field(default_factory=Tallies)

    def see(self, turns: Turns) -> None:
        calls = [one for turn in turns.all if turn.tools for one in _calls_of(turn)]
        if calls:
            self.patterns.see(Turns(calls))
            for turn in calls:
                self._count_dates(turn)

    def _count_dates(self, turn: Turn) -> None:
        for path, texts in of_turn(turn).items():
            for text in texts:
                found = _VALUE.fullmatch(text)
                if found and (form := date_form(text, found)):
                    self.dates.add(turn.task, "", form, turn.line, f"{turn.field}.{path}")

    def join(self, later: ArgumentForms, lines_before: int) -> None:
        self.patterns.join(later.patterns, lines_before)
        self.dates.join(later.dates, lines_before)

    def finish(self) -> Iterator[Finding]:
        dates = [*self._odd_dates()]
        told = {(one.line, one.field) for one in dates}
        for finding in (*dates, *(one for one in self.patterns.finish() if (one.line, one.field) not in told)):
            yield replace(finding, field=_TOOL.sub("", finding.field, count=1))

    def _odd_dates(self) -> Iterator[Finding]:
        for _, tally in self.dates.all():
            usual = FORMS_OF_DATES.get(str(tally.main))
            for kind, (line, at) in tally.odd(share=_MOSTLY):
                said = f"{tally.counts[tally.main]} of {tally.total} dates in calls are written {usual}"
                yield _date(line, at, f"a date is written as {FORMS_OF_DATES[str(kind)]}; {said}")


def _calls_of(turn: Turn) -> Iterator[Turn]:
    """The trained calls of a conversation, each as if its arguments were the answer."""
    for at, message in enumerate(turn.messages):
        for number, call in enumerate(message.tool_calls or ()) if message.is_trained else ():
            given = json_value(call.function.arguments)
            if type(given) is dict:
                place = f"messages[{at}].tool_calls[{number}].function.arguments"
                yield structs.replace(
                    turn, field=place, value={call.function.name: given}, short_texts=None, labels=None, leaves=None
                )
