"""Patterns, schemas and programs that come with requests: each is over in bounded time, and none gets out."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests import tiny
from tests.hostile.corpora import python_graders, regexes, schemas
from tests.hostile.watching import watched
from tests.tiers import shown, trials

from honekit.errors import GraderError, ServeError
from honekit.graders import sandbox
from honekit.graders.patterns import compile_pattern
from honekit.graders.sandbox import Limits, run_python
from honekit.inference.constrain import Grammars, json_grammar

TEXTS = ("a" * 5000 + "!", "ab" * 2500, " " * 5000, "aaaa" * 1000 + "b")
HANG_S = 10.0
"""Of this process, where it computes: others may keep the processor busy."""


@trials(small=60, gate=200, night=700)
def test_no_pattern_takes_longer_than_its_text(trials: int) -> None:
    compiled = 0
    for pattern in regexes(trials):
        begun = time.process_time()
        with suppress(ValueError):
            found = compile_pattern(pattern)
            compiled += 1
            for text in TEXTS:
                found.search(text)
        assert time.process_time() - begun < HANG_S, pattern
    assert compiled > trials // 4


def test_a_pattern_that_is_written_out_too_far_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        compile_pattern("(.){0,1000}(.){0,1000}(.){0,1000}z")
    assert compile_pattern(r"(?i)\b[a-z]{2,50}\b.{0,500}error").search("the heater has an error")


@trials(small=36, gate=100, night=600)
def test_a_hostile_schema_compiles_in_bounded_time_or_is_refused(trials: int) -> None:
    grammars = Grammars(tiny.tokenizer(), [tiny.END])
    refused: list[ServeError] = []
    with watched() as seen:
        for schema in schemas(trials):
            begun = time.process_time()
            try:
                grammars.compile(json_grammar(schema))
            except ServeError as fault:
                refused.append(fault)
            assert time.process_time() - begun < HANG_S, str(schema)[:200]
    assert {fault.code for fault in refused} == {"serve.bad_grammar"}
    assert not any("panic" in fault.what for fault in refused)
    assert seen.programs == [] and "/etc/passwd" not in seen.files


@trials(small=12, gate=50, night=53)
def test_no_python_grader_gets_out(trials: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.probe()
    except GraderError as fault:
        pytest.skip(fault.what)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    limits = Limits(wall_s=2.0)
    for body in shown(python_graders(trials, str(secret)), trials):
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        begun = time.monotonic()
        ran = run_python(f"import os, sys\ndef grade(sample, item):\n{lines}", {"output_text": "x"}, {}, limits)
        assert time.monotonic() - begun < limits.wall_s + HANG_S, body
        assert ran.reward != 1, body
    assert secret.read_text() == "secret"
