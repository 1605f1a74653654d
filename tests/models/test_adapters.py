from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from honekit.errors import ModelError
from honekit.models.adapters import check_adapter, merge_adapter, read_origin, save_adapter
from honekit.models.fingerprint import fingerprint_adapter

IDS = torch.arange(3, 40).reshape(1, -1)


def make_adapter(model: Any, directory: Path, **changes: Any) -> Path:
    """A random adapter on `model`, saved by Hone; `model` is wrapped by PEFT afterwards."""
    from peft import LoraConfig, get_peft_model
    from peft.utils import get_peft_model_state_dict

    settings = {"r": 4, "lora_alpha": 12, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **changes}
    config = LoraConfig(**settings)
    wrapped = get_peft_model(model, config)
    torch.manual_seed(7)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.1)
    return save_adapter(directory, get_peft_model_state_dict(wrapped), config.to_dict(), "tiny", "0123456789abcdef")


@pytest.mark.parametrize("changes", [{}, {"use_rslora": True}, {"target_modules": ["q_proj", "down_proj"]}])
def test_merged_weights_equal_those_of_peft(changes: dict[str, Any], tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    from peft import PeftModel

    directory = make_adapter(tiny_llama(), tmp_path / "adapter", **changes)
    theirs = PeftModel.from_pretrained(tiny_llama(), directory).merge_and_unload()
    ours = tiny_llama()
    untouched = tiny_llama()
    count = merge_adapter(ours, directory)
    assert count == (2 * 2 if "target_modules" in changes else 2 * 7)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name
    with torch.no_grad():
        assert not torch.allclose(ours(IDS).logits, untouched(IDS).logits, atol=1e-2)


def test_gpt2s_transposed_layers_merge_as_peft_merges_them(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import GPT2Config, GPT2LMHeadModel

    def model() -> Any:
        torch.manual_seed(0)
        return GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=32)).eval()

    directory = make_adapter(model(), tmp_path / "a", target_modules=["c_attn"], fan_in_fan_out=True)
    theirs = PeftModel.from_pretrained(model(), directory).merge_and_unload()
    ours = model()
    merge_adapter(ours, directory)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


def test_bf16_weights_are_rounded_once(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter")
    exact, rounded = tiny_llama().bfloat16().float(), tiny_llama().bfloat16()
    merge_adapter(exact, directory)
    merge_adapter(rounded, directory)
    for name, tensor in exact.state_dict().items():
        assert torch.equal(rounded.state_dict()[name], tensor.bfloat16()), name


def test_the_files_are_complete_replaceable_and_say_where_they_come_from(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter")
    first = fingerprint_adapter(directory)
    assert {file.name for file in directory.iterdir()} == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "hone.json",
    }
    assert read_origin(directory).base == "tiny"
    make_adapter(tiny_llama(), directory, r=8)
    assert fingerprint_adapter(directory) != first
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "home"] == ["adapter"]


def test_an_adapter_of_another_base_is_refused(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter")
    assert check_adapter(directory, "0123456789abcdef").base == "tiny"
    with pytest.raises(ModelError) as caught:
        check_adapter(directory, "fedcba9876543210")
    assert caught.value.code == "model.wrong_base"
    (directory / "hone.json").unlink()
    with pytest.raises(ModelError) as caught:
        check_adapter(directory, "0123456789abcdef")
    assert caught.value.code == "model.adapter_without_base"
    with pytest.raises(ModelError) as caught:
        check_adapter(tmp_path, "0123456789abcdef")
    assert caught.value.code == "model.not_an_adapter"


def test_weights_that_are_not_finite_are_never_written(tmp_path: Path) -> None:
    tensors = {"base_model.model.x.lora_A.weight": torch.tensor([[float("nan")]])}
    with pytest.raises(ModelError) as caught:
        save_adapter(tmp_path / "adapter", tensors, {"r": 1}, "tiny", "0")
    assert caught.value.code == "model.adapter_not_finite"
    assert not (tmp_path / "adapter").exists()


def refuse(model: Any, directory: Path) -> str:
    """The code of the refusal; the weights must be as before."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        merge_adapter(model, directory)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    return caught.value.code


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True},
        {"modules_to_save": ["norm"]},
        {"rank_pattern": {"q_proj": 2}},
        {"lora_bias": True},
        {"trainable_token_indices": [1, 2]},
    ],
)
def test_what_cannot_be_merged_exactly_is_refused(
    changes: dict[str, Any], tiny_llama: Callable[..., Any], tmp_path: Path
) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter", **changes)
    assert refuse(tiny_llama(), directory) == "model.adapter_unsupported"


def test_a_shared_weight_is_not_changed_behind_the_others_back(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter", target_modules=["lm_head"])
    assert refuse(tiny_llama(), directory) == "model.adapter_unsupported"


def test_an_adapter_that_does_not_fit_changes_nothing(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    directory = make_adapter(tiny_llama(), tmp_path / "adapter")
    assert refuse(tiny_llama(hidden_size=32), directory) == "model.adapter_mismatch"
    assert refuse(tiny_llama(num_hidden_layers=1), directory) == "model.adapter_mismatch"
    config = json.loads((directory / "adapter_config.json").read_text())
    (directory / "adapter_config.json").write_text(json.dumps({**config, "r": 5}))
    assert refuse(tiny_llama(), directory) == "model.adapter_mismatch"
    for broken in ({"r": 0}, {"r": float("inf")}, {"lora_alpha": 10**400}, {"lora_alpha": float("nan")}):
        (directory / "adapter_config.json").write_text(json.dumps({**config, **broken}))
        assert refuse(tiny_llama(), directory) == "model.adapter_broken"


def test_a_cut_or_infinite_weights_file_is_refused(tiny_llama: Callable[..., Any], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    directory = make_adapter(tiny_llama(), tmp_path / "adapter")
    weights = directory / "adapter_model.safetensors"
    tensors = load_file(weights)
    first = sorted(tensors)[0]
    save_file({**tensors, first: torch.full_like(tensors[first], float("inf"))}, weights)
    assert refuse(tiny_llama(), directory) == "model.adapter_not_finite"
    save_file({name: tensor for name, tensor in tensors.items() if name != first}, weights)
    assert refuse(tiny_llama(), directory) == "model.adapter_broken"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert refuse(tiny_llama(), directory) == "model.adapter_broken"
