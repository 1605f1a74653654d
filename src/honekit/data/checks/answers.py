"""The checks of consistency and quality: each conversation is read once, and every one of them looks at the same turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

from honekit.data.checks.answer_format import AnswerFormat
from honekit.data.checks.clean_text import CleanText
from honekit.data.checks.content import Content
from honekit.data.checks.contradictions import Contradictions
from honekit.data.checks.diversity import Diversity
from honekit.data.checks.grounding import Grounding
from honekit.data.checks.labels import Labels
from honekit.data.checks.languages import Languages
from honekit.data.checks.notation import Notation
from honekit.data.checks.style import Style
from honekit.data.checks.system_prompts import SystemPrompts
from honekit.data.checks.turn import Turn, TurnCheck
from honekit.data.lines import Finding


@dataclass
class AnswerChecks:
    """What all of them remember of a file, or of a part of it: parts are joined in their order."""

    contradictions: Contradictions = field(default_factory=Contradictions)
    system_prompts: SystemPrompts = field(default_factory=SystemPrompts)
    answer_format: AnswerFormat = field(default_factory=AnswerFormat)
    labels: Labels = field(default_factory=Labels)
    notation: Notation = field(default_factory=Notation)
    style: Style = field(default_factory=Style)
    content: Content = field(default_factory=Content)
    grounding: Grounding = field(default_factory=Grounding)
    clean_text: CleanText = field(default_factory=CleanText)
    diversity: Diversity = field(default_factory=Diversity)
    languages: Languages = field(default_factory=Languages)

    @classmethod
    def knowing(cls, everyday: frozenset[str] | None) -> AnswerChecks:
        """For a later part of a file whose first part gave these everyday words."""
        return cls(languages=Languages(everyday))

    def checks(self) -> dict[str, TurnCheck]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def see(self, turns: Iterable[Turn]) -> None:
        looks = [check.see for check in self.checks().values()]
        for turn in turns:
            for look in looks:
                look(turn)

    def join(self, later: AnswerChecks, lines_before: int) -> None:
        """Add what was seen in a later part of the same file."""
        others = later.checks()
        for name, check in self.checks().items():
            check.join(others[name], lines_before)

    def finish(self, others: Iterable[Finding] = ()) -> Iterator[Finding]:
        """The findings; those of `others` come before advice on style.

        Advice on the style of an answer that has a warning is left out: the answer has to be written anew anyway."""
        warned: set[tuple[int, str]] = set()
        found = [finding for check in self.checks().values() if check is not self.style for finding in check.finish()]
        for finding in (*found, *others):
            if finding.severity == "warning":
                warned.add((finding.line, finding.field))
            yield finding
        style = list(self.style.finish())
        warned |= {(finding.line, finding.field) for finding in style if finding.severity == "warning"}
        yield from (finding for finding in style if (finding.line, finding.field) not in warned)
