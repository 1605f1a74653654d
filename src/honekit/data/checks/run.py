"""All checks over one file: the record's own faults first, then what only the whole file shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from honekit.data.chat import ChatExample, scan_chat_file
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.check import Check, CheckOptions
from honekit.data.checks.leakage import LeakageCheck
from honekit.data.checks.privacy import PrivacyCheck
from honekit.data.records import CheckResult, Report

CHECKS: tuple[Callable[[CheckOptions], Check], ...] = (AnswerChecks, LeakageCheck, PrivacyCheck)


def check_file(path: Path, options: CheckOptions | None = None) -> CheckResult:
    """Every finding of a chat file; never raises for what stands in it.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    checks = [make(options or CheckOptions()) for make in CHECKS]

    def see(example: ChatExample, report: Report) -> None:
        for check in checks:
            for finding in check.see(example):
                report(finding)

    def finish(report: Report) -> None:
        for check in checks:
            for finding in check.finish():
                report(finding)

    return scan_chat_file(path, see, finish)
