"""The assistant over a model whose answers are known: order, faults in the place of answers, batches that fit into memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from honekit.data.lines import line_of
from honekit.errors import DataError
from honekit.inference import Completion, Request
from honekit.inference.engine import Token
from honekit.iot import Assistant, Diagnosis, Log, read_logs
from honekit.iot import diagnose as module
from honekit.pipeline.run import bundled_project
from honekit.project import load_project

ANSWER = {
    "device": "gw-7",
    "probable_cause": "no signal",
    "category": "Connectivity",
    "severity": "warning",
    "actions": ["check_link"],
    "manual_ref": None,
}


class Template:
    """A token for each character of the log."""

    def prompt_ids(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        return [ord(char) for char in messages[-1]["content"]]

    def system_prefix_length(self, messages: Sequence[dict[str, Any]]) -> int:
        return 0


class Engine:
    """Answers every prompt with the same diagnosis of the device `gw-<number of the prompt>`."""

    template = Template()
    context_tokens = 8192

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.answered = 0

    def generate(self, requests: Sequence[Request], batch_size: int) -> list[Completion]:
        self.batches.append(len(requests))
        return [self._answer() for _ in requests]

    def _answer(self) -> Completion:
        self.answered += 1
        text = json.dumps(ANSWER | {"device": f"gw-{self.answered}"})
        tokens = [Token(0, char, b"", -0.01, [], None) for char in text]
        return Completion([0] * len(tokens), text, "stop", tokens, 0.0)


def assistant() -> Assistant:
    version: Any = SimpleNamespace(name="ft:tiny")
    engine: Any = Engine()
    return Assistant(load_project(bundled_project("iot-diagnostics")), version, engine)


def logs(*lines: bytes) -> list[Log | DataError | None]:
    return list(read_logs((line_of(line, number) for number, line in enumerate(lines, 1)), "logs.jsonl"))


def test_lines_that_cannot_be_read_are_named_and_cost_none_of_the_others() -> None:
    found = logs(
        b'{"log": "a"}',
        b"",
        b"gw-7 offline",
        b'{"log": "\xff"}',
        b'{"text": "b"}',
        b'{"log": " "}',
        b"[" * 100_000,
        b'{"log": "\\ud800"}',
        b'{"log": "c"}',
    )
    assert [one.code if isinstance(one, DataError) else one.text for one in found] == [
        "a",
        "data.json_syntax",
        "data.not_utf8",
        "iot.bad_line",
        "iot.bad_line",
        "data.json_syntax",
        "data.json_syntax",
        "c",
    ]
    assert [one.where for one in found] == [f"logs.jsonl:{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9)]
    assert all(one.mend for one in found if isinstance(one, DataError))


def test_faults_stand_in_their_places_between_the_diagnoses() -> None:
    fault = DataError("iot.bad_line", what="no", where="x:2")
    given = [Log("a"), fault, Log("b"), Log("z" * 9000, "x:4"), Log("y" * 300_000), Log("c")]
    pairs = list(assistant().diagnose(given, 2))
    assert [log for log, _ in pairs] == given
    results = [found for _, found in pairs]
    kinds = [one.values["device"] if isinstance(one, Diagnosis) else (one.code, one.where) for one in results]
    assert kinds == ["gw-1", ("iot.bad_line", "x:2"), "gw-2", ("iot.log_too_long", "x:4"), ("iot.log_too_long", None), "gw-3"]


def test_the_confidence_is_the_probability_of_the_categorys_tokens() -> None:
    _, found = next(assistant().diagnose([Log("a")]))
    assert isinstance(found, Diagnosis)
    assert found.as_dict() == {**ANSWER, "device": "gw-1", "confidence": pytest.approx(math.exp(-0.01 * len("Connectivity")))}


def test_long_logs_are_answered_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_TOKENS", 16_000)
    one = assistant()
    one.index = None
    assert len(list(one.diagnose([*[Log("short")] * 6, *[Log("long " * 1000)] * 4]))) == 10
    assert one.engine.batches[0] == 6  # type: ignore[attr-defined]
    assert max(one.engine.batches[1:]) == 3  # type: ignore[attr-defined]


def test_what_is_there_is_answered_before_the_next_log_is_waited_for() -> None:
    read = []

    def coming() -> Iterator[Log | None]:
        for one in (Log("a"), Log("b"), None, None, Log("c")):
            read.append(one)
            yield one

    found = assistant().diagnose(coming())
    assert [next(found)[0], next(found)[0]] == [Log("a"), Log("b")]
    assert read == [Log("a"), Log("b"), None]
    assert [log for log, _ in found] == [Log("c")]


def test_an_answer_that_is_no_diagnosis_is_a_fault_and_one_with_a_wrong_field_says_so() -> None:
    def answered(text: str) -> Completion:
        return Completion([0], text, "stop", [Token(0, text, b"", -0.5, [], None)], 0.0)

    one = assistant()
    for text in ("gw-7 is offline", "[]", '{"device": "gw-7"'):
        found = one.read(answered(text), "logs.jsonl:3")
        assert isinstance(found, DataError)
        assert (found.code, found.where) == ("iot.answer_unusable", "logs.jsonl:3")
    fits, wrong, short = (
        one.read(answered(json.dumps(values)), "logs.jsonl:3")
        for values in (
            ANSWER,
            ANSWER | {"category": "Weather"},
            {"device": "gw-7"},
        )
    )
    assert isinstance(fits, Diagnosis) and "error" not in fits.as_dict()
    assert isinstance(wrong, Diagnosis) and wrong.values["category"] == "Weather"
    assert wrong.as_dict()["error"]["what"].startswith("the model's answer does not fit the schema: category: 'Weather'")
    assert isinstance(short, Diagnosis) and set(short.as_dict()) == {*ANSWER, "confidence", "error"}
