"""All checks of answers. Each record's turn is read once for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import chain

from honekit.data.checks.consistency.address import Address
from honekit.data.checks.consistency.amounts import Amounts
from honekit.data.checks.consistency.answer_format import AnswerFormat
from honekit.data.checks.consistency.argument_forms import ArgumentForms
from honekit.data.checks.consistency.closings import Closings
from honekit.data.checks.consistency.combinations import Combinations
from honekit.data.checks.consistency.contradictions import Contradictions
from honekit.data.checks.consistency.currencies import Currencies
from honekit.data.checks.consistency.fences import Fences
from honekit.data.checks.consistency.headings import Headings
from honekit.data.checks.consistency.labels import Labels
from honekit.data.checks.consistency.leads import Leads
from honekit.data.checks.consistency.list_answers import ListAnswers
from honekit.data.checks.consistency.list_marks import ListMarks
from honekit.data.checks.consistency.notation import Notation
from honekit.data.checks.consistency.patterns import Patterns
from honekit.data.checks.consistency.scales import Scales
from honekit.data.checks.consistency.style import Style
from honekit.data.checks.consistency.system_prompts import SystemPrompts
from honekit.data.checks.consistency.text_fields import TextFields
from honekit.data.checks.consistency.thousands import Thousands
from honekit.data.checks.consistency.unit_systems import UnitSystems
from honekit.data.checks.privacy.unmasked import Unmasked
from honekit.data.checks.quality.announced import Announced
from honekit.data.checks.quality.arguments import Arguments
from honekit.data.checks.quality.blobs import Blobs
from honekit.data.checks.quality.clean_text import CleanText
from honekit.data.checks.quality.code_names import CodeNames
from honekit.data.checks.quality.code_syntax import CodeSyntax
from honekit.data.checks.quality.content import Content
from honekit.data.checks.quality.copied import CopiedValues
from honekit.data.checks.quality.crossed import Crossed
from honekit.data.checks.quality.cut_inputs import CutInputs
from honekit.data.checks.quality.dates import Dates
from honekit.data.checks.quality.diversity import Diversity
from honekit.data.checks.quality.escapes import Escapes
from honekit.data.checks.quality.failures import Failures
from honekit.data.checks.quality.given_away import GivenAway
from honekit.data.checks.quality.grounding import Grounding
from honekit.data.checks.quality.injections import Injections
from honekit.data.checks.quality.languages import Languages
from honekit.data.checks.quality.misnamed import Misnamed
from honekit.data.checks.quality.numbers import Numbers
from honekit.data.checks.quality.off_topic import OffTopic
from honekit.data.checks.quality.offers import Offers
from honekit.data.checks.quality.references import References
from honekit.data.checks.quality.repeated_keys import RepeatedKeys
from honekit.data.checks.quality.repetition import Repetition
from honekit.data.checks.quality.results import Results
from honekit.data.checks.quality.shifted import Shifted
from honekit.data.checks.quality.sides import Sides
from honekit.data.checks.quality.sql_names import SqlNames
from honekit.data.checks.quality.sums import Sums
from honekit.data.checks.quality.times import Times
from honekit.data.checks.quality.traces import Traces
from honekit.data.checks.quality.voices import Voices
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import TurnCheck, Turns
from honekit.data.lines import Finding

_OF_VALUES = (
    "copied", "arguments", "numbers", "times", "patterns", "text_fields", "list_answers", "code_syntax", "off_topic", "headings",
    "offers", "voices", "argument_forms", "leads", "code_names", "results", "misnamed",
)  # fmt: skip


@dataclass
class AnswerChecks:
    """What all of them remember of a file, or of a part of it: parts are joined in their order."""

    contradictions: Contradictions = field(default_factory=Contradictions)
    system_prompts: SystemPrompts = field(default_factory=SystemPrompts)
    answer_format: AnswerFormat = field(default_factory=AnswerFormat)
    headings: Headings = field(default_factory=Headings)
    labels: Labels = field(default_factory=Labels)
    notation: Notation = field(default_factory=Notation)
    style: Style = field(default_factory=Style)
    content: Content = field(default_factory=Content)
    grounding: Grounding = field(default_factory=Grounding)
    closings: Closings = field(default_factory=Closings)
    amounts: Amounts = field(default_factory=Amounts)
    currencies: Currencies = field(default_factory=Currencies)
    thousands: Thousands = field(default_factory=Thousands)
    unit_systems: UnitSystems = field(default_factory=UnitSystems)
    clean_text: CleanText = field(default_factory=CleanText)
    diversity: Diversity = field(default_factory=Diversity)
    languages: Languages = field(default_factory=Languages)
    copied: CopiedValues = field(default_factory=CopiedValues)
    numbers: Numbers = field(default_factory=Numbers)
    patterns: Patterns = field(default_factory=Patterns)
    address: Address = field(default_factory=Address)
    announced: Announced = field(default_factory=Announced)
    argument_forms: ArgumentForms = field(default_factory=ArgumentForms)
    arguments: Arguments = field(default_factory=Arguments)
    blobs: Blobs = field(default_factory=Blobs)
    code_names: CodeNames = field(default_factory=CodeNames)
    code_syntax: CodeSyntax = field(default_factory=CodeSyntax)
    combinations: Combinations = field(default_factory=Combinations)
    cut_inputs: CutInputs = field(default_factory=CutInputs)
    crossed: Crossed = field(default_factory=Crossed)
    dates: Dates = field(default_factory=Dates)
    fences: Fences = field(default_factory=Fences)
    escapes: Escapes = field(default_factory=Escapes)
    failures: Failures = field(default_factory=Failures)
    given_away: GivenAway = field(default_factory=GivenAway)
    injections: Injections = field(default_factory=Injections)
    leads: Leads = field(default_factory=Leads)
    list_answers: ListAnswers = field(default_factory=ListAnswers)
    list_marks: ListMarks = field(default_factory=ListMarks)
    repeated_keys: RepeatedKeys = field(default_factory=RepeatedKeys)
    misnamed: Misnamed = field(default_factory=Misnamed)
    off_topic: OffTopic = field(default_factory=OffTopic)
    offers: Offers = field(default_factory=Offers)
    references: References = field(default_factory=References)
    repetition: Repetition = field(default_factory=Repetition)
    results: Results = field(default_factory=Results)
    scales: Scales = field(default_factory=Scales)
    shifted: Shifted = field(default_factory=Shifted)
    sides: Sides = field(default_factory=Sides)
    sql_names: SqlNames = field(default_factory=SqlNames)
    sums: Sums = field(default_factory=Sums)
    text_fields: TextFields = field(default_factory=TextFields)
    times: Times = field(default_factory=Times)
    traces: Traces = field(default_factory=Traces)
    unmasked: Unmasked = field(default_factory=Unmasked)
    voices: Voices = field(default_factory=Voices)

    @classmethod
    def knowing(cls, everyday: frozenset[str] | None) -> AnswerChecks:
        """For a later part of a file whose first part gave these everyday words."""
        crossed = Crossed() if everyday is None else Crossed(most=0)
        return cls(languages=Languages(everyday), crossed=crossed)

    def checks(self) -> dict[str, TurnCheck]:
        return {name: getattr(self, name) for name in _names()}

    def see(self, turns: Iterable[Turn]) -> None:
        block = Turns(turns)
        for check in self.checks().values():
            check.see(block)

    def join(self, later: AnswerChecks, lines_before: int) -> None:
        """Add what was seen in a later part of the same file."""
        others = later.checks()
        for name, check in self.checks().items():
            check.join(others[name], lines_before)

    def finish(self, others: Iterable[Finding] = ()) -> Iterator[Finding]:
        """The findings; those of `others` come before those of `_OF_VALUES` and advice on style.

        Advice on the style of an answer that has a warning is left out: the answer has to be written anew anyway. So
        is what the checks of `_OF_VALUES` say of a value that another check named already."""
        checks = self.checks()
        style, *of_values = (checks.pop(name) for name in ("style", *_OF_VALUES))
        warned: defaultdict[int, set[str]] = defaultdict(set)
        for finding in chain(chain.from_iterable(check.finish() for check in checks.values()), others):
            if finding.severity == "warning":
                warned[finding.line].add(finding.field)
            yield finding
        values = [*chain.from_iterable(check.finish() for check in of_values)]
        # A doubt about a value must not hide what is surely wrong with it.
        for finding in sorted(values, key=lambda one: one.severity == "advice"):
            if not _is_told(finding.field, warned[finding.line]):
                warned[finding.line].add(finding.field)
                yield finding
        yield from (finding for finding in style.finish() if finding.field not in warned[finding.line])


@cache
def _names() -> tuple[str, ...]:
    """Of all checks: asked for with each block of lines."""
    return tuple(one.name for one in fields(AnswerChecks))


def _is_told(field: str, warned: set[str]) -> bool:
    """Whether another finding names the same value, the answer that it stands in, or a part of it."""
    return any(other.startswith(field) or field.startswith(other) for other in warned)
