"""Answers held to a grammar: before each token is chosen, those that the grammar does not allow are ruled out.

Grammars are llguidance's (JSON schemas and Lark, https://github.com/guidance-ai/llguidance): an Earley parser over the
bytes of a tokenizer's tokens. A JSON schema is caller input: what it may cost is bounded here, in its own size and in the
work that compiling it and each step may take.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from honekit.errors import ServeError

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from tokenizers import Tokenizer

MAX_SCHEMA_BYTES = 64 * 1024
"""A schema written as compact JSON."""
MAX_SCHEMA_DEPTH = 40
"""Objects and arrays inside each other in the schema's own JSON; one level of an answer takes two of these."""
MAX_ENUM_VALUES = 1000
"""Of all `enum` lists of a schema together."""
WHITESPACE = r"(\n[ \t]{0,40}| )?"
"""Between two symbols of JSON: nothing, a space, or a line break with an indent; never an endless run."""
KEPT = 64


class Constraint:
    """A compiled grammar for one tokenizer. Sequences share it and each `start` their own way through it."""

    def __init__(self, matcher: LLMatcher, grammar: str = "") -> None:
        self._matcher, self.grammar = matcher, grammar

    def start(self) -> Held:
        return Held(self._matcher.deep_copy())


class Held:
    """One answer on its way through a grammar."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher
        self._stuck = False

    def allowed(self) -> Tensor | None:
        """Which tokens may come next, (V,) bool; None when there is no way to go on, which `accept` then reports."""
        mask = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        # A vocabulary without a character that has to come leaves nothing.
        self._stuck = self._matcher.is_error() or not mask.any()
        if self._stuck:
            return None
        return torch.from_numpy(np.unpackbits(mask, bitorder="little").view(np.bool_))

    def accept(self, token_id: int) -> bool:
        """Go on by a token. False: the answer cannot be held to the grammar, or not within the work that this may take."""
        return not self._stuck and not self._matcher.is_error() and bool(self._matcher.consume_token(token_id))

    @property
    def finished(self) -> bool:
        """Nothing can follow, so that the answer is over without an end token."""
        return bool(self._matcher.is_stopped()) and not self._matcher.is_error()


class Grammars:
    """Compiles grammars for a tokenizer. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer, stop_ids: Iterable[int]) -> None:
        self._tokenizer, self._stop_ids = tokenizer, sorted(stop_ids)
        self._vocabulary: LLTokenizer | None = None
        self._compiled: OrderedDict[str, Constraint] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, grammar: str) -> Constraint:
        """A grammar in llguidance's Lark, ready to use. Raises ServeError `serve.bad_grammar` with the reason.

        The first one takes longer, since the vocabulary is prepared (about a second for 50,000 tokens).
        """
        from llguidance import LLMatcher, LLParserLimits

        with self._lock:
            if grammar in self._compiled:
                self._compiled.move_to_end(grammar)
                return self._compiled[grammar]
            if self._vocabulary is None:
                self._vocabulary = _vocabulary(self._tokenizer, self._stop_ids)
            matcher = LLMatcher(self._vocabulary, grammar, log_level=0, limits=LLParserLimits(verbose_errors=False))
            if matcher.is_error():
                raise _refused(_reason(matcher.get_error()))
            constraint = Constraint(matcher, grammar)
            self._compiled[grammar] = constraint
            if len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
            return constraint


def json_grammar(schema: Mapping[str, Any], *, strict: bool = True) -> str:
    """The grammar of the JSON values that a schema describes. Raises as `json_rule`."""
    return f"%llguidance {{}}\nstart: {json_rule(schema, strict=strict)}\n"


def json_rule(schema: Mapping[str, Any], *, strict: bool = True) -> str:
    """A schema as the right side of a rule, so that its `$ref`s have their own root.

    Keywords that cannot be enforced are refused when the grammar is compiled, or passed over if not `strict`.
    Raises ServeError `serve.bad_grammar` for what is no JSON schema or over the limits.
    """
    _check_size(schema)
    try:
        size = len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode())
    except UnicodeEncodeError as fault:
        raise _refused("the schema contains half a surrogate pair") from fault
    if size > MAX_SCHEMA_BYTES:
        raise _refused(f"the schema is longer than {MAX_SCHEMA_BYTES} bytes")
    _check_meaning(schema)
    # Options that the caller might hide there would change what counts as JSON.
    if "x-guidance" in schema:
        raise _refused("'x-guidance' is no keyword of JSON Schema")
    return "%json " + json.dumps({**schema, "x-guidance": {"whitespace_pattern": WHITESPACE, "lenient": not strict}})


def _check_size(schema: Mapping[str, Any]) -> None:
    enum_values = 0
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        enum_values += sum(len(v["enum"]) for v in level if isinstance(v, dict) and isinstance(v.get("enum"), list))
        level = [child for value in level for child in _children(value)]
        if not level:
            break
    if level:
        raise _refused(f"the schema is nested more than {MAX_SCHEMA_DEPTH} levels deep")
    if enum_values > MAX_ENUM_VALUES:
        raise _refused(f"the schema has more than {MAX_ENUM_VALUES} enum values")


def _children(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [child for child in inside if isinstance(child, dict | list)]


def _check_meaning(schema: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import SchemaError

    try:
        # Patterns are left to the grammar's compiler: Python's are not those of JSON Schema.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as fault:
        raise _refused(f"this is no JSON schema, at {fault.json_path}: {_first_lines(fault.message)}") from fault


def _vocabulary(tokenizer: Tokenizer, stop_ids: list[int]) -> LLTokenizer:
    from llguidance import LLTokenizer

    try:
        return LLTokenizer(tokenizer.to_str(), eos_token=stop_ids or None)
    except ValueError as fault:
        what = f"answers of this model cannot be held to a schema, its tokenizer is of a kind unknown here: {fault}"
        raise ServeError("serve.no_grammars", what=what, mend="ask without a schema, or take another base") from fault


def _refused(what: str) -> ServeError:
    return ServeError("serve.bad_grammar", what=what, mend="simplify the schema; docs/serving.md has the limits")


def _reason(error: str) -> str:
    """The compiler's message without its listing of the grammar; a failed assertion of its own means too large a grammar."""
    if error.startswith("panic"):
        return "the schema is too large"
    return _first_lines(re.split(r"\n\s*1 \| ", re.sub(r"^at \d+\(\d+\): ", "", error))[0])


def _first_lines(text: str) -> str:
    return " ".join(text.split())[:300]
