"""THE chat-template renderer with its loss mask: data, training, evaluation and serving all use this one.

A template is a Jinja program that came with the base model, so it runs sandboxed. The mask is found by
rendering, not by generation markers, which most templates lack: what assistant message i adds is
`render(messages[:i+1])` minus `render(messages[:i], add_generation_prompt=True)`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import jinja2
from tokenizers import Tokenizer

from honekit.chat.encoding import SafeEncoder
from honekit.chat.jinja import TEMPLATE_DAY, environment
from honekit.chat.messages import Message, Messages, parse_messages, template_variables
from honekit.chat.tools import GENERIC, CallForm, Tools, in_order, native_form, told_in_text, uses_tools
from honekit.errors import DataError, ModelError

_PROBES = ("a", "7", " x", "\nx", "\n\n  x", "é", "<", "{", '"', ".", "'s")
"""Beginnings of a user message that tokenisers merge differently with the text before it."""


@dataclass(frozen=True)
class TrainingIds:
    """One conversation ready for training; both lists have one entry per token."""

    token_ids: list[int]
    weights: list[float]
    """Weight of each token in the loss, 0 where it is only context. `weights[t]` belongs to the prediction of
    `token_ids[t]` (from the tokens before it).
    """

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss counts."""
        return sum(weight > 0 for weight in self.weights)


@dataclass(frozen=True)
class _Piece:
    text: str
    trained: bool


class ChatTemplate:
    """A compiled chat template together with the tokenizer that it feeds.

    Messages are `Message` or the dicts that JSON gives. Raises ModelError `chat.template_broken` when the
    source does not compile. Instances are safe to share between threads.
    """

    def __init__(self, source: str, tokenizer: Tokenizer, special_tokens: Mapping[str, str] | None = None) -> None:
        """`special_tokens`: what the template may name, e.g. `{"bos_token": "<s>", "eos_token": "</s>"}`."""
        self.source = source
        self.tokenizer = tokenizer
        self.special_tokens = dict(special_tokens or {})
        self._encoder = SafeEncoder(tokenizer)
        ends = {*self._encoder.special_strings, self.special_tokens.get("eos_token", "")} - {""}
        self._end_of_turn = re.compile(f"(?:{'|'.join(map(re.escape, sorted(ends)))})\\s*\\Z" if ends else r"(?!)")
        self._prefix_cache: dict[str, list[int]] = {}
        try:
            self._template = environment().from_string(source)
        except jinja2.TemplateError as error:
            raise ModelError(
                "chat.template_broken",
                what=f"the chat template of this base model does not compile: {error}",
                mend="repair `chat_template` in the base's tokenizer_config.json, or take another base",
            ) from error

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that decides how messages become text."""
        content = json.dumps([self.source, self.special_tokens, TEMPLATE_DAY.isoformat()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def native_form(self) -> CallForm | None:
        """How the template itself writes calls; None where they and the tools have to be told in text."""
        return native_form(self.render, self._encoder.special_strings)

    @property
    def call_form(self) -> CallForm:
        """How calls are written for this template."""
        return self.native_form or GENERIC

    def render(self, messages: Messages, add_generation_prompt: bool = False, tools: Tools | None = None) -> str:
        """The conversation as the template itself writes it. For tokens use `prompt_ids` or `training_ids`: a special
        token's string inside a message looks the same here as a real one, there it stays ordinary text.
        """
        return self._render([template_variables(m) for m in parse_messages(messages)], add_generation_prompt, tools)

    def prompt_ids(self, messages: Messages, tools: Tools | None = None) -> list[int]:
        """Token ids of the conversation up to where the assistant's answer begins (no BOS beyond the template's)."""
        return [index for ids, _ in self._encoded(*self._told(messages, tools), training=False) for index in ids]

    def training_ids(self, messages: Messages, tools: Tools | None = None) -> TrainingIds:
        """Token ids of the whole conversation with the loss weight of each.

        Weighted are the assistant's tokens including its end-of-turn token, not the white space after that,
        and not messages of weight 0. Each answer is tokenised apart from what precedes it, as generation will
        see it, so `prompt_ids(messages[:i])` is the exact beginning of these ids for every trained message i.
        Raises ModelError `chat.template_unsupported` when the template does not allow that.
        """
        token_ids: list[int] = []
        weights: list[float] = []
        for ids, trained in self._encoded(*self._told(messages, tools), training=True):
            token_ids += ids
            weights += [float(trained)] * len(ids)
        return TrainingIds(token_ids, weights)

    def system_prefix_length(self, messages: Messages, tools: Tools | None = None) -> int:
        """Number of leading ids of `prompt_ids(messages)` that depend only on the leading system messages (and the tools), so
        that conversations with the same ones can share the computation. 0 when nothing is shared.
        """
        told, tools = self._told(messages, tools)
        leading = []
        for message in told:
            if message.role not in ("system", "developer"):
                break
            leading.append(message)
        shared = self._system_prefix(leading, tools)
        return _common_length(shared, self.prompt_ids(told, tools))

    def _system_prefix(self, leading: list[Message], tools: Tools | None) -> list[int]:
        key = json.dumps([[m.role, m.text, m.name] for m in leading] + [list(tools or ())], default=str)
        if key not in self._prefix_cache:
            prompts = [self.prompt_ids([*leading, Message("user", probe)], tools) for probe in _PROBES]
            length = min(_common_length(prompts[0], other) for other in prompts[1:])
            if len(self._prefix_cache) >= 64:
                self._prefix_cache.clear()
            self._prefix_cache[key] = prompts[0][:length]
        return self._prefix_cache[key]

    def _told(self, messages: Messages, tools: Tools | None) -> tuple[list[Message], Tools | None]:
        """What the template is given: where it knows no tools, these and what concerns calls in words."""
        parsed = parse_messages(messages)
        if not parsed:
            raise DataError("data.no_messages", what="the conversation is empty", mend="add at least a user message")
        tools = in_order(tools or ())
        if (tools or uses_tools(parsed)) and self.native_form is None:
            return told_in_text(parsed, tools), None
        return parsed, tools

    def _render(self, variables: list[dict[str, Any]], generation: bool, tools: Any) -> str:
        try:
            return self._template.render(
                messages=variables,
                add_generation_prompt=generation,
                tools=list(tools) if tools else None,
                **self.special_tokens,
            )
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, OverflowError) as error:
            raise ModelError(
                "chat.template_refused",
                what=f"the base model's chat template refuses this conversation: {error}",
                mend="check the order of roles (most templates want system, then user and assistant in turn), "
                "or take another base",
            ) from error

    def _encoded(self, messages: list[Message], tools: Tools | None, *, training: bool) -> list[tuple[list[int], bool]]:
        """Token ids piece by piece, each with whether it is trained."""
        plain = [template_variables(message) for message in messages]
        (variables, hidden_tools), shown = self._encoder.hide((plain, list(tools or ())))
        pieces = self._pieces(messages, variables, hidden_tools, training)
        ids = self._encoder.encode_pieces([piece.text for piece in pieces], shown)
        return [(part, piece.trained) for part, piece in zip(ids, pieces, strict=True)]

    def _pieces(self, messages: list[Message], variables: list[dict[str, Any]], tools: Any, training: bool) -> list[_Piece]:
        """The rendered text, cut where answers begin and end.

        A template may rewrite earlier turns once later ones follow (some drop the reasoning): such turns are
        context, without cuts, and training refuses them unless their weight is 0.
        """
        whole = self._render(variables, not training, tools)
        pieces: list[_Piece] = []
        done = ""
        for index, message in enumerate(messages):
            if message.role != "assistant" or index == 0:  # what nothing comes before, no prompt asks for: it is context
                continue
            trained = training and message.is_trained
            try:
                before = self._render(variables[:index], True, tools)
                after = self._render(variables[: index + 1], False, tools)
            except ModelError:
                if trained:
                    raise
                continue
            if not (before.startswith(done) and after.startswith(before) and whole.startswith(after)):
                if trained:
                    _unsupported(index, "the text before an answer changes once the answer or later turns follow")
                continue
            if trained and not self._end_of_turn.search(after, len(before)):
                _unsupported(index, "answers do not end with a special token, so the model could not learn to stop")
            answer = after[len(before) :].rstrip()
            pieces += [_Piece(before[len(done) :], False), _Piece(answer, trained)]
            done = before + answer
        return [*pieces, _Piece(whole[len(done) :], False)]


def _unsupported(index: int, why: str) -> NoReturn:
    raise ModelError(
        "chat.template_unsupported",
        what=f"this base model's chat template cannot be trained on here: {why}",
        where=f"messages[{index}]",
        mend="cut the conversation after this answer, or give the assistant messages before the last "
        '"weight": 0, or take another base',
    )


def _common_length(left: Sequence[int], right: Sequence[int]) -> int:
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))
