"""The interview of `hone decide` in the terminal: one question at a time, back and forth, kept after every answer."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.errors import SettingsError

if TYPE_CHECKING:
    from honekit.decide import Answers, Question

BACK, CLEAR = "b", "-"


def read_or_ask(file: Path | None, save: Path | None, *, restart: bool = False) -> Answers:
    """The answers of a file, or without one those of the interview. Raises as `read_answers` and `interview` do."""
    from honekit.decide import read_answers
    from honekit.decide.questions import check_answers

    if file and save:
        raise SettingsError(
            "cli.usage", what="--save keeps the answers of an interview, and --answers leaves none to hold",
            mend="leave one of them away",
        )  # fmt: skip
    return read_answers(file) if file else check_answers(interview(save, restart=restart), "the interview")


def interview(save: Path | None, *, restart: bool = False) -> dict[str, Any]:
    """The answers, unchecked; those of an interrupted interview are gone on with.

    Raises: SettingsError[decide.no_terminal]; KeyboardInterrupt, after which the next call goes on at the same question.
    """
    from honekit.decide import load_questions
    from honekit.decide.questions import value_fault
    from honekit.settings import home
    from honekit.store.atomic import write_atomic

    if not sys.stdin.isatty():
        raise SettingsError(
            "decide.no_terminal",
            what="there is no terminal to ask in",
            mend="give --answers FILE; `hone decide questions --json` prints the questions",
        )
    if isinstance(sys.stdin, io.TextIOWrapper):  # what is no UTF-8 is told as the answer's fault, whatever the locale
        sys.stdin.reconfigure(errors="surrogateescape")
    kept = home() / "interview.json"
    questions = load_questions()
    given, at = ({}, 0) if restart else _kept(kept)
    # An interview may have been begun with an older version's questions.
    given = {one.id: given[one.id] for one in questions if one.id in given and value_fault(one, given[one.id]) is None}
    at = min(at, len(questions) - 1)
    if at:
        _say(f"Going on at question {at + 1}; `hone decide --restart` begins anew.")
    _say(f"Enter leaves a question open or keeps its answer, {BACK} goes back, {CLEAR} takes an answer away, Ctrl-C stops.\n")
    try:
        while at < len(questions):
            question = questions[at]
            step, value = _ask(question, f"{at + 1}/{len(questions)}", given.get(question.id))
            given = {name: old for name, old in given.items() if name != question.id}
            if value is not None:
                given[question.id] = value
            at = max(0, at + step)
            write_atomic(kept, json.dumps({"at": at, "answers": given}, ensure_ascii=False) + "\n")
    except KeyboardInterrupt:
        _say("\nYour answers are kept: `hone decide` goes on here.")
        raise
    if save is not None:
        write_atomic(save, json.dumps(given, indent=2, ensure_ascii=False) + "\n")
    kept.unlink(missing_ok=True)
    return given


def _kept(file: Path) -> tuple[dict[str, Any], int]:
    """Answers so far and the number of the next question; a file that cannot be read is an interview not begun."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return dict(found["answers"]), max(0, int(found["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}, 0


def _ask(question: Question, counter: str, given: Any) -> tuple[int, Any]:
    """How many questions to go on, and the answer; None leaves it open."""
    _say(f"{counter}  {question.text}")
    if question.help:
        _say(f"     {question.help}")
    for index, (value, meaning) in enumerate(question.values.items(), 1):
        _say(f"  {index:>2}  {meaning}{'   (your answer)' if value in _listed(given) else ''}")
    if given is not None and not question.values:
        _say(f"     Your answer: {given}")
    while True:
        print("several numbers> " if question.type == "choices" else "> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        typed = line.strip()
        if typed in ("", BACK, CLEAR):
            _say("")
            return -1 if typed == BACK else 1, None if typed == CLEAR else given
        value, fault = _read(question, typed)
        if fault is None:
            _say("")
            return 1, value
        _say(f"  {fault}")


def _read(question: Question, typed: str) -> tuple[Any, str | None]:
    """The answer that was typed, or why it is none."""
    from honekit.decide.questions import value_fault

    values = list(question.values)
    value: Any = typed
    if question.type == "integer":
        digits = typed.replace(",", "").replace(" ", "")
        value = int(digits) if digits.isascii() and digits.isdigit() else typed
    elif question.type != "text":
        parts = list(dict.fromkeys(_value(part, values) for part in typed.replace(",", " ").split()))
        value = parts if question.type == "choices" else parts[0] if len(parts) == 1 else typed
    fault = value_fault(question, value)
    if fault and " is not one of " in fault:
        fault = "please type " + (
            f"numbers from 1 to {len(values)}, such as 1 3" if question.type == "choices" else f"1 to {len(values)}"
        )
    return value, fault


def _value(typed: str, values: list[str]) -> str:
    return values[int(typed) - 1] if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(values) else typed


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list) else [given]


def _say(line: str) -> None:
    print(line, file=sys.stderr)
