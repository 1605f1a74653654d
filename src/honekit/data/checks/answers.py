"""The checks of consistency and quality: each conversation is read once, and every one of them looks at the same turn."""

from __future__ import annotations

from collections.abc import Iterator

from honekit.data.chat import ChatExample
from honekit.data.checks.answer_format import AnswerFormat
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.clean_text import CleanText
from honekit.data.checks.closings import Closings
from honekit.data.checks.content import Content
from honekit.data.checks.contradictions import Contradictions
from honekit.data.checks.copied import CopiedValues
from honekit.data.checks.diversity import Diversity
from honekit.data.checks.grounding import Grounding
from honekit.data.checks.labels import Labels
from honekit.data.checks.languages import Languages
from honekit.data.checks.near_duplicates import NearDuplicates
from honekit.data.checks.notation import Notation
from honekit.data.checks.numbers import Numbers
from honekit.data.checks.patterns import Patterns
from honekit.data.checks.style import Style
from honekit.data.checks.system_prompts import SystemPrompts
from honekit.data.checks.turn import TurnCheck, read_turn
from honekit.data.checks.unit_systems import UnitSystems
from honekit.data.lines import Finding


class AnswerChecks:
    """A `Check` made of all checks of answers."""

    def __init__(self, options: CheckOptions) -> None:
        self._checks: tuple[TurnCheck, ...] = (
            Contradictions(),
            SystemPrompts(),
            AnswerFormat(),
            Labels(options),
            Notation(),
            Style(),
            Content(),
            Grounding(),
            Closings(),
            UnitSystems(),
            CleanText(),
            Diversity(),
            Languages(),
            NearDuplicates(),
            CopiedValues(),
            Numbers(),
            Patterns(),
        )

    def see(self, example: ChatExample) -> Iterator[Finding]:
        turn = read_turn(example)
        if turn:
            for check in self._checks:
                yield from check.see(turn)

    def finish(self) -> Iterator[Finding]:
        """Advice on the style of an answer that has a warning is left out: the answer has to be written anew anyway. So
        is what the last three say of a value that another check named as a wrong date, unit, label, type or identifier."""
        warned: set[tuple[int, str]] = set()
        style: list[Finding] = []
        for check in self._checks:
            for finding in check.finish():
                if isinstance(check, Style):
                    style.append(finding)
                    continue
                if isinstance(check, CopiedValues | Numbers | Patterns) and _is_told(finding, warned):
                    continue
                if finding.severity == "warning":
                    warned.add((finding.line, finding.field))
                yield finding
        yield from (finding for finding in style if (finding.line, finding.field) not in warned)


def _is_told(finding: Finding, warned: set[tuple[int, str]]) -> bool:
    """Whether another finding names the same value, the answer that it stands in, or a part of it."""
    return any(
        line == finding.line and (field.startswith(finding.field) or finding.field.startswith(field)) for line, field in warned
    )
