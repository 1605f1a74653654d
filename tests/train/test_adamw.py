from __future__ import annotations

import pytest
import torch

from honekit.train.adamw import AdamW


def tensors() -> list[torch.Tensor]:
    torch.manual_seed(3)
    return [torch.randn(7, 5), torch.randn(4), torch.randn(3, 2)]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_moves_tensors_as_torchs_own_class_does(weight_decay: float) -> None:
    mine, other = tensors(), tensors()
    ours = AdamW(mine, weight_decay)
    theirs = torch.optim.AdamW(other, lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay, fused=True)
    for step in range(5):
        theirs.param_groups[0]["lr"] = learning_rate = 0.01 / (step + 1)
        for index, (a, b) in enumerate(zip(mine, other, strict=True)):
            gradient = torch.randn_like(a)
            # The last one has none at first, so that its state begins later.
            a.grad, b.grad = (None, None) if index == 2 and step < 2 else (gradient, gradient.clone())
        ours.step(learning_rate)
        theirs.step()
        for a, b in zip(mine, other, strict=True):
            assert torch.equal(a, b)
    for a, b in zip(mine, other, strict=True):
        assert ours.state[a].keys() == theirs.state[b].keys()
        assert all(torch.equal(ours.state[a][name], theirs.state[b][name]) for name in ours.state[a])
