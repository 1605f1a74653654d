"""All checks over one file: first its lines, then whatever a library has to be asked for.

`scan_file` finds what is wrong with single lines and the exact duplicates, and counts what the checks of answers compare, at the
speed of the decoder and on several cores. Near duplicates and the checks of `LIBRARY_CHECKS` then see the readable conversations
in one pass of their own, secrets and personal data of a big file in another one on several cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from honekit.data.chat import KIND, ChatExample, readable_conversations
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.checks.consistency.held_out_labels import unseen_labels
from honekit.data.checks.leakage.held_out import LeakageCheck, leakage_check
from honekit.data.checks.passes import Passes, Progress, Tell
from honekit.data.checks.privacy.personal_data import PrivacyCheck
from honekit.data.checks.quality.near_duplicates import MAX_RECORDS, NearDuplicates
from honekit.data.checks.quality.near_many import MOST, ManyNearDuplicates
from honekit.data.checks.ranges import process_count
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.scan import scan_file
from honekit.data.checks.score import score
from honekit.data.checks.structure.lengths import length_check
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding
from honekit.data.records import DUPLICATE, CheckResult, Tally

LIBRARY_CHECKS: tuple[Callable[[CheckOptions], Check | None], ...] = (leakage_check, PrivacyCheck, length_check)
"""A factory gives None where its check has nothing to do with these options."""


def check_file(
    path: Path,
    options: CheckOptions | None = None,
    *,
    checks: Sequence[Callable[[CheckOptions], Check | None]] | None = None,
    answers: bool | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
    processes: int | None = None,
) -> CheckResult:
    """Every finding of a chat file; never raises for what stands in it.

    `checks=()` leaves out all that libraries are asked for, and with `answers` not given also the checks of consistency and
    quality. `tell` hears of checks that will take longer than a few seconds, before they do. `processes`: for a big file, by
    default one for each core.
    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    options = options or CheckOptions()
    made = [check for make in (LIBRARY_CHECKS if checks is None else checks) if (check := make(options))]
    asked = tuple(made)
    with_answers = checks is None if answers is None else answers
    in_lines = "structure and answers" if with_answers else "structure"
    begun = time.perf_counter()
    scanned = scan_file(path, with_answers, processes, progress)
    tally = scanned.tally
    passes = Passes(tally, progress, tell, {in_lines: time.perf_counter() - begun})
    if made and scanned.is_whole and process_count(path, processes) > 1:
        # What looks at each record by itself is done by the workers; the others have to see all records in one place.
        for check in [check for check in made if isinstance(check, PrivacyCheck)]:
            made.remove(check)
            passes.see_private(path, options, processes)
    near = NearDuplicateCheck(tally.records) if checks is None else None
    if near and not made:
        passes.see(readable_conversations(path), [near], near.most)
    elif made:
        passes.see(readable_conversations(path), [near, *made] if near else made, tally.records)
    if with_answers:
        passes.report(in_lines, scanned.answers.finish(_new(near.finish(), tally) if near else ()))
        passes.report("held-out labels", unseen_labels(scanned.answers.labels.closed(), options))
    for check in made:
        passes.report(check.name, check.finish())
    if scanned.is_whole and not tally.records:
        fix = 'write one {"messages": [...]} per line'
        tally.report(Finding("data.empty", "error", 0, "", "the file is empty", fix))
    elif scanned.is_whole:
        tally.report_too_few(MIN_TRAINING_EXAMPLES, KIND)
    result = tally.result(path)
    result.seconds = passes.seconds
    looked_at = ["structure", *(("consistency", "quality") if with_answers else ())]
    looked_at += [group for kind, group in ((LeakageCheck, "leakage"), (PrivacyCheck, "privacy")) if _has(kind, asked)]
    result.score = score(result, looked_at)
    return result


def _new(findings: Iterable[Finding], tally: Tally) -> Iterator[Finding]:
    """Those of lines that are not known to repeat an earlier one, as long as all of these are listed."""
    told = {one.line for one in tally.findings if one.code == DUPLICATE}
    are_all = tally.counts[DUPLICATE] == len(told)
    return (one for one in findings if one.code != DUPLICATE or (are_all and one.line not in told))


def _has(kind: type, checks: Sequence[Check]) -> bool:
    return any(isinstance(check, kind) for check in checks)


class NearDuplicateCheck:
    """Near duplicates as a check of conversations; all findings come at the end."""

    name = "near duplicates"

    def __init__(self, records: int, held: int = MAX_RECORDS) -> None:
        """`records` of the file, of which the first `held` are compared in all ways."""
        self.most = min(records, MOST)
        """So many records are looked at, the first of the file."""
        self._held = NearDuplicates(held)
        self._many = ManyNearDuplicates(held) if self.most > held else None
        self._left = self.most
        self._found: list[Finding] = []

    def see(self, example: ChatExample) -> Iterable[Finding]:
        turn = read_turn(example) if self._left else None
        if turn:
            self._left -= 1
            self._found += self._held.see(turn)
            if self._many:
                self._many.see(turn)
        return ()

    def finish(self) -> Iterator[Finding]:
        yield from self._found
        yield from self._held.finish()
        if self._many:
            yield from self._many.finish()
