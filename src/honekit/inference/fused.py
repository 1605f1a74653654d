"""The forward pass of Llama-like models with its small operations fused, for generation.

On small models a decoding step is as much overhead as arithmetic: transformers' layer issues some sixty operations, this
one about half. Weights are those of the loaded model (an adapter already merged); other architectures run through
transformers itself. Equality of both paths is a test.

Letters in shapes: T packed tokens, H query heads, K key/value heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from honekit.models.attention import Layout, attend
from honekit.models.lora import present_weight

_EXPECTED_ROWS = 1024
"""What weights are packed for: as many as a prefill has. Packed for few, oneDNN may give a row other bits in small company than
in large (`docs/lab-notes.md`)."""
_BLOCK = 32
_TRIED_ROWS = (2, 3, 5, 8, 17, 33, 64, 100)
_one_kernel: dict[tuple[torch.Size, torch.dtype, bool, int], bool] = {}


@dataclass
class _Layer:
    norm_in: Tensor
    qkv: Tensor
    out: Tensor
    norm_mlp: Tensor
    gate_up: Tensor
    down: Tensor


class FusedLlama:
    """`forward` as `Engine` needs it.

    Takes the weights over from the model and leaves it unusable, unless `keep` is set: then the model stays as it is, its
    adapters are merged as they are now, and what is trained afterwards needs a new object.
    """

    def __init__(self, model: Any, *, keep: bool = False) -> None:
        config = model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.width = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps, self.inner = config.rms_norm_eps, config.intermediate_size
        self.embed, self.head = model.model.embed_tokens.weight.data, _packed(model.lm_head.weight.data)
        self.norm = model.model.norm.weight.data
        self.cos, self.sin = _rotary_table(model.model.rotary_emb.inv_freq, config.max_position_embeddings, self.norm.dtype)
        self.scale = self.width**-0.5
        self.layers = []
        for layer in model.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            self.layers.append(
                _Layer(
                    layer.input_layernorm.weight.data,
                    _side_by_side(attention.q_proj, attention.k_proj, attention.v_proj),
                    _side_by_side(attention.o_proj),
                    layer.post_attention_layernorm.weight.data,
                    _side_by_side(mlp.gate_proj, mlp.up_proj),
                    _side_by_side(mlp.down_proj),
                )
            )
            if keep:
                continue
            # The separate weights are in the fused ones now; holding both would double the memory.
            attention.q_proj = attention.k_proj = attention.v_proj = attention.o_proj = None
            mlp.gate_proj = mlp.up_proj = mlp.down_proj = None

    def __call__(self, ids: Tensor, positions: Tensor, layout: Layout, keep: int | Tensor) -> Tensor:
        """Logits (rows, V) of the kept positions: a tensor of indices, the last `keep` ones, or all for 0."""
        return _linear(self.hidden(ids, positions, layout, keep), self.head)

    def hidden(self, ids: Tensor, positions: Tensor, layout: Layout, keep: int | Tensor) -> Tensor:
        """What the head sees (rows, d) at the kept positions: the last layer's output, normalised."""
        hidden = F.embedding(ids[0], self.embed)
        cos, sin = self.cos[positions[0]], self.sin[positions[0]]
        tokens, roped = len(hidden), self.heads + self.kv_heads
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            normed = F.rms_norm(hidden, (hidden.shape[1],), layer.norm_in, self.eps)
            qkv = _linear(normed, layer.qkv).view(tokens, roped + self.kv_heads, self.width)
            turning = qkv[:, :roped]
            turned = torch.addcmul(turning * cos, turning.roll(self.width // 2, -1), sin)
            query, key = turned[:, : self.heads].transpose(0, 1)[None], turned[:, self.heads :].transpose(0, 1)[None]
            value = qkv[:, roped:].transpose(0, 1)[None]
            attended = attend(index, query, key, value, self.scale, None, layout)
            mixed = attended.reshape(tokens, self.heads * self.width)
            if index == last:
                # Behind the last attention only the kept positions matter.
                mixed, hidden = _kept(mixed, keep), _kept(hidden, keep)
            hidden = _linear(mixed, layer.out).add_(hidden)
            normed = F.rms_norm(hidden, (hidden.shape[1],), layer.norm_mlp, self.eps)
            both = _linear(normed, layer.gate_up)
            hidden = _linear(F.silu(both[:, : self.inner]).mul_(both[:, self.inner :]), layer.down).add_(hidden)
        return F.rms_norm(hidden, (hidden.shape[1],), self.norm, self.eps)


def _rotary_table(inv_freq: Tensor, context: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(context, 1, D) cosines, and sines whose first half is negated, so that a roll replaces the half rotation.

    A table and not a computation per step, so that a position's values never depend on its neighbours in the batch.
    """
    angles = torch.arange(context, device=inv_freq.device)[:, None].float() * inv_freq.float()[None, :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([cos, cos], -1)[:, None].to(dtype), torch.cat([-sin, sin], -1)[:, None].to(dtype)


def _side_by_side(*parts: Any) -> Tensor:
    """Linear layers that read the same input as one weight."""
    weights = [present_weight(part) for part in parts]
    return _packed(torch.cat(weights) if len(weights) > 1 else weights[0])


def _packed(weight: Tensor) -> Tensor:
    """The weight as `_linear` multiplies with it fastest: on a CPU in oneDNN's own order, where torch has oneDNN.

    Unpacked, it is packed anew for every product, which for few rows takes longer than the product (docs/lab-notes.md).
    """
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return weight
    if weight.dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return weight
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _EXPECTED_ROWS)
    return packed


def _linear(rows: Tensor, weight: Tensor) -> Tensor:
    """A linear layer, the weight from `_packed`, whose result for a row does not depend on the other rows on a CPU with oneDNN.

    That makes an answer served alone equal the one from an evaluation's batch. Most CPUs have one kernel for all numbers of rows
    but one; so a lone row is computed twice over, which takes hardly longer. Others change kernels at further numbers; there rows
    go in blocks of one size.
    """
    if not (weight.is_mkldnn or (weight.dtype == torch.bfloat16 and weight.device.type == "cpu")):
        return F.linear(rows, weight)
    if _is_one_kernel(weight):
        return _product(rows.expand(2, -1), weight)[:1] if len(rows) == 1 else _product(rows, weight)
    padded = F.pad(rows, (0, 0, 0, -len(rows) % _BLOCK))
    return torch.cat([_product(block, weight) for block in torch.split(padded, _BLOCK)])[: len(rows)]


def _product(rows: Tensor, weight: Tensor) -> Tensor:
    if not weight.is_mkldnn:
        return F.linear(rows, weight)
    out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
    return out


def _is_one_kernel(weight: Tensor) -> bool:
    """Whether rows get the same bits in companies of several sizes: tried once for each shape and number of threads."""
    key = (weight.shape, weight.dtype, weight.is_mkldnn, torch.get_num_threads())
    if key not in _one_kernel:
        draw = torch.Generator().manual_seed(0)
        rows = torch.randn(max(_TRIED_ROWS), weight.shape[1], generator=draw).to(weight.dtype)
        together = _product(rows, weight)
        _one_kernel[key] = all(torch.equal(_product(rows[:count], weight), together[:count]) for count in _TRIED_ROWS)
    return _one_kernel[key]


def _kept(rows: Tensor, keep: int | Tensor) -> Tensor:
    return rows[-keep:] if isinstance(keep, int) else rows[keep]
