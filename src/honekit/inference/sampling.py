"""From logits to the next token, one row a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

ROWS_AT_ONCE = 8
"""Of logits on a CPU: few enough to stay in its cache from one pass over them to the next."""


@dataclass(frozen=True)
class SamplingParams:
    """How one request is sampled. Temperature 0 is greedy."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: int = 0
    presence_penalty: float = 0.0
    """Taken once from the logit of every token that the answer already has."""
    frequency_penalty: float = 0.0
    """Taken from the logit of a token once for each time that the answer has it."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token id, what is added to its logit)."""

    @property
    def penalises(self) -> bool:
        """Whether the next token depends on how often the answer has each."""
        return bool(self.presence_penalty or self.frequency_penalty)


class Chosen(NamedTuple):
    """The next token of a sequence, its log-probability before temperature and top_p, and the likeliest ones."""

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


def adjust(
    logits: Tensor,
    params: Sequence[SamplingParams],
    counts: Sequence[Mapping[int, int]],
    allowed: Sequence[Tensor | None],
) -> Tensor:
    """Logits with penalties, biases and constraints, before anything is chosen or reported.

    A token that the answer has c > 0 times loses `c * frequency_penalty + presence_penalty`; then its bias is added; what
    `allowed` excludes becomes impossible. Without any of these the logits come back as they are, not copied.

    Shapes:  logits (B, V); counts: for each row, how often the answer has a token; allowed (V',) bool for each row or None,
             where tokens from V' on are not allowed
    Source:  the formulas in OpenAI's description of `frequency_penalty`, `presence_penalty` and `logit_bias`
    """
    rows = [i for i, p in enumerate(params) if p.penalises or p.logit_bias or allowed[i] is not None]
    if not rows:
        return logits
    logits = logits.float() if logits.dtype != torch.float32 else logits.clone()
    for index in rows:
        row, p, mask = logits[index], params[index], allowed[index]
        if p.penalises and counts[index]:
            ids = torch.tensor(list(counts[index]), device=row.device)
            times = torch.tensor(list(counts[index].values()), device=row.device, dtype=row.dtype)
            row[ids] -= times * p.frequency_penalty + p.presence_penalty
        if p.logit_bias:
            ids = torch.tensor([i for i, _ in p.logit_bias], device=row.device)
            row[ids] += torch.tensor([b for _, b in p.logit_bias], device=row.device, dtype=row.dtype)
        if mask is not None:
            row[: len(mask)].masked_fill_(~mask[: len(row)].to(row.device), float("-inf"))
            row[len(mask) :] = float("-inf")
    return logits


def choose(
    logits: Tensor,
    params: list[SamplingParams],
    generators: list[torch.Generator | None],
    told: list[int | None] | None = None,
) -> list[Chosen]:
    """Pick one token for each row; impossible tokens (-inf) are never among the likeliest ones.

    `told`: what stands fixed for a row. Its random number is drawn all the same, so that those behind it stay what they were.

    Shapes:  logits (B, V)
    """
    told = told or [None] * len(logits)
    at_once = ROWS_AT_ONCE if logits.device.type == "cpu" else len(logits)
    chosen = []
    for start in range(0, len(logits), at_once):
        rows = slice(start, start + at_once)
        chosen += _choose(logits[rows].float(), params[rows], generators[rows], told[rows])
    return chosen


def _choose(
    logits: Tensor, params: list[SamplingParams], generators: list[torch.Generator | None], told: list[int | None]
) -> list[Chosen]:
    greedy = logits.argmax(-1).tolist() if None in generators else [-1] * len(logits)
    drawn = [
        token if generator is None else _sample(row, p, generator)
        for token, row, p, generator in zip(greedy, logits, params, generators, strict=True)
    ]
    picked = [own if fixed is None else fixed for own, fixed in zip(drawn, told, strict=True)]
    logprobs = logits.log_softmax(-1)
    of_picked = logprobs.gather(1, torch.tensor(picked, device=logits.device)[:, None])[:, 0].tolist()
    chosen = []
    for index, (token, logprob, p) in enumerate(zip(picked, of_picked, params, strict=True)):
        top: list[tuple[int, float]] = []
        if p.top_logprobs:
            ids = logits[index].topk(p.top_logprobs).indices
            top = [(i, v) for i, v in zip(ids.tolist(), logprobs[index, ids].tolist(), strict=True) if v > float("-inf")]
        chosen.append(Chosen(token, logprob, top))
    return chosen


def _sample(row: Tensor, params: SamplingParams, generator: torch.Generator) -> int:
    """Draw by inverting the cumulative distribution: one random number a token (`torch.multinomial` draws one for each of the
    vocabulary, and took eight times as long on 49,152 tokens)."""
    probabilities = (row.cpu() / params.temperature).softmax(-1)
    if params.top_p < 1:
        ordered, ids = probabilities.sort(descending=True)
        # The likeliest token always stays, the rest while the mass before them is below top_p, which may be too small to be
        # told from 0 in these numbers.
        ordered[1:][(ordered.cumsum(0) - ordered >= params.top_p)[1:]] = 0
        probabilities = torch.zeros_like(probabilities).scatter_(0, ids, ordered)
    reached = probabilities.cumsum(0, dtype=torch.float64)
    drawn = torch.rand((), dtype=torch.float64, generator=generator) * reached[-1] * (1 - 2**-40)  # not rounded up to the end
    return int(torch.searchsorted(reached, drawn, right=True))
