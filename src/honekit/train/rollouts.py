"""Answers that the model in training writes itself, by the generation engine over its present weights.

The engine merges the present adapter into a copy of the layers (`Engine(keep_model=True)`), so that exploring runs at the
speed of serving. It lives for one step: after an update the next one is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from honekit.chat.template import ChatTemplate
from honekit.inference.engine import Engine
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams
from honekit.models import bases
from honekit.train.batching import TokenExample
from honekit.train.prompts import Prompt
from honekit.train.recipe import ANSWERS_AT_ONCE


@dataclass(frozen=True)
class Answer:
    """One drawn answer. `token_ids` includes the token that ended it; an answer that met the cap has none and `is_cut`."""

    token_ids: list[int]
    text: str
    is_cut: bool

    def example(self, prompt: Prompt) -> TokenExample:
        """The whole conversation, of which the answer is predicted."""
        weights = [0.0] * len(prompt.token_ids) + [1.0] * len(self.token_ids)
        return TokenExample(prompt.line - 1, prompt.line, prompt.token_ids + self.token_ids, weights)


@dataclass(frozen=True)
class Writer:
    """How answers are drawn: at temperature 1, from the model itself and not from a sharper or flatter copy of it."""

    template: ChatTemplate
    stop_ids: tuple[int, ...]
    context_tokens: int
    max_new_tokens: int

    @classmethod
    def of(cls, base: Path, template: ChatTemplate, context_tokens: int, max_new_tokens: int) -> Writer:
        return cls(template, bases.stop_token_ids(base, template.tokenizer), context_tokens, max_new_tokens)

    def write(
        self, model: Any, prompts: Sequence[Prompt], count: int, seeds: Sequence[int], device: torch.device | str
    ) -> list[list[Answer]]:
        """`count` answers to each prompt; `seeds` has one number for each answer. Leaves the model in evaluation mode."""
        model.eval()
        engine = Engine(
            model,
            self.template,
            stop_ids=self.stop_ids,
            context_tokens=self.context_tokens,
            fingerprint="",
            device=device,
            keep_model=True,
        )
        requests = [
            Request(prompt.token_ids, SamplingParams(self.max_new_tokens, 1.0, seed=seed), prompt.shared)
            for prompt, own in zip(prompts, _chunks(seeds, count), strict=True)
            for seed in own
        ]
        done = engine.generate(requests, ANSWERS_AT_ONCE)
        answers = [Answer(one.token_ids, one.text, one.finish_reason == "length") for one in done]
        return _chunks(answers, count)


def draw_seeds(count: int, generator: torch.Generator | None = None) -> list[int]:
    """Seeds for so many answers from a generator, or from torch's own, which the training loop seeds for each step."""
    drawn: list[int] = torch.randint(2**62, (count,), generator=generator).tolist()
    return drawn


def _chunks(values: Sequence[Any], size: int) -> list[list[Any]]:
    return [list(values[start : start + size]) for start in range(0, len(values), size)]
