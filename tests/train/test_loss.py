"""The chunked cross-entropy against torch's, and what may move the loss."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import tiny

from honekit.models import lora
from honekit.train.batching import TokenExample, collate
from honekit.train.loss import CHUNK, _CrossEntropy, per_example, token_losses


@pytest.mark.parametrize("rows", [1, CHUNK, 2 * CHUNK + 7])
def test_values_and_gradients_equal_torchs_weighted_cross_entropy(rows: int) -> None:
    torch.manual_seed(rows)
    logits = (torch.randn(rows, 31) * 4).requires_grad_()
    labels, weights = torch.randint(31, (rows,)), torch.rand(rows)
    losses, correct = _CrossEntropy.apply(logits, labels)
    (losses * weights).sum().backward()
    mine, logits.grad = logits.grad, None
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    (expected * weights).sum().backward()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mine, logits.grad, rtol=1e-5, atol=1e-6)
    assert torch.equal(correct, logits.argmax(-1) == labels)


def test_bf16_logits_lose_no_more_than_their_own_rounding() -> None:
    torch.manual_seed(0)
    logits = (torch.randn(40, 31) * 4).bfloat16().requires_grad_()
    labels = torch.randint(31, (40,))
    losses, _ = _CrossEntropy.apply(logits, labels)
    losses.sum().backward()
    exact = logits.detach().float().requires_grad_()
    expected = torch.nn.functional.cross_entropy(exact, labels, reduction="none")
    expected.sum().backward()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(logits.grad.float(), exact.grad, rtol=2**-8, atol=1e-6)


@cache
def model() -> Any:
    return tiny.model()


def full_loss(examples: list[TokenExample]) -> torch.Tensor:
    """Weighted mean by the definition: each example alone, all its logits, torch's cross-entropy."""
    total, weight = torch.zeros(()), 0.0
    for example in examples:
        logits = model()(input_ids=torch.tensor([example.token_ids]), use_cache=False).logits[0]
        weights = torch.tensor(example.weights[1:])
        losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(example.token_ids[1:]), reduction="none")
        total, weight = total + (losses * weights).sum(), weight + float(weights.sum())
    return total / weight


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_loss_is_that_of_the_masked_tokens_and_of_no_other(data: st.DataObject) -> None:
    examples = []
    for example in tiny.examples(data.draw(st.lists(st.integers(4, 12), min_size=1, max_size=4)), prefix=10):
        size = len(example.token_ids)
        weights = data.draw(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=size, max_size=size))
        weights[0], weights[data.draw(st.integers(1, size - 1))] = 0.0, 1.0
        examples.append(TokenExample(example.index, example.line, example.token_ids, weights))
    with torch.no_grad():
        batch = collate(examples, "cpu")
        losses, _ = token_losses(model(), batch)
        loss = (losses * batch.weights).sum() / batch.weights.sum()
        torch.testing.assert_close(loss, full_loss(examples), rtol=1e-5, atol=1e-5)
        for example in examples:  # what comes after the last label is seen by none
            last = max(i for i, weight in enumerate(example.weights) if weight > 0)
            for place in range(last + 1, len(example.token_ids)):
                example.token_ids[place] = random.Random(place).randrange(3, tiny.VOCABULARY)
        batch = collate(examples, "cpu")
        again, _ = token_losses(model(), batch)
        torch.testing.assert_close(again, losses, rtol=1e-5, atol=1e-5)


def test_no_gradient_flows_from_tokens_outside_the_mask() -> None:
    def gradient(weights: list[float], tail: int) -> torch.Tensor:
        trained = tiny.model()
        lora.inject(trained, targets=("q_proj",), rank=2, alpha=4, dropout=0, seed=0)
        ids = [*tiny.token_ids(12), tail]
        batch = collate([TokenExample(0, 1, ids, weights)], "cpu")
        losses, _ = token_losses(trained, batch)
        (losses * batch.weights).sum().backward()
        return torch.cat([layer.lora_b.grad.flatten() for _, layer in lora.layers(trained)])

    inside = [0.0] * 8 + [1.0] * 4 + [0.0]
    assert torch.equal(gradient(inside, 5), gradient(inside, 9))
    assert not torch.equal(gradient([0.0] * 8 + [1.0] * 5, 5), gradient([0.0] * 8 + [1.0] * 5, 9))


def test_per_example_losses_are_the_means_of_each_alone() -> None:
    examples = tiny.examples([6, 14, 9], prefix=10, labels=4)
    with torch.no_grad():
        batch = collate(examples, "cpu")
        losses, _ = token_losses(model(), batch)
        expected = [float(full_loss([example])) for example in examples]
    assert per_example(losses, batch) == pytest.approx(expected, rel=1e-5)
