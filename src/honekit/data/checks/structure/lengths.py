"""Examples against a base model: does its template take the conversation, and does it fit into its context?

Lengths are counted by the base's own tokenizer and chat template, as training will. Loads neither torch nor weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from honekit.chat.template import ChatTemplate
from honekit.data.chat import ChatExample
from honekit.data.checks.check import CheckOptions
from honekit.data.lines import Finding
from honekit.errors import ModelError

_DEFAULT_CONTEXT = 2048
_MARKUP_BYTES = 256
"""More than templates write around a message."""
_MAX_ORDERS = 1000


class LengthCheck:
    """Tokens of each example. Conversations of few bytes are not tokenised: a token has at least one."""

    name = "lengths in tokens"

    def __init__(self, base: str, template: ChatTemplate, context_tokens: int) -> None:
        self._base = base
        self._template = template
        self._context = context_tokens
        self._orders: set[tuple[str, ...]] = set()
        """Orders of roles that the template is known to take."""

    def see(self, example: ChatExample) -> Iterator[Finding]:
        """Findings of one conversation."""
        roles = tuple(f"{message.role}{bool(message.tool_calls)}" for message in example.messages)
        most = sum(len(message.text.encode("utf-8", "replace")) + _MARKUP_BYTES for message in example.messages)
        if most <= self._context and roles in self._orders and not example.tools:
            return
        try:
            ids = self._template.training_ids(example.messages, example.tools)
        except ModelError as fault:
            fix = "order the turns as the template wants them, or take another base"
            yield Finding("data.base.template", "error", example.line, "messages", fault.what, fix)
            return
        if len(self._orders) < _MAX_ORDERS:
            self._orders.add(roles)
        count = len(ids.token_ids)
        if count <= self._context:
            return
        message = f"{count} tokens, and the context of {self._base} has {self._context}"
        fix = "shorten it, or split the conversation; training cuts off what is beyond"
        if any(ids.weights[: self._context]):
            yield Finding("data.base.too_long", "warning", example.line, "messages", message, fix)
        else:
            text = f"{message}, so nothing of the answer is left"
            yield Finding("data.base.no_answer", "error", example.line, "messages", text, fix)

    def finish(self) -> Iterator[Finding]:
        """Nothing: each example is told of on its own."""
        return iter(())


def length_check(options: CheckOptions) -> LengthCheck | None:
    """The check against `options.base`, or None when no base was named.

    Raises: ModelError, as `honekit.models.bases` does for a base that cannot be had.
    """
    if options.base is None:
        return None
    from honekit.models import bases

    folder = bases.resolve_base(options.base)
    context_tokens = int(bases.read_json(folder / "config.json").get("max_position_embeddings", _DEFAULT_CONTEXT))
    return LengthCheck(options.base, bases.load_template(folder), context_tokens)
