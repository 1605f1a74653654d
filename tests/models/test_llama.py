"""The written-out training pass of Llama-like models against transformers' forward and autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests import tiny
from torch import nn

from honekit.models import llama, lora
from honekit.models.attention import PackedLayout
from honekit.models.llama import has_training_pass, packed_logits

LAYOUT = (12, [8, 15, 3])
IDS = torch.tensor([tiny.token_ids(12 + 8 + 15 + 3)])
KEEP = torch.tensor([14, 15, 19, 30, 34, 37])
LABELS = torch.tensor(tiny.token_ids(len(KEEP), seed=4))
CHANGES: list[dict[str, Any]] = [
    {},
    {"num_key_value_heads": 4},
    {"num_key_value_heads": 1, "head_dim": 16},
    {"tie_word_embeddings": False},
]


def adapted(targets: Any = "all-linear", dropout: float = 0.0, **changes: Any) -> Any:
    model = tiny.model(**changes)
    lora.inject(model, targets=targets, rank=4, alpha=8, dropout=dropout, seed=0)
    torch.manual_seed(5)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b.normal_(std=0.05)
    return model.train()


def ours(model: Any) -> torch.Tensor:
    layout = PackedLayout(*LAYOUT)
    return packed_logits(model, IDS, layout.position_ids(), layout, KEEP)


def theirs(model: Any) -> torch.Tensor:
    layout = PackedLayout(*LAYOUT)
    row = {"input_ids": IDS, "position_ids": layout.position_ids(), "logits_to_keep": KEEP}
    logits: torch.Tensor = model(**row, use_cache=False, hone_layout=layout).logits[0]
    return logits


def gradients(model: Any, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    torch.nn.functional.cross_entropy(logits.float(), LABELS).backward()
    return {name: p.grad.float().clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "v_proj", "up_proj")], ids=str)
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_logits_and_gradients_are_those_of_transformers(changes: dict[str, Any], targets: Any) -> None:
    model = adapted(targets, **changes)
    assert has_training_pass(model)
    torch.testing.assert_close(ours(model), theirs(model), rtol=1e-4, atol=2e-5)
    mine, expected = gradients(model, ours(model)), gradients(model, theirs(model))
    assert mine.keys() == expected.keys()
    assert len(mine) == 2 * 2 * (7 if targets == "all-linear" else 3)
    for name, gradient in expected.items():
        assert (mine[name] - gradient).abs().max() <= 1e-5 * gradient.abs().max(), name


def test_a_model_without_adapters_gives_the_same_logits() -> None:
    model = tiny.model().requires_grad_(False)
    assert has_training_pass(model)
    torch.testing.assert_close(ours(model), theirs(model), rtol=1e-4, atol=2e-5)


def test_in_bf16_it_is_as_near_to_fp32_as_transformers() -> None:
    exact, model = adapted(), adapted().bfloat16()
    reference = gradients(exact, theirs(exact))

    def distance(found: dict[str, torch.Tensor]) -> float:
        return sum(float((found[name] - gradient).norm() / gradient.norm()) for name, gradient in reference.items())

    assert distance(gradients(model, ours(model))) < 1.5 * distance(gradients(model, theirs(model)))


@pytest.mark.parametrize(
    "model",
    [tiny.model("qwen3"), tiny.model().requires_grad_(True), adapted(dropout=0.1)],
    ids=["another architecture", "full tuning", "dropout"],
)
def test_what_it_does_not_cover_runs_through_transformers(model: Any) -> None:
    assert not has_training_pass(model.train())


def test_dropout_acts_in_training_alone() -> None:
    assert has_training_pass(adapted(dropout=0.1).eval())


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: llama._RmsNorm.apply(x, torch.arange(1.0, 7).double(), 1e-5), [(5, 6)]),
        (lambda x: llama._Rotate.apply(x, *angles()), [(5, 3, 6)]),
        (lambda x: llama._Gated.apply(x), [(5, 6)]),
    ],
    ids=["norm", "rotation", "gate"],
)
def test_each_backward_pass_is_right_in_double_precision(function: Any, shapes: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    # The norm works in fp32 inside, whatever its input.
    assert torch.autograd.gradcheck(function, inputs, eps=1e-3, atol=2e-3, rtol=2e-3)


def angles() -> tuple[torch.Tensor, torch.Tensor]:
    turn = torch.linspace(0, 2, 15, dtype=torch.float64).view(5, 1, 3)
    return torch.cat([turn.cos(), turn.cos()], -1), torch.cat([-turn.sin(), turn.sin()], -1)


def test_the_norm_is_torchs() -> None:
    x, weight = torch.randn(4, 8), torch.rand(8)
    expected = nn.functional.rms_norm(x, (8,), weight, 1e-5)
    torch.testing.assert_close(llama._RmsNorm.apply(x, weight, 1e-5), expected)
