"""Tiny models made on the spot, and the embedded base, converted once per test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HONE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def embedded_gguf() -> Path:
    from honekit.models import catalogue, wheel

    package = catalogue.get(catalogue.EMBEDDED).wheel
    assert package is not None
    found = wheel.find_gguf(package)
    if found is None:
        pytest.skip(f"{package.requirement} is not installed")
    return found


@pytest.fixture(scope="session")
def embedded_base(embedded_gguf: Path, run_folder: Path) -> Path:
    from honekit.models import catalogue
    from honekit.models.gguf import convert_gguf

    return convert_gguf(embedded_gguf, run_folder / "bases" / catalogue.EMBEDDED)


@pytest.fixture(scope="session")
def tiny_llama() -> Callable[..., Any]:
    """Makes a random Llama of 2 layers; the same weights for the same seed."""

    def make(seed: int = 0, **changes: Any) -> Any:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(seed)
        config = LlamaConfig(
            **{
                "vocab_size": 261,
                "hidden_size": 64,
                "intermediate_size": 96,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 128,
                "rope_theta": 5000.0,
                "tie_word_embeddings": True,
                "bos_token_id": 1,
                "eos_token_id": 2,
                "pad_token_id": 2,
                **changes,
            }
        )
        return LlamaForCausalLM(config).eval()

    return make


@pytest.fixture(scope="session")
def tiny_gguf(tiny_llama: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A GGUF of a tiny Llama, written as llama.cpp's converter does, and the model that it must become."""
    import torch
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.quants import dequantize, quantize
    from tokenizers.pre_tokenizers import ByteLevel

    model = tiny_llama()
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = GGUFWriter(path, "llama")
    config = model.config
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(ByteLevel.alphabet()), "ab", "12"]
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * 258)
    writer.add_token_merges(["a b", "1 2"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)

    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            weights = parameter.numpy().copy()
            if weights.ndim == 2:
                packed = quantize(weights, GGMLQuantizationType.Q4_1)
                parameter.copy_(torch.from_numpy(dequantize(packed, GGMLQuantizationType.Q4_1)).bfloat16().float())
            if name in names:
                target = names[name]
            else:
                _, _, layer, rest = name.split(".", 3)
                target = f"blk.{layer}.{names[rest.removesuffix('.weight')]}.weight"
            heads = {"attn_q": 4, "attn_k": 2}.get(target.split(".")[2] if target.startswith("blk") else "")
            if heads:  # the converter pairs the rotary halves
                rows, columns = weights.shape
                weights = weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
            if weights.ndim == 2:
                packed = quantize(np.ascontiguousarray(weights), GGMLQuantizationType.Q4_1)
                writer.add_tensor(target, packed, raw_dtype=GGMLQuantizationType.Q4_1)
            else:
                writer.add_tensor(target, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, model
