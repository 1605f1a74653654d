"""Texts without a conversation around them: a prompt, and how it goes on. Completions ask with them and training learns them."""

from __future__ import annotations

from tokenizers import Tokenizer

from honekit.chat.encoding import SafeEncoder
from honekit.chat.template import ChatTemplate, TrainingIds


def text_ids(text: str, tokenizer: Tokenizer) -> list[int]:
    """The text as the tokenizer reads it, control tokens written out in it included."""
    return list(tokenizer.encode(text).ids)


def document_start(template: ChatTemplate) -> list[int]:
    """The token that stands between documents, after which a text begins from nothing; empty where there is none."""
    names = ("<|endoftext|>", *(template.special_tokens.get(name, "") for name in ("bos_token", "eos_token")))
    known = [token for name in names if name and (token := template.tokenizer.token_to_id(name)) is not None]
    return known[:1]


class Continuations:
    """Prompts with their completions as a model learns them: the prompt as `POST /v1/completions` gives it to the model, the
    completion tokenised apart from it, and the token that ends a text.
    """

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._encoder = SafeEncoder(template.tokenizer)
        end = template.tokenizer.token_to_id(template.special_tokens.get("eos_token", ""))
        self._end = [] if end is None else [end]

    def training_ids(self, prompt: str, completion: str) -> TrainingIds:
        """Token ids of both; weighted are those of the completion and the end."""
        before = text_ids(prompt, self._template.tokenizer) or document_start(self._template)
        learnt = self._encoder.encode_pieces([prompt, completion], {})[1] + self._end
        weights = [0.0] * len(before) + [1.0] * len(learnt)
        return TrainingIds(before + learnt, [0.0, *weights[1:]])  # nothing predicts the first token
