"""The questions of the interview, and answers that are checked against them."""

from __future__ import annotations

import difflib
import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from honekit.errors import DataError

Option = Literal[
    "prompt", "few-shot", "rag", "fine-tune", "fine-tune+rag", "tools", "classical", "other-model", "not-yet", "nothing"
]
OPTIONS: tuple[Option, ...] = get_args(Option)

UNKNOWN = "unknown"
"""Every question may be answered with it; it means the same as no answer."""
MAX_INTEGER = 10**12

Answers = Mapping[str, str | int | tuple[str, ...]]
"""Question id -> value; what is not known is not there."""


@dataclass(frozen=True)
class Question:
    id: str
    type: Literal["text", "choice", "choices", "integer"]
    text: str
    help: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    """Allowed values with their meaning."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "values": dict(self.values)}


def read_package_toml(name: str) -> dict[str, Any]:
    """A data file of this package."""
    return tomllib.loads(resources.files("honekit.decide").joinpath(name).read_text(encoding="utf-8"))


@functools.cache
def load_questions() -> tuple[Question, ...]:
    """In the order of the interview."""
    return tuple(Question(**raw) for raw in read_package_toml("questions.toml")["question"])


def questions_document() -> dict[str, Any]:
    """JSON-ready: the questions, and the word for an answer that is not known."""
    return {"questions": [question.as_dict() for question in load_questions()], "unknown": UNKNOWN}


def check_answers(raw: Any, where: str) -> Answers:
    """Answers as `decide` takes them. Raises: DataError[decide.answers] that lists every fault."""
    if not isinstance(raw, dict):
        raise _fault(where, ["the answers are no object"])
    known = {question.id: question for question in load_questions()}
    faults: list[str] = []
    answers: dict[str, str | int | tuple[str, ...]] = {}
    for name, value in raw.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            faults.append(f"there is no question {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        elif value is not None and value not in (UNKNOWN, [], [UNKNOWN], ""):
            fault = value_fault(known[name], value)
            if fault:
                faults.append(f"{name}: {fault}")
            else:
                answers[name] = tuple(value) if isinstance(value, list) else value
    if faults:
        raise _fault(where, faults)
    return answers


def read_answers(path: Path) -> Answers:
    """Answers from a JSON or TOML file. Raises: DataError[decide.answers | decide.unreadable]."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_object)
    except (OSError, ValueError, RecursionError) as fault:
        raise DataError(
            "decide.unreadable",
            what=f"the answers cannot be read: {(fault.strerror or fault) if isinstance(fault, OSError) else fault}",
            where=str(path),
            mend="write one JSON object {question: answer}; `hone decide questions --json` prints the questions",
        ) from fault
    return check_answers(raw, str(path))


def value_fault(question: Question, value: Any) -> str | None:
    """What is wrong with a value as the answer to a question, or None."""
    match question.type:
        case "text":
            return text_fault(value) if isinstance(value, str) else "write a text"
        case "integer":
            is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER
            return None if is_number else f"{json.dumps(value)[:40]} is not a whole number from 0 to {MAX_INTEGER}"
        case "choice":
            given = [value]
        case "choices":
            if not isinstance(value, list):
                return f'write a list of values, such as ["{next(iter(question.values))}"]'
            given = value
    for one in given:
        if not isinstance(one, str) or one not in question.values:
            return f"{json.dumps(one)[:40]} is not one of {', '.join(question.values)}"
    if "nothing" in given and len(given) > 1:
        return "`nothing` and something else contradict each other"
    return None


def text_fault(text: str) -> str | None:
    """Why a text cannot be kept: bytes that are no UTF-8, as a terminal or a file in another encoding gives them; else None."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "has characters that are not UTF-8; write it in UTF-8"
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises: ValueError for a name that is given twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is answered twice")
    return found


def _fault(where: str, faults: list[str]) -> DataError:
    return DataError(
        "decide.answers",
        what="the answers do not fit the questions:\n" + "\n".join(f"    {fault}" for fault in faults),
        where=where,
        mend='`hone decide questions` prints the questions with their values; leave out what you do not know, or write "unknown"',
    )
