"""All checks over one file: first its structure, then whatever needs each conversation as an object.

`structure_parts` finds what is wrong with single lines and the exact duplicates, at the speed of the decoder and on several
cores; the checks of `CHECKS` then see every readable conversation once, in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from honekit.data.chat import KIND, readable_conversations
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.checks.endings import Endings
from honekit.data.checks.leakage import LeakageCheck
from honekit.data.checks.lengths import length_check
from honekit.data.checks.privacy import PrivacyCheck
from honekit.data.checks.ranges import parts_of
from honekit.data.checks.score import score
from honekit.data.exact import ExactDuplicates
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding
from honekit.data.records import CheckResult, Tally

CHECKS: tuple[Callable[[CheckOptions], Check | None], ...] = (AnswerChecks, LeakageCheck, PrivacyCheck, length_check)
"""A factory gives None where its check has nothing to do with these options."""

Progress = Callable[[str, float, float], None]
"""What is going on, how much of it is done, and of how much (bytes or records)."""
_SAMPLE = 500
_TOLD_FROM_S = 2.0


def check_file(
    path: Path,
    options: CheckOptions | None = None,
    *,
    checks: Sequence[Callable[[CheckOptions], Check | None]] | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
    processes: int | None = None,
) -> CheckResult:
    """Every finding of a chat file; never raises for what stands in it. `checks=()` looks at its structure alone.

    `tell` hears of checks that will take longer than a few seconds, before they do. `processes`: for a big file, by default
    one for each core.
    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    options = options or CheckOptions()
    made = [check for make in (CHECKS if checks is None else checks) if (check := make(options))]
    started = time.perf_counter()
    tally, is_whole = _structure(path, progress, processes)
    seconds = {"structure": time.perf_counter() - started}
    if made:
        seconds |= _see_all(path, made, tally, progress, tell)
    if is_whole and not tally.records:
        fix = 'write one {"messages": [...]} per line'
        tally.report(Finding("data.empty", "error", 0, "", "the file is empty", fix))
    elif is_whole:
        tally.report_too_few(MIN_TRAINING_EXAMPLES, KIND)
    result = tally.result(path)
    result.seconds = seconds
    result.score = score(result)
    return result


def _structure(path: Path, progress: Progress | None, processes: int | None) -> tuple[Tally, bool]:
    """What the lines show, and whether the file could be read to its end."""
    tally, endings = Tally(), Endings()
    size = path.stat().st_size if path.is_file() else 0
    is_whole = True
    with ExactDuplicates() as duplicates:
        for part in parts_of(path, processes):
            endings.join(part.endings, tally.lines)
            duplicates.add_packed(part.hashes, part.hashed_lines, tally.lines)
            tally.join(part.moved(tally.lines).tally)
            is_whole = not part.is_last
            if progress:
                progress("structure", part.consumed, size)
        tally.report_repeated(duplicates, KIND)
    for finding in endings.findings():
        tally.report(finding)
    return tally, is_whole


def _see_all(
    path: Path, checks: list[Check], tally: Tally, progress: Progress | None, tell: Callable[[str], None] | None
) -> dict[str, float]:
    """Every check over every conversation; the seconds that each took."""
    names = [type(check).__name__ for check in checks]
    seconds = dict.fromkeys(names, 0.0)
    clock = time.perf_counter
    for number, example in enumerate(readable_conversations(path), 1):
        begun = clock()
        for check, name in zip(checks, names, strict=True):
            _report(tally, check.see(example))
            ended = clock()
            seconds[name] += ended - begun
            begun = ended
        if number == _SAMPLE and tell:
            for name, spent in seconds.items():
                expected = spent / number * tally.records
                if expected > _TOLD_FROM_S:
                    tell(f"{name} will take about {expected:.0f} s")
        if progress and number % 1000 == 0:
            progress("conversations", number, tally.records)
    for check, name in zip(checks, names, strict=True):
        begun = clock()
        _report(tally, check.finish())
        seconds[name] += clock() - begun
    return seconds


def _report(tally: Tally, findings: Iterable[Finding]) -> None:
    for finding in findings:
        tally.report(finding)
