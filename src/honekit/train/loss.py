"""Weighted next-token cross-entropy on the predicted positions only."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from honekit.models.llama import has_training_pass, packed_logits
from honekit.train.batching import Batch

CHUNK = 256
"""Rows of logits that are turned to fp32 at a time: 256 x 49,152 x 4 B = 50 MB."""


class TokenLosses(NamedTuple):
    """(N,) each: cross-entropy in nats (differentiable), and whether the likeliest token was the label."""

    losses: Tensor
    correct: Tensor


class _CrossEntropy(torch.autograd.Function):
    """Per-token cross-entropy that computes its gradient on the way: two vocabulary-wide buffers in the model's
    precision, where autograd would keep four in fp32.

    Shapes:  logits (N, V), labels (N,) -> losses (N,), correct (N,)
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        losses = torch.empty(len(labels), dtype=torch.float32, device=logits.device)
        correct = torch.empty(len(labels), dtype=torch.bool, device=logits.device)
        needs_grad = ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits) if needs_grad else None
        for start in range(0, len(labels), CHUNK):
            part = slice(start, start + CHUNK)
            chunk, target = logits[part].float(), labels[part]
            correct[part] = chunk.argmax(-1) == target
            norm = chunk.logsumexp(-1)
            losses[part] = norm - chunk.gather(1, target[:, None])[:, 0]
            if gradient is not None:
                # Not in place: in fp32 `chunk` is the caller's logits.
                slope = (chunk - norm[:, None]).exp_()
                slope.scatter_add_(1, target[:, None], torch.full_like(target[:, None], -1, dtype=slope.dtype))
                gradient[part] = slope
        ctx.mark_non_differentiable(correct)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return losses, correct

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0][:, None].to(gradient.dtype), None


def token_losses(model: nn.Module, batch: Batch) -> TokenLosses:
    """Run the packed row through the model and return one loss for each label, in the batch's order."""
    logits = _label_logits(model, batch)
    losses, correct = _CrossEntropy.apply(logits, batch.labels)  # type: ignore[no-untyped-call]
    return TokenLosses(losses, correct)


def _label_logits(model: nn.Module, batch: Batch) -> Tensor:
    """(N, V), by the written-out training pass where the model has one."""
    if has_training_pass(model):
        return packed_logits(model, batch.input_ids, batch.layout.position_ids(), batch.layout, batch.predictors)
    return plain_logits(model, batch)


def plain_logits(model: nn.Module, batch: Batch) -> Tensor:
    """(N, V) outputs at the batch's predicting positions, through transformers."""
    out = model(
        input_ids=batch.input_ids,
        position_ids=batch.layout.position_ids(),
        use_cache=False,
        hone_layout=batch.layout,
        logits_to_keep=batch.predictors,
    )
    return out.logits[0]  # type: ignore[no-any-return]


def per_example(losses: Tensor, batch: Batch) -> list[float]:
    """Mean loss per predicted token of each example, in the batch's order."""
    sums = torch.zeros(len(batch.examples), device=losses.device).index_add_(0, batch.owners, losses.detach())
    counts = torch.bincount(batch.owners, minlength=len(batch.examples))
    return (sums / counts).tolist()
