"""Prompts and inputs that are no conversations: texts or lists of token ids, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from honekit.api.batcher import LoadedEngine
from honekit.api.errors import bad_request
from honekit.api.openai.chat_schema import Text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TEXTS = 2048
TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
Texts = (
    Text
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]
    | TokenIds
    | Annotated[list[TokenIds], Field(min_length=1, max_length=MAX_TEXTS)]
)


def listed(given: Texts) -> list[str | list[int]]:
    """One text or many as many."""
    if isinstance(given, str):
        return [given]
    ids = [token for token in given if isinstance(token, int)]
    return [ids] if ids else [text for text in given if not isinstance(text, int)]


def token_ids(texts: Sequence[str | list[int]], tokenizer: Tokenizer) -> list[list[int]]:
    """Each text as the tokenizer reads it, control tokens written out in it included; token ids as they are."""
    from honekit.chat.plain_text import text_ids

    return [text_ids(text, tokenizer) if isinstance(text, str) else text for text in texts]


def check_tokens(texts: Sequence[Sequence[int]], engine: LoadedEngine, param: str, *, answer_tokens: int = 0) -> None:
    """Raises ApiError 400 for a text without tokens or with more than fit beside the answer, and for a token that the model
    does not have.
    """
    for index, ids in enumerate(texts):
        where = f"{param}[{index}]" if len(texts) > 1 else param
        if not ids:
            raise bad_request(f"'{where}' is empty.", code="invalid_value", param=param)
        if len(ids) + answer_tokens > engine.context_tokens:
            beside = f", and {answer_tokens} for the answer" if answer_tokens else ""
            message = (
                f"This model's maximum context length is {engine.context_tokens} tokens. However, you asked for {len(ids)} "
                f"tokens in '{where}'{beside}."
            )
            raise bad_request(message, code="context_length_exceeded", param=param)
        if max(ids) >= engine.vocabulary:
            message = f"'{where}' has the token {max(ids)}; this model has {engine.vocabulary} tokens, from 0 on."
            raise bad_request(message, code="invalid_value", param=param)
