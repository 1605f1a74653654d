"""From logits to the next token, one row a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingParams:
    """How one request is sampled. Temperature 0 is greedy."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0


class Chosen(NamedTuple):
    """The next token of a sequence, its log-probability under the unscaled distribution, and the likeliest ones."""

    token_id: int
    logprob: float
    top: list[tuple[int, float]]


def generator_of(params: SamplingParams) -> torch.Generator | None:
    """The request's own random stream, so that its answer does not depend on its neighbours in the batch."""
    if params.temperature <= 0:
        return None
    generator = torch.Generator()
    if params.seed is None:
        generator.seed()
    else:
        generator.manual_seed(params.seed)
    return generator


def choose(logits: Tensor, params: list[SamplingParams], generators: list[torch.Generator | None]) -> list[Chosen]:
    """Pick one token for each row. Shapes: logits (B, V), any float dtype."""
    logits = logits.float()
    norms = logits.logsumexp(-1)
    greedy = logits.argmax(-1).tolist()
    picked = [
        token if generator is None else _sample(row, p, generator)
        for token, row, p, generator in zip(greedy, logits, params, generators, strict=True)
    ]
    logprobs = (logits.gather(1, torch.tensor(picked, device=logits.device)[:, None])[:, 0] - norms).tolist()
    chosen = []
    for index, (token, logprob, p) in enumerate(zip(picked, logprobs, params, strict=True)):
        top: list[tuple[int, float]] = []
        if p.top_logprobs:
            values, ids = logits[index].topk(p.top_logprobs)
            top = list(zip(ids.tolist(), (values - norms[index]).tolist(), strict=True))
        chosen.append(Chosen(token, logprob, top))
    return chosen


def _sample(row: Tensor, params: SamplingParams, generator: torch.Generator) -> int:
    probabilities = (row.cpu() / params.temperature).softmax(-1)
    if params.top_p < 1:
        ordered, ids = probabilities.sort(descending=True)
        # The likeliest token always stays, the rest while the mass before them is below top_p.
        ordered[(ordered.cumsum(0) - ordered >= params.top_p)] = 0
        probabilities = torch.zeros_like(probabilities).scatter_(0, ids, ordered)
    return int(torch.multinomial(probabilities, 1, generator=generator))
