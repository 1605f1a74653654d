"""Parameter counts behind floors and estimates, against the model itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import tiny
from torch import nn

from honekit.models.floor import Shape, shape_of


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_body_and_head_are_the_models_linear_layers(architecture: str, tied: bool, tmp_path: Path) -> None:
    model = tiny.model(architecture, tie_word_embeddings=tied)
    model.save_pretrained(tmp_path)
    linear = {n: m.weight.numel() for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    head = linear.pop("lm_head")
    assert shape_of(tmp_path) == Shape(body=sum(linear.values()), head=head)


def test_operations_follow_from_the_counts() -> None:
    shape = Shape(body=100, head=30)
    assert shape.forward_flops(7, 2) == 2 * 100 * 7 + 2 * 30 * 2
    assert shape.training_flops(7, 2) == 2 * shape.forward_flops(7, 2)
    assert shape.training_flops(7, 2, lora=False) == 3 * shape.forward_flops(7, 2)
