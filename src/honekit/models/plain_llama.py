"""A plain Llama as bare modules, filled from its files: what Hone's own passes need of a base, without transformers.

Importing transformers and building a model with it takes seconds, most of what a job costs besides training. The modules
have transformers' names, and `forward` does its operations in its order, so the outputs are the same bit by bit (a test).
Bases of other architectures are loaded through transformers.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from honekit.models import attention, bases
from honekit.models.attention import Layout
from honekit.models.llama import is_plain_llama

_DEFAULTS = {
    "rms_norm_eps": 1e-6, "hidden_act": "silu", "tie_word_embeddings": False, "max_position_embeddings": 2048,
    "num_key_value_heads": None, "head_dim": None,
}  # fmt: skip
"""transformers' own, for what a config.json leaves out."""
_SIZES = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


class _RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight, self.variance_epsilon = nn.Parameter(torch.empty(width)), eps

    def forward(self, hidden: Tensor) -> Tensor:
        wide = hidden.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)).to(hidden.dtype)


class _Rotary(nn.Module):
    """Rotary positions (Su et al. 2021, arXiv:2104.09864)."""

    inv_freq: Tensor

    def __init__(self, width: int, theta: float) -> None:
        super().__init__()
        steps = torch.arange(0, width, 2, dtype=torch.float, device="cpu")
        self.register_buffer("inv_freq", 1.0 / (theta ** (steps / width)), persistent=False)

    def forward(self, hidden: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (1, T, D) for positions (1, T)."""
        angles = positions[..., None].float() * self.inv_freq.to(hidden.device, torch.float)
        twice = torch.cat((angles, angles), -1)
        return twice.cos().to(hidden.dtype), twice.sin().to(hidden.dtype)


class _Attention(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        inner, narrow = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, inner, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, narrow, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, narrow, bias=False)
        self.o_proj = nn.Linear(inner, config.hidden_size, bias=False)
        self.width = config.head_dim

    def forward(self, hidden: Tensor, layer: int, cos: Tensor, sin: Tensor, layout: Layout | None) -> Tensor:
        heads = [
            linear(hidden).view(*hidden.shape[:-1], -1, self.width).transpose(1, 2)
            for linear in (self.q_proj, self.k_proj, self.v_proj)
        ]
        query, key = ((part * cos) + (_half_turned(part) * sin) for part in heads[:2])
        mixed = attention.attend(layer, query, key, heads[2], self.width**-0.5, None, layout)
        out: Tensor = self.o_proj(mixed.reshape(*hidden.shape[:-1], -1))
        return out


def _half_turned(part: Tensor) -> Tensor:
    first, second = part[..., : part.shape[-1] // 2], part[..., part.shape[-1] // 2 :]
    return torch.cat((-second, first), -1)


class _Mlp(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return out


class _Layer(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.self_attn, self.mlp = _Attention(config), _Mlp(config)
        self.input_layernorm = _RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = _RmsNorm(config.hidden_size, config.rms_norm_eps)


class _Body(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        # Given its weight, it draws none: on the meta device that would import torch's compiler.
        empty = torch.empty(config.vocab_size, config.hidden_size)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, _weight=empty)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = _RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = _Rotary(config.head_dim, config.rope_theta)


class PlainLlama(nn.Module):
    """`config` has the attributes of transformers' that Hone reads."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.model = _Body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def forward(
        self, *, input_ids: Tensor, position_ids: Tensor, logits_to_keep: Tensor, hone_layout: Layout | None, use_cache: bool
    ) -> SimpleNamespace:
        """As transformers' own: `.logits` (1, N, V) at the positions `logits_to_keep` (N,). There is no cache to use."""
        assert not use_cache
        body: Any = self.model
        hidden = body.embed_tokens(input_ids)
        cos, sin = (table[:, None] for table in body.rotary_emb(hidden, position_ids))
        for index, layer in enumerate(body.layers):
            hidden = hidden + layer.self_attn(layer.input_layernorm(hidden), index, cos, sin, hone_layout)
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        return SimpleNamespace(logits=self.lm_head(body.norm(hidden)[:, logits_to_keep]))


def load_model(path: Path, dtype: torch.dtype, device: torch.device | str = "cpu") -> Any:
    """A base in evaluation mode with Hone's attention, for Hone's own passes. Raises ModelError as `bases.load_base`."""
    return _load_plain(path, dtype, device) or bases.load_base(path, dtype, device, attention.register())


def _load_plain(path: Path, dtype: torch.dtype, device: torch.device | str) -> PlainLlama | None:
    """None for what is not a whole plain Llama; transformers then says what it is, or what is wrong with it."""
    config = _config(bases.read_json(path / "config.json"))
    if config is None:
        return None
    with torch.device("meta"):
        model = PlainLlama(config)
    wanted = model.state_dict()
    weights = _read(path, {name: tuple(tensor.shape) for name, tensor in wanted.items()}, dtype, device)
    if config.tie_word_embeddings and "model.embed_tokens.weight" in weights:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    if weights.keys() != wanted.keys():
        return None
    model.load_state_dict(weights, assign=True)
    if config.tie_word_embeddings:
        model.lm_head.weight = model.model.embed_tokens.weight
    return model.to(device).eval()


def _config(content: dict[str, Any]) -> SimpleNamespace | None:
    if content.get("model_type") != "llama" or not all(type(content.get(name)) is int for name in _SIZES):
        return None
    if content.get("quantization_config") or content.get("attention_dropout"):
        return None
    config = SimpleNamespace(**{**_DEFAULTS, **content})
    rope = content.get("rope_parameters") or content.get("rope_scaling") or {}
    if rope.get("type", "default") != "default":  # its name in older files
        return None
    config.rope_theta = rope.get("rope_theta", content.get("rope_theta", 10_000.0))
    config.num_key_value_heads = config.num_key_value_heads or config.num_attention_heads
    config.head_dim = config.head_dim or config.hidden_size // config.num_attention_heads
    return config if is_plain_llama(SimpleNamespace(config=config)) else None


def _read(path: Path, shapes: dict[str, tuple[int, ...]], dtype: torch.dtype, device: torch.device | str) -> dict[str, Tensor]:
    """Those of the tensors that are there, each once and in its shape; none from files that cannot be read."""
    from safetensors import SafetensorError, safe_open

    found: dict[str, Tensor] = {}
    try:
        for file in sorted(path.glob("*.safetensors")):
            with safe_open(file, framework="pt") as content:
                for name in content.keys():  # noqa: SIM118 - it is no dict
                    if name in found:
                        return {}
                    if shapes.get(name) == tuple(content.get_slice(name).get_shape()):
                        # A copy: what is mapped would change, or end the process, with the file.
                        found[name] = content.get_tensor(name).to(device, dtype, copy=True)
    except (OSError, SafetensorError):
        return {}
    return found
