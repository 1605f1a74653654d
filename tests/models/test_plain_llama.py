"""A plain Llama without transformers against transformers' own: the same weights and the same outputs, bit by bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests import tiny

from honekit.errors import ModelError
from honekit.models import attention, bases, lora
from honekit.models.attention import PackedLayout
from honekit.models.plain_llama import PlainLlama, load_model

LAYOUT = (12, [8, 15, 3])
IDS = torch.tensor([tiny.token_ids(12 + 8 + 15 + 3)])
KEEP = torch.tensor([14, 15, 19, 30, 34, 37])
CHANGES: list[dict[str, Any]] = [
    {},
    {"num_key_value_heads": 4},
    {"num_key_value_heads": 1, "head_dim": 16},
    {"tie_word_embeddings": False},
    {"rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}},
]


def logits(model: Any) -> torch.Tensor:
    layout = PackedLayout(*LAYOUT)
    with torch.no_grad():
        out: torch.Tensor = model(
            input_ids=IDS, position_ids=layout.position_ids(), use_cache=False, hone_layout=layout, logits_to_keep=KEEP
        ).logits[0]
    return out


def theirs(base: Path, dtype: torch.dtype) -> Any:
    return bases.load_base(base, dtype, "cpu", attention.register())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_weights_and_outputs_are_those_of_transformers(changes: dict[str, Any], dtype: torch.dtype, tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path, **changes)
    mine, other = load_model(base, dtype), theirs(base, dtype)
    assert isinstance(mine, PlainLlama) and not mine.training
    for (name, weight), (their_name, their_weight) in zip(mine.state_dict().items(), other.state_dict().items(), strict=True):
        assert name == their_name and torch.equal(weight, their_weight)
    assert [name for name, _ in mine.named_parameters()] == [name for name, _ in other.named_parameters()]
    assert torch.equal(mine.model.rotary_emb.inv_freq, other.model.rotary_emb.inv_freq)
    assert torch.equal(logits(mine), logits(other))


def test_with_adapters_that_drop_it_draws_what_transformers_model_would(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path)
    outputs = []
    for model in (load_model(base, torch.float32), theirs(base, torch.float32)):
        lora.inject(model, targets="all-linear", rank=4, alpha=8, dropout=0.3, seed=0)
        torch.manual_seed(5)
        with torch.no_grad():
            for _, layer in lora.layers(model):
                layer.lora_b.normal_(std=0.05)
        torch.manual_seed(1)
        outputs.append(logits(model.train()))
    assert torch.equal(*outputs)


def test_a_config_as_older_files_have_it_is_read_the_same(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path)
    config = json.loads((base / "config.json").read_text())
    config.pop("rope_parameters", None)
    (base / "config.json").write_text(json.dumps({**config, "rope_theta": 50000.0, "rope_scaling": None}))
    mine = load_model(base, torch.float32)
    assert isinstance(mine, PlainLlama)
    assert torch.equal(logits(mine), logits(theirs(base, torch.float32)))


@pytest.mark.parametrize(
    "config",
    [
        {"attention_bias": True},
        {"attention_dropout": 0.1},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
        {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}, "rope_theta": 10000.0},
    ],
    ids=lambda config: next(iter(config)),
)
def test_what_is_no_plain_llama_is_left_to_transformers(config: dict[str, Any], tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path, **{name: value for name, value in config.items() if name == "attention_bias"})
    content = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**content, **config}))
    assert not isinstance(load_model(base, torch.float32), PlainLlama)


def test_another_architecture_is_left_to_transformers(tmp_path: Path) -> None:
    assert type(load_model(tiny.save_base(tmp_path, architecture="qwen3"), torch.float32)).__name__ == "Qwen3ForCausalLM"


def test_broken_weights_are_the_fault_that_transformers_finds(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path)
    (base / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(ModelError) as caught:
        load_model(base, torch.float32)
    assert caught.value.code == "model.unloadable"


def test_weights_in_several_files_are_read_and_a_name_that_comes_twice_is_not_guessed_about(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path)
    whole = theirs(base, torch.float32)
    tensors = load_file(base / "model.safetensors")
    names = sorted(tensors)
    files = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    (base / "model.safetensors").unlink()
    for file, own in files.items():
        save_file({name: tensors[name] for name in own}, base / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, own in files.items() for name in own}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    split = load_model(base, torch.float32)
    assert isinstance(split, PlainLlama) and torch.equal(logits(split), logits(whole))
    save_file({names[0]: tensors[names[0]] + 1}, base / "stray.safetensors", metadata={"format": "pt"})
    assert not isinstance(load_model(base, torch.float32), PlainLlama)
