"""Hone's LoRA layer and files against PEFT's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests import tiny
from torch import nn

from honekit.errors import TrainError
from honekit.models import lora
from honekit.models.adapters import merge_adapter, save_adapter
from honekit.models.lora import LoraLinear

IDS = torch.tensor([tiny.token_ids(20)])
RANK, ALPHA = 4, 12.0


def adapted(architecture: str = "llama", **changes: Any) -> tuple[Any, list[str]]:
    """A tiny model with a random adapter of ours."""
    model = tiny.model(architecture, attention="sdpa")
    settings = {"targets": "all-linear", "rank": RANK, "alpha": ALPHA, "dropout": 0.0, "seed": 3, **changes}
    names = lora.inject(model, **settings)
    torch.manual_seed(9)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b.normal_(std=0.1)
    return model, names


def tensors_of(model: Any) -> list[torch.Tensor]:
    return [value for _, layer in lora.layers(model) for value in (layer.lora_a, layer.lora_b)]


def in_peft(model: Any, architecture: str = "llama") -> Any:
    """The same base and adapter values in PEFT."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    theirs = get_peft_model(tiny.model(architecture, attention="sdpa"), config)
    modules = dict(theirs.named_modules())
    with torch.no_grad():
        for name, layer in lora.layers(model):
            modules[f"base_model.model.{name}.lora_A.default"].weight.copy_(layer.lora_a)
            modules[f"base_model.model.{name}.lora_B.default"].weight.copy_(layer.lora_b)
    return theirs


def save(model: Any, names: list[str], directory: Path) -> Path:
    config = lora.peft_config(base="tiny", names=names, rank=RANK, alpha=ALPHA, dropout=0.0)
    return save_adapter(directory, lora.peft_tensors(names, tensors_of(model)), config, "tiny", "0" * 16)


@pytest.mark.parametrize("bias", [False, True])
def test_one_layer_computes_and_differentiates_as_pefts(bias: bool) -> None:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    holder = nn.Sequential(nn.Linear(6, 10, bias=bias))
    ours = LoraLinear(nn.Linear(6, 10, bias=bias), RANK, ALPHA / RANK, 0.0, torch.Generator().manual_seed(1))
    ours.base.load_state_dict(holder[0].state_dict())
    ours.base.requires_grad_(False)
    theirs = get_peft_model(holder, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["0"]))
    layer = dict(theirs.named_modules())["base_model.model.0"]
    with torch.no_grad():
        ours.lora_b.normal_()
        layer.lora_A["default"].weight.copy_(ours.lora_a)
        layer.lora_B["default"].weight.copy_(ours.lora_b)
    # In double precision, so that the bounds are not about the order in which a machine adds.
    ours.double(), theirs.double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    results = []
    for module, parameters in (
        (ours, (ours.lora_a, ours.lora_b)),
        (layer, (layer.lora_A["default"].weight, layer.lora_B["default"].weight)),
    ):
        own = x.clone().requires_grad_()
        out = module(own)
        (out**2).sum().backward()
        results.append([out, own.grad, *(p.grad for p in parameters)])
    for mine, reference in zip(*results, strict=True):
        torch.testing.assert_close(mine, reference)
    assert ours.base.weight.grad is None


def test_autograd_of_the_layer_is_right_in_double_precision() -> None:
    layer = LoraLinear(nn.Linear(3, 4).double(), 2, 1.5, 0.0, torch.Generator().manual_seed(0))
    layer.base.requires_grad_(False)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)

    def function(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return lora._Adapted.apply(x, (layer.base.weight,), 1.5, a, b)

    assert torch.autograd.gradcheck(function, (x, layer.lora_a, b))


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_whole_model_gives_pefts_outputs_and_gradients(architecture: str) -> None:
    ours, names = adapted(architecture)
    theirs = in_peft(ours, architecture)
    for model in (ours, theirs):
        model(input_ids=IDS, labels=IDS).loss.backward()
    torch.testing.assert_close(ours(input_ids=IDS).logits, theirs(input_ids=IDS).logits, rtol=1e-4, atol=1e-5)
    modules = dict(theirs.named_modules())
    for name, layer in lora.layers(ours):
        for letter, gradient in (("A", layer.lora_a.grad), ("B", layer.lora_b.grad)):
            expected = modules[f"base_model.model.{name}.lora_{letter}.default"].weight.grad
            assert (gradient - expected).abs().max() <= 1e-5 * expected.abs().max(), name
    assert names == [name for name, _ in lora.layers(ours)]
    frozen = [n for n, p in ours.named_parameters() if not p.requires_grad]
    assert not any("lora_" in name for name in frozen)
    assert all(p.grad is None for n, p in ours.named_parameters() if n in frozen)


@pytest.mark.parametrize("targets", ["all-linear", ("q_proj", "down_proj")])
def test_saved_files_load_with_plain_peft_and_give_the_same_logits(targets: Any, tmp_path: Path) -> None:
    from peft import PeftModel

    ours, names = adapted(targets=targets)
    directory = save(ours, names, tmp_path / "adapter")
    theirs = PeftModel.from_pretrained(tiny.model(attention="sdpa"), directory).eval()
    merged = tiny.model(attention="sdpa")
    assert merge_adapter(merged, directory) == len(names) == (14 if targets == "all-linear" else 4)
    with torch.no_grad():
        expected = ours(input_ids=IDS).logits
        untouched = tiny.model(attention="sdpa")(input_ids=IDS).logits
        torch.testing.assert_close(theirs(input_ids=IDS).logits, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(merged(input_ids=IDS).logits, expected, rtol=1e-4, atol=1e-5)
    assert (expected - untouched).abs().max() > 0.1


def test_a_fresh_adapter_leaves_the_outputs_as_they_are() -> None:
    model = tiny.model(attention="sdpa")
    with torch.no_grad():
        before = model(input_ids=IDS).logits
        lora.inject(model, targets="all-linear", rank=RANK, alpha=ALPHA, dropout=0.0, seed=0)
        assert torch.equal(model(input_ids=IDS).logits, before)


def test_start_values_depend_on_the_seed_alone() -> None:
    first, second, other = (adapted(seed=seed)[0] for seed in (3, 3, 4))
    bf16 = tiny.model(attention="sdpa").bfloat16()
    lora.inject(bf16, targets="all-linear", rank=RANK, alpha=ALPHA, dropout=0.0, seed=3)
    for mine, same, rounded, different in zip(*(tensors_of(m)[::2] for m in (first, second, bf16, other)), strict=True):
        assert torch.equal(mine, same)
        assert torch.equal(rounded, mine.bfloat16())
        assert not torch.equal(mine, different)


def test_dropout_acts_in_training_and_only_on_the_low_rank_path() -> None:
    model, _ = adapted(dropout=0.5)
    whole, _ = adapted()
    with torch.no_grad():
        expected = whole(input_ids=IDS).logits
        torch.testing.assert_close(model.eval()(input_ids=IDS).logits, expected)
        assert not torch.allclose(model.train()(input_ids=IDS).logits, expected, atol=1e-2)
        for _, layer in lora.layers(model):
            layer.lora_b.zero_()
        untouched = tiny.model(attention="sdpa")(input_ids=IDS).logits
        torch.testing.assert_close(model(input_ids=IDS).logits, untouched)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_the_output_head_is_never_a_target(architecture: str) -> None:
    _, names = adapted(architecture)
    assert "lm_head" not in names


def test_unknown_targets_are_refused_with_the_known_names() -> None:
    with pytest.raises(TrainError) as refused:
        lora.inject(tiny.model(), targets=("query",), rank=RANK, alpha=ALPHA, dropout=0.0, seed=0)
    assert refused.value.code == "train.no_targets"
    assert "query" in refused.value.what
    assert "q_proj" in (refused.value.mend or "")
