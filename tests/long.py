"""`make test-long` in parts: what has passed stands in `.pytest-long.json`, and the next call goes on with the rest.

A part is one test as pytest names it; it passes whole or not at all. Loaded by `-p tests.long`. Two workers of pytest-xdist take
the longest parts first.
"""

from __future__ import annotations

import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from honekit.store.atomic import write_atomic

RECORD = Path(".pytest-long.json")
MINUTES = {
    "test_what_the_chat_rules_pass_can_be_read_and_rendered": 10,
    "test_any_adapter_is_read_or_refused": 10,
    "test_any_hone_toml_is_a_project_or_told_what_is_wrong": 10,
    "test_calls_in_an_answer_do_not_depend_on_how_it_comes": 10,
    "test_any_bytes_are_checked_without_a_crash_and_lines_are_numbered_right": 10,
    "test_a_server_that_is_killed_loses_no_job_and_repeats_no_event": 10,
    "test_no_text_of_a_request_is_taken_for_a_path": 8,
    "test_the_states_follow_the_model_for_many_more_steps": 7,
    "test_every_key_has_one_effect_whatever_is_lost": 2.6,
    "test_what_the_system_refuses_fails_the_job_with_its_cause_or_is_got_over": 2,
    "test_of_two_workers_one_gets_the_job": 1.7,
    "test_a_worker_that_was_given_up_for_dead_changes_nothing_when_it_wakes_up": 1.2,
    "test_a_worker_that_wakes_up_after_its_job_was_cancelled_publishes_nothing": 1,
    "test_a_clock_that_jumps_an_hour_changes_nothing_that_a_job_leaves": 0.8,
    "test_kills_change_nothing_that_a_job_leaves": 0.8,
    "test_a_pause_at_any_moment_changes_nothing_that_a_job_leaves": 0.8,
    "test_a_cancelled_job_publishes_nothing_and_one_that_was_done_before_is_whole": 0.6,
    "test_what_was_made_is_found_until_it_is_deleted": 1.8,
    "test_what_was_stored_is_found_until_it_is_deleted": 1,
    "test_many_generated_requests": 0.5,
    "test_a_limit_of_the_kernel_fails_the_job_with_its_cause_or_is_got_over": 0.4,
    "test_a_disk_that_is_really_full_fails_the_job_with_its_cause_or_is_got_over": 0.3,
    "test_nor_does_the_kernel_see_one": 0.3,
}
"""Processor minutes of a part, by its test, roughly; docs/reliability.md says which were measured."""
USUAL_MINUTES = 0.1
"""Of any other."""
_passed = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    at_work = getattr(config, "workerinput", None)  # only in the workers of pytest-xdist
    if at_work is None:
        ledger = Ledger(config.getoption("numprocesses") or 1)
        config.pluginmanager.register(ledger)
        config.stash[_passed] = list(ledger.passed)
    else:
        config.stash[_passed] = at_work["passed"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    passed = set(config.stash[_passed])
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
    items[:] = sorted((item for item in items if item.nodeid not in passed), key=lambda item: -minutes([item.nodeid]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.user_properties.append(("begun", (time.monotonic(), processor_s())))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "teardown":
        known = dict(item.user_properties)
        began, used_before = known["begun"]
        sizes = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        measured = {
            "n": known.get("n") or known.get("trials") or sizes.get("trials", 1),
            "processor_s": round(processor_s() - used_before, 1),
            "wall_s": round(time.monotonic() - began, 1),
        }
        report.user_properties = [("measured", measured)]
    return report


class Ledger:
    """Of the process that reports: which parts have passed, at which commit, and how long they took."""

    def __init__(self, workers: int) -> None:
        self.passed: dict[str, dict[str, Any]] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        self.workers, self.has_begun, self.left, self.failed = workers, False, set[str](), set[str]()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["passed"] = list(self.passed)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._begin(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin([item.nodeid for item in session.items])

    def _begin(self, ids: Sequence[str]) -> None:
        if self.has_begun:  # each worker collects
            return
        self.has_begun, self.left, self.commit = True, set(ids), commit()
        elsewhere = sum(part["commit"] != self.commit for part in self.passed.values())
        at = f" ({elsewhere} of them at another commit; `make test-long AGAIN=1` starts anew)" if elsewhere else ""
        say(f"test-long: {len(self.passed) + len(ids)} parts, {len(self.passed)} passed before{at}; {self._estimate()}")

    def _estimate(self) -> str:
        return f"{len(self.left)} left, about {minutes(self.left) / self.workers:.0f} min on {self.workers} quiet cores"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self.failed.add(report.nodeid)
            say(report.longreprtext)  # pytest tells of it at the end, which may be an hour away
        if report.when != "teardown":
            return
        self.left.discard(report.nodeid)
        ended = "has not passed"
        if report.nodeid not in self.failed:
            measured = dict(report.user_properties)["measured"]
            self.passed[report.nodeid] = {"commit": self.commit, "machine": machine(), **measured}
            write_atomic(RECORD, json.dumps(self.passed, indent=1) + "\n")
            ended = f"passed in {measured['wall_s']:.0f} s, {measured['processor_s']:.0f} s of a processor"
        say(f"test-long: {report.nodeid} {ended}; {self._estimate()}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.passed:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("parts that have passed")
        terminalreporter.write_line(table(self.passed))


def table(passed: dict[str, dict[str, Any]]) -> str:
    """One row for each test, its parts together, as in docs/reliability.md."""
    tests: dict[str, list[dict[str, Any]]] = {}
    for part, measured in passed.items():
        tests.setdefault(test_of(part), []).append(measured)
    rows = ["| Test | parts | n | 3/n | processor min | commit |", "| --- | --- | --- | --- | --- | --- |"]
    for test, parts in sorted(tests.items()):
        n = sum(part["n"] for part in parts)
        commits = ", ".join(sorted({part["commit"] for part in parts}))
        used = sum(part["processor_s"] for part in parts) / 60
        bound = f"{300 / n:.2g} %" if n >= 10 else ""
        rows.append(f"| `{test}` | {len(parts)} | {n:,} | {bound} | {used:.1f} | {commits} |")
    machines = "; ".join(sorted({part["machine"] for part in passed.values()}))
    total = sum(part["processor_s"] for part in passed.values()) / 60
    return "\n".join([*rows, f"{total:.0f} processor minutes in all, on {machines or 'no machine'}"])


def test_of(part: str) -> str:
    return part.rpartition("::")[2].partition("[")[0]


def minutes(parts: Iterable[str]) -> float:
    return sum(MINUTES.get(test_of(part), USUAL_MINUTES) for part in parts)


def processor_s() -> float:
    """What this process and its children that have ended have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def say(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)
