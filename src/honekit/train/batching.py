"""From tokenised conversations to packed batches: the shared prompt prefix once, no padding, labels picked out.

The order of examples depends on (seed, epoch) alone, never on how many were drawn before, so that a resumed job sees
exactly the batches that an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from honekit.models.attention import PackedLayout

MIN_SHARED = 8
"""Shortest common prefix worth sharing, in tokens."""


@dataclass(frozen=True)
class TokenExample:
    """One conversation in tokens. `weights[t]` > 0 where token t is predicted in the loss."""

    index: int
    line: int
    token_ids: list[int]
    weights: list[float]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.token_ids) or self.weights[:1] not in ([], [0.0]):
            raise ValueError("every token needs one weight, and the first, which nothing predicts, weight 0")

    @property
    def trained_tokens(self) -> int:
        return sum(weight > 0 for weight in self.weights)

    @property
    def first_label(self) -> int:
        return next((i for i, weight in enumerate(self.weights) if weight > 0), len(self.token_ids))


@dataclass
class Batch:
    """A packed row and what its loss is computed on.

    Shapes: T packed tokens, N predicted tokens.
    """

    examples: list[TokenExample]
    input_ids: Tensor
    """(1, T)"""
    layout: PackedLayout
    predictors: Tensor
    """(N,) positions in the row whose outputs predict the labels."""
    labels: Tensor
    """(N,)"""
    weights: Tensor
    """(N,) fp32"""
    owners: Tensor
    """(N,) which example of the batch a label belongs to."""

    @property
    def unique_tokens(self) -> int:
        return self.input_ids.shape[1]

    @property
    def trained_tokens(self) -> int:
        return len(self.labels)


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The permutation of one epoch, a function of (seed, epoch)."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(count, generator=generator).tolist()


def steps_of_epoch(count: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Example indices of each optimizer step of one epoch; the last one may be smaller."""
    order = epoch_order(count, seed, epoch)
    return [order[start : start + batch_size] for start in range(0, count, batch_size)]


def microbatches(examples: Sequence[TokenExample], max_tokens: int, device: torch.device | str) -> Iterator[Batch]:
    """Split one optimizer step into packed rows of at most `max_tokens` (an example is never cut here)."""
    chunk: list[TokenExample] = []
    size = 0
    for example in examples:
        if chunk and size + len(example.token_ids) > max_tokens:
            yield collate(chunk, device)
            chunk, size = [], 0
        chunk.append(example)
        size += len(example.token_ids)
    if chunk:
        yield collate(chunk, device)


def shared_prefix_length(examples: Sequence[TokenExample]) -> int:
    """Leading tokens that all examples have in common and none predicts from: their labels start later."""
    first = examples[0].token_ids
    length = min(min(len(e.token_ids), e.first_label) - 1 for e in examples)
    for example in examples[1:]:
        ids = example.token_ids
        while length > 0 and ids[:length] != first[:length]:
            low, high = 0, length
            while low < high:  # the longest common prefix lies in [low, high)
                middle = (low + high + 1) // 2
                low, high = (middle, high) if ids[:middle] == first[:middle] else (low, middle - 1)
            length = low
    return length if length >= MIN_SHARED and len(examples) > 1 else 0


def collate(examples: Sequence[TokenExample], device: torch.device | str) -> Batch:
    """Pack examples into one row; every one needs at least one label.

    Raises: ValueError for an example without labels (callers drop these, and say so, before).
    """
    if any(example.trained_tokens == 0 for example in examples):
        raise ValueError("an example without trained tokens reached collate()")
    shared = shared_prefix_length(examples)
    row = list(examples[0].token_ids[:shared])
    predictors, labels, weights, owners = [], [], [], []
    for owner, example in enumerate(examples):
        start = len(row) - shared
        for position, weight in enumerate(example.weights):
            if weight > 0:
                predictors.append(start + position - 1)
                labels.append(example.token_ids[position])
                weights.append(weight)
                owners.append(owner)
        row.extend(example.token_ids[shared:])
    return Batch(
        examples=list(examples),
        input_ids=torch.tensor(row, device=device)[None],
        layout=PackedLayout(shared, [len(e.token_ids) - shared for e in examples], device=device),
        predictors=torch.tensor(predictors, device=device),
        labels=torch.tensor(labels, device=device),
        weights=torch.tensor(weights, dtype=torch.float32, device=device),
        owners=torch.tensor(owners, device=device),
    )
