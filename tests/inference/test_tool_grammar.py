"""What an answer with functions may be, by walking texts through the compiled grammar."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from tests import tiny

from honekit.chat.call_reader import CallReader
from honekit.chat.tools import GENERIC
from honekit.errors import ServeError
from honekit.inference.constrain import Grammars, json_rule
from honekit.inference.engine import Engine
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams
from honekit.inference.tool_grammar import MAX_GRAMMAR_BYTES, Function, tool_grammar

CITY = {
    "properties": {"city": {"$ref": "#/$defs/name"}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"name": {"enum": ["Oslo", "Rome"]}},
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
FUNCTIONS = [Function("weather", CITY, True), Function("now", NOTHING, True)]
OSLO, NOW = GENERIC.write("weather", '{"city": "Oslo"}'), GENERIC.write("now", "{}")


@cache
def grammars() -> Grammars:
    return Grammars(tiny.tokenizer(), [tiny.END])


def fits(text: str, **options: Any) -> bool:
    """Whether a text is a whole answer."""
    held = grammars().compile(tool_grammar(GENERIC, FUNCTIONS, **options)).start()
    for index in [*tiny.tokenizer().encode(text, add_special_tokens=False).ids]:
        mask = held.allowed()
        if mask is None or not bool(mask[index]) or not held.accept(index):
            return False
    mask = held.allowed()
    return held.finished or (mask is not None and bool(mask[tiny.END]))


def test_an_answer_that_must_call_is_calls_and_nothing_else() -> None:
    for several in (True, False):
        assert fits(OSLO, must=True, several=several)
        assert fits(NOW, must=True, several=several)
        assert not fits("hello", must=True, several=several)
        assert not fits("", must=True, several=several)
        assert not fits(OSLO.replace("Oslo", "Paris"), must=True, several=several)
        assert not fits(OSLO.replace("weather", "whether"), must=True, several=several)
        assert fits(f"{OSLO}\n{NOW}", must=True, several=several) is several


def test_an_answer_that_may_call_is_free_until_it_does() -> None:
    for several in (True, False):
        assert fits("hello <b>you</b>\n", must=False, several=several)
        assert fits("", must=False, several=several)
        assert fits(f"Let me see.\n{OSLO}", must=False, several=several)
        assert not fits("<tool_call>hello", must=False, several=several)
        assert not fits(OSLO.replace("Oslo", "Paris"), must=False, several=several)
        assert fits(f"{OSLO}\n{NOW}", must=False, several=several) is several


def test_an_answer_in_json_or_calls() -> None:
    options = {"must": False, "several": True, "answer": json_rule({"type": "object"})}
    assert fits('{"a": "<tool_call>"}', **options)
    assert fits(f"{OSLO}\n{NOW}", **options)
    assert not fits("hello", **options)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_random_weights_make_valid_calls(architecture: str) -> None:
    engine = Engine(tiny.model(architecture), tiny.template(), stop_ids=(tiny.END,), context_tokens=512, fingerprint="x")
    constraint = engine.grammars.compile(tool_grammar(GENERIC, FUNCTIONS, must=True, several=False))
    done = engine.generate(
        [Request(tiny.token_ids(9), SamplingParams(200, temperature=1.0, seed=s), constraint=constraint) for s in range(6)]
    )
    for completion in done:
        call, arguments = [p.text for p in CallReader(GENERIC).push(completion.text) if p.kind != "text"]
        assert completion.finish_reason == "stop"
        assert call in ("weather", "now")
        assert json.loads(arguments) in ({"city": "Oslo"}, {"city": "Rome"}, {})


def test_functions_that_are_too_much_together_are_refused() -> None:
    large = {"type": "object", "properties": {"x": {"description": "x" * 60_000}}}
    functions = [Function(f"f{i}", large) for i in range(MAX_GRAMMAR_BYTES // 60_000 + 1)]
    with pytest.raises(ServeError) as caught:
        tool_grammar(GENERIC, functions, must=True, several=True)
    assert caught.value.code == "serve.bad_grammar"
