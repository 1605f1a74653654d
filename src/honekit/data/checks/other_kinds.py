"""What stands in preference and reinforcement files: the checks of conversations, on what these files hold of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from honekit.data.chat import ChatExample
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.checks.consistency.held_out_labels import unseen_labels
from honekit.data.checks.conversations import Kind, conversations_of, field_in, rejected_answers
from honekit.data.checks.leakage.held_out import leakage_check
from honekit.data.checks.passes import Passes
from honekit.data.checks.privacy.personal_data import PrivacyCheck
from honekit.data.checks.quality.exchanged import ExchangedPairs, without_consequences
from honekit.data.checks.quality.near_duplicates import NearDuplicates
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.score import score
from honekit.data.checks.structure.endings import Endings
from honekit.data.checks.structure.lengths import length_check
from honekit.data.checks.structure.references import empty_fields
from honekit.data.checks.turn import Turn
from honekit.data.lines import Finding
from honekit.data.preference import readable_pairs
from honekit.data.preference_faults import REJECTED
from honekit.data.records import DUPLICATE, CheckResult, Tally
from honekit.data.reinforcement import readable_prompts

_OF_CHAT = frozenset({"data.near_duplicate", DUPLICATE})
"""Two pairs for one prompt, and prompts that differ in a number only, are what these files are made of."""

_AT_ONCE = 1000


def with_contents(result: CheckResult, path: Path, kind: Kind, options: CheckOptions) -> CheckResult:
    """The result of the structural checks of such a file, and what its conversations show.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    tally, rejected = Tally(), Tally()
    checks: list[Check] = [_Answers(options), PrivacyCheck(options)]
    if leakage := leakage_check(options):
        checks.append(leakage)
    if kind == "preference" and (lengths := length_check(options)):
        checks.append(lengths)
    _look(conversations_of(path, kind), checks, tally, result.records)
    if kind == "preference":
        _look(rejected_answers(path), [PrivacyCheck(options)], rejected, result.records)
        tally.findings += _endings(path)
        exchanged = ExchangedPairs()
        for pair in readable_pairs(path):
            exchanged.see(pair)
        tally.findings += exchanged.finish()
    if kind == "reinforcement":
        tally.findings += empty_fields(readable_prompts(path))
    counts = _messages(path, kind)
    found = [
        replace(
            one, field=one.field if one.file else field_in(kind, one.field, counts[one.line]), message=_worded(kind, one.message)
        )
        for one in tally.findings
        if one.code not in _OF_CHAT
    ]
    found += [replace(one, field=f"{REJECTED[0]}[0].content") for one in rejected.findings]
    found = without_consequences(found)
    whole = Tally(findings=[*result.errors, *result.warnings, *result.advice], counts=Counter(result.counts))
    whole.totals.update(result.stats)
    for finding in found:
        whole.report(finding)
    merged = whole.result(result.path)
    merged = replace(merged, records=result.records, seconds=result.seconds, format=result.format)
    looked_at = ["structure", "consistency", "quality", "privacy", *(["leakage"] if leakage else [])]
    return replace(merged, score=score(merged, looked_at))


def _worded(kind: Kind, message: str) -> str:
    """The fields of a prompt for reinforcement were looked at as an answer, which it has not."""
    begin = "the answer "
    return f"the record {message.removeprefix(begin)}" if kind == "reinforcement" and message.startswith(begin) else message


class _Answers:
    """The checks of answers, near duplicates and labels of held-out files as one check of conversations."""

    name = "answers"

    def __init__(self, options: CheckOptions) -> None:
        self._options = options
        self._checks, self._near = AnswerChecks(), NearDuplicates()
        self._turns: list[Turn] = []
        self._found: list[Finding] = []

    def see(self, example: ChatExample) -> Iterable[Finding]:
        turn = read_turn(example)
        if turn:
            self._found += self._near.see(turn)
            self._turns.append(turn)
        if len(self._turns) >= _AT_ONCE:
            self._look()
        return ()

    def _look(self) -> None:
        self._checks.see(self._turns)
        self._checks.languages.identify()
        self._turns = []

    def finish(self) -> Iterator[Finding]:
        self._look()
        yield from self._checks.finish([*self._found, *self._near.finish()])
        yield from unseen_labels(self._checks.labels.closed(), self._options)


def _look(conversations: Iterable[ChatExample], checks: Sequence[Check], tally: Tally, most: int) -> None:
    passes = Passes(tally)
    passes.see(conversations, checks, most)
    for check in checks:
        passes.report(check.name, check.finish())


def _endings(path: Path) -> list[Finding]:
    """Preferred answers that break off."""
    endings = Endings()
    at_once = [
        endings.look(example.messages[-1].text, example.line, len(example.messages) - 1)
        for example in conversations_of(path, "preference")
        if example.messages[-1].text.strip()
    ]
    return [*filter(None, at_once), *endings.findings()]


def _messages(path: Path, kind: Kind) -> Counter[int]:
    """line -> number of messages."""
    return Counter({example.line: len(example.messages) for example in conversations_of(path, kind)})
