"""The training pass of Llama-like models on one packed row, with the backward passes of its small operations written out.

On small models a third of a training step is element-wise work and memory traffic. Here every operation saves only what
its gradient needs, q, k, v and gate, up are one matrix product each, and behind the last attention only the positions
whose outputs are asked for are computed. It runs on the modules of the transformers model itself, with or without
adapters; other architectures run through transformers. Equality of both is a test.

Letters in shapes: T packed tokens, H query heads, K key/value heads, D head width, I inner width of the MLP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from honekit.models.attention import Layout, attend
from honekit.models.lora import LoraLinear, adapted_linear


def is_plain_llama(model: Any) -> bool:
    """SiLU, no biases, default rotary positions."""
    config = model.config
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return (
        config.model_type == "llama"
        and config.hidden_act == "silu"
        and not getattr(config, "attention_bias", False)
        and not getattr(config, "mlp_bias", False)
        and rope.get("rope_type", "default") == "default"
    )


def has_training_pass(model: Any) -> bool:
    """A plain Llama whose linear layers are frozen (with an adapter or without one) and drop nothing."""
    return is_plain_llama(model) and all(_is_covered(linear) for layer in model.model.layers for linear in _linears(layer))


def _linears(layer: Any) -> Iterator[Any]:
    attention, mlp = layer.self_attn, layer.mlp
    yield from (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    yield from (mlp.gate_proj, mlp.up_proj, mlp.down_proj)


def _is_covered(linear: Any) -> bool:
    if isinstance(linear, LoraLinear):
        return not linear.drops
    return type(linear) is nn.Linear and not linear.weight.requires_grad


def packed_logits(model: Any, ids: Tensor, positions: Tensor, layout: Layout, keep: Tensor) -> Tensor:
    """Logits (N, V) at the positions `keep` (N,) of a packed row; ids and positions (1, T)."""
    body, config = model.model, model.config
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    hidden: Tensor = body.embed_tokens(ids)[0]
    cos, sin = (table[0][:, None] for table in body.rotary_emb(hidden[None], positions))
    # With the first half negated, a roll by half the width takes the place of the half rotation.
    sin = torch.cat([-sin[..., : width // 2], sin[..., width // 2 :]], -1)
    last = len(body.layers) - 1
    for index, layer in enumerate(body.layers):
        attention, mlp = layer.self_attn, layer.mlp
        normed = _rms_norm(hidden, layer.input_layernorm)
        qkv = adapted_linear(normed, [attention.q_proj, attention.k_proj, attention.v_proj])
        parts = torch.split(qkv, [heads * width, kv_heads * width, kv_heads * width], 1)
        query, key, value = (part.view(len(part), -1, width) for part in parts)
        query, key = _Rotate.apply(query, cos, sin), _Rotate.apply(key, cos, sin)  # type: ignore[no-untyped-call]
        query, key, value = (part.transpose(0, 1)[None] for part in (query, key, value))
        mixed = attend(index, query, key, value, width**-0.5, None, layout).reshape(-1, heads * width)
        if index == last:
            mixed, hidden = mixed[keep], hidden[keep]
        hidden = hidden + adapted_linear(mixed, [attention.o_proj])
        normed = _rms_norm(hidden, layer.post_attention_layernorm)
        gate_up = adapted_linear(normed, [mlp.gate_proj, mlp.up_proj])
        hidden = hidden + adapted_linear(_Gated.apply(gate_up), [mlp.down_proj])  # type: ignore[no-untyped-call]
    return F.linear(_rms_norm(hidden, body.norm), model.lm_head.weight)


def _rms_norm(hidden: Tensor, norm: Any) -> Tensor:
    out: Tensor = _RmsNorm.apply(hidden, norm.weight, norm.variance_epsilon)  # type: ignore[no-untyped-call]
    return out


class _RmsNorm(torch.autograd.Function):
    """x / rms(x) * weight for a frozen weight; the square mean in fp32.

    Shapes:  x (T, d), weight (d,) -> (T, d)
    Source:  Zhang and Sennrich 2019, arXiv:1910.07467.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        scale = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).to(x.dtype).mul_(weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        weighted = grads[0] * weight
        # dx = s * gw - x * s^3 * mean(gw * x)
        mean = torch.linalg.vecdot(weighted, x)[:, None].float() / x.shape[-1]
        along = (mean * scale.pow(3)).to(x.dtype)
        return torch.addcmul(weighted.mul_(scale.to(x.dtype)), x, along, value=-1), None, None


class _Rotate(torch.autograd.Function):
    """Rotary positions (Su et al. 2021, arXiv:2104.09864). Shapes: x (T, heads, D), cos and sin (T, 1, D)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        (grad,) = grads
        # The transpose of a rotation is the rotation back.
        return torch.addcmul(grad * cos, grad.roll(grad.shape[-1] // 2, -1), sin, value=-1), None, None


class _Gated(torch.autograd.Function):
    """silu(gate) * up. Shapes: gate_up (T, 2 I) -> (T, I)."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=1)
        activated = F.silu(gate)
        ctx.save_for_backward(gate_up, activated)
        return activated * up

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor]:
        (gate_up, activated), (grad,) = ctx.saved_tensors, grads
        gate, up = gate_up.chunk(2, dim=1)
        out = torch.empty_like(gate_up)
        to_gate, to_up = out.chunk(2, dim=1)
        torch.mul(activated, grad, out=to_up)
        torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=to_gate)
        return (out,)
