"""Answers held to a grammar: weights are random here, so whatever is right about an answer the grammar has put there."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import tiny
from tokenizers import Tokenizer, decoders, models, normalizers

from honekit.errors import ServeError
from honekit.inference import constrain
from honekit.inference.constrain import json_grammar, json_rule
from honekit.inference.engine import Engine
from honekit.inference.requests import Completion, Request
from honekit.inference.sampling import SamplingParams
from honekit.inference.text import TextStream

ENOUGH = 460
PROMPT = tiny.token_ids(12)

_leaves = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda a, b: {"type": "integer", "minimum": min(a, b), "maximum": max(a, b)}, *[st.integers(-99, 99)] * 2),
    st.builds(lambda length: {"type": "string", "maxLength": length}, st.integers(0, 6)),
    st.builds(lambda values: {"enum": values}, st.lists(st.text('abé"\\', max_size=3), min_size=1, max_size=4, unique=True)),
    st.just({"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,3}$"}),
    st.just({"const": {"a": [1, None]}}),
)


def _wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.text("xyzü", min_size=1, max_size=2)
    objects = st.dictionaries(names, inner, max_size=3).map(
        lambda properties: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[:2],
            "additionalProperties": False,
        }
    )
    arrays = st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(0, 2))
    choices = st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options})
    return objects | arrays | choices


SCHEMAS = st.recursive(_leaves, _wider, max_leaves=4)
"""A small grammar of schemas whose answers are all short, so that none is cut by the context."""


@cache
def engine(architecture: str = "llama") -> Engine:
    return Engine(
        tiny.model(architecture), tiny.template(), stop_ids=(tiny.END,), context_tokens=512, fingerprint="x", precision="fp32"
    )


def ask(schema: dict[str, Any], seeds: range = range(1), architecture: str = "llama", **sampling: Any) -> list[Completion]:
    constraint = engine(architecture).grammars.compile(json_grammar(schema))
    options = {"temperature": 1.0, **sampling}
    return engine(architecture).generate(
        [Request(PROMPT, SamplingParams(ENOUGH, seed=seed, **options), constraint=constraint) for seed in seeds]
    )


@settings(max_examples=40, deadline=None)
@given(SCHEMAS)
def test_random_weights_answer_any_schema(schema: dict[str, Any]) -> None:
    for completion in ask(schema, range(2)):
        assert completion.finish_reason == "stop"
        jsonschema.validate(json.loads(completion.text), schema)


OBJECT = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "self": {"anyOf": [{"$ref": "#/$defs/leaf"}, {"type": "null"}]},
    },
    "required": ["name", "count", "self"],
    "additionalProperties": False,
    "$defs": {"leaf": {"enum": ["red", "blue"]}},
}


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_every_architecture_is_held(architecture: str, temperature: float) -> None:
    for completion in ask(OBJECT, range(3), architecture, temperature=temperature):
        jsonschema.validate(json.loads(completion.text), OBJECT)


def test_neighbours_that_are_held_change_nothing_for_those_that_are_not() -> None:
    constraint = engine().grammars.compile(json_grammar(OBJECT))
    free = [Request(tiny.token_ids(9, seed=i), SamplingParams(30, temperature=1.0, seed=i)) for i in range(3)]
    held = [Request(PROMPT, SamplingParams(ENOUGH, temperature=1.0, seed=i), constraint=constraint) for i in range(3)]
    alone = [c.token_ids for c in engine().generate(free)]
    mixed = engine().generate([x for pair in zip(free, held, strict=True) for x in pair])
    assert [c.token_ids for c in mixed[::2]] == alone
    assert [c.token_ids for c in mixed[1::2]] == [c.token_ids for c in engine().generate(held)]
    for completion in mixed[1::2]:
        jsonschema.validate(json.loads(completion.text), OBJECT)


def test_a_logprob_is_the_share_among_the_allowed_tokens() -> None:
    (completion,) = ask({"enum": ["xy", "zy"]}, top_logprobs=5)
    assert completion.text in ('"xy"', '"zy"')
    assert [len(token.top) for token in completion.tokens] == [1, 2, 1, 1]  # only the second is a choice
    for token in completion.tokens:
        assert sum(math.exp(logprob) for _, _, logprob in token.top) == pytest.approx(1, abs=1e-6)
        assert token.logprob in [logprob for _, _, logprob in token.top]


def test_an_answer_that_would_take_too_much_work_ends_with_an_error_and_its_neighbour_goes_on() -> None:
    constraint = engine().grammars.compile(json_grammar(OBJECT))
    session = engine().open(2)
    broken = session.add(Request(PROMPT, SamplingParams(ENOUGH, temperature=1.0, seed=1), constraint=constraint))
    fine = session.add(Request(PROMPT, SamplingParams(ENOUGH, temperature=1.0, seed=1), constraint=constraint))
    session.step()
    (sequence,) = [s for g in session._groups for s in g.sequences if s.number == broken]
    assert sequence.held is not None
    sequence.held.accept(tiny.END + 100)  # a token that cannot follow puts the parser into the state of one that gave up
    reasons: dict[int, str] = {}
    texts: dict[int, str] = {fine: "", broken: ""}
    while session.busy:
        for number, token in session.step():
            texts[number] += token.text
            reasons |= {number: token.finish_reason} if token.finish_reason else {}
    assert reasons == {broken: "error", fine: "stop"}


def test_a_vocabulary_without_a_character_that_must_come_is_an_error_and_not_a_crash() -> None:
    content = json.loads(tiny.tokenizer().to_str())
    vocabulary = content["model"]["vocab"]
    vocabulary["7x"] = vocabulary.pop("7")
    content["model"]["merges"] = []
    held = constrain.Grammars(Tokenizer.from_str(json.dumps(content)), [tiny.END]).compile(json_grammar({"const": 7})).start()
    assert held.allowed() is None
    assert not held.accept(5)


@pytest.mark.parametrize("text", ['{"a":1}', '{"a": 1}', '{\n  "a": 1\n}', '{\n\t"a":\n1}'])
def test_the_usual_ways_to_write_json_are_open_and_endless_white_space_is_not(text: str) -> None:
    held = engine().grammars.compile(json_grammar({"type": "object"})).start()
    ids = engine().tokenizer.encode(text, add_special_tokens=False).ids
    for index in ids:
        mask = held.allowed()
        assert mask is not None
        assert bool(mask[index])
        assert held.accept(index)
    assert held.finished
    spaces = engine().grammars.compile(json_grammar({"type": "object"})).start()
    (space,) = engine().tokenizer.encode(" ", add_special_tokens=False).ids
    assert spaces.accept(engine().tokenizer.encode("{", add_special_tokens=False).ids[0])
    assert spaces.accept(space)
    mask = spaces.allowed()
    assert mask is not None
    assert not bool(mask[space])


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"maxLength": "x"},
        {"type": "array", "uniqueItems": True},
        {"type": "string", "pattern": "(a|b"},
        {"$ref": "http://example.org/schema.json"},
        {"$ref": "#/$defs/absent"},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "object", "x-guidance": {"lenient": True}},
        {"description": "x" * constrain.MAX_SCHEMA_BYTES},
        {"enum": list(range(constrain.MAX_ENUM_VALUES + 1))},
        {"description": "\ud800"},
        nested(constrain.MAX_SCHEMA_DEPTH),
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_a_schema_that_cannot_be_enforced_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ServeError) as caught:
        engine().grammars.compile(json_grammar(schema))
    assert caught.value.code == "serve.bad_grammar"
    assert "%json" not in caught.value.what and "panic" not in caught.value.what


def either(count: int, letter: str) -> dict[str, Any]:
    options = [
        {"type": "object", "properties": {f"{letter}{i}": {"const": i}}, "required": [f"{letter}{i}"]} for i in range(count)
    ]
    return {"anyOf": options}


@pytest.mark.parametrize("letters", ["ab", "abc", "abcdef"])
def test_a_small_schema_that_means_a_huge_grammar_is_refused(letters: str) -> None:
    with pytest.raises(ServeError) as caught:
        engine().grammars.compile(json_grammar({"allOf": [either(100, letter) for letter in letters]}))
    assert "too large" in caught.value.what


def test_patterns_are_those_of_json_schema_and_not_pythons() -> None:
    (completion,) = ask({"type": "string", "pattern": r"^\p{Lu}[0-9]$"})
    assert re.fullmatch(r"[^\W\d_a-z][0-9]", json.loads(completion.text))


def word_mark_tokenizer() -> Tokenizer:
    """As SentencePiece's: a mark for spaces, and bytes for what has no token."""
    symbols = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *map(chr, range(33, 127)), "▁", "▁{", '":']
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence(steps)
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return made


def test_tokenizers_with_word_marks_and_byte_tokens_are_held_too() -> None:
    tokenizer = word_mark_tokenizer()
    constraint = constrain.Grammars(tokenizer, [2]).compile(json_grammar(OBJECT))
    draw = torch.Generator().manual_seed(0)
    for _ in range(10):
        held, text, stream = constraint.start(), "", TextStream(tokenizer, ())
        while not held.finished:
            mask = held.allowed()
            assert mask is not None
            index = int(torch.multinomial(mask.float(), 1, generator=draw))
            assert held.accept(index)
            text += stream.push(index)
        jsonschema.validate(json.loads(text + stream.end()), OBJECT)


def test_a_schema_just_inside_the_limits_is_not() -> None:
    for schema in (nested(constrain.MAX_SCHEMA_DEPTH - 1), {"enum": list(range(constrain.MAX_ENUM_VALUES))}):
        assert json_rule(schema).startswith("%json ")


def test_a_grammar_is_compiled_once() -> None:
    grammar = json_grammar({"type": "string", "maxLength": 3})
    assert engine().grammars.compile(grammar) is engine().grammars.compile(grammar)
