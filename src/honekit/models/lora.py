"""Low-rank adapters inside a frozen model: the layer that training uses, and its tensors under PEFT's names.

PEFT is the file format and the reference (tests hold forward, gradients and files against it). The layer is our own
because narrow matrix products are bound by memory: here the update is added to the weights once per pass (as it is when
the adapter is served), which costs as much arithmetic as 2 r tokens, and layers that read the same input are one product.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from honekit.errors import TrainError

Pair = tuple[Tensor, Tensor] | None
"""A (r, d_in) and B (d_out, r) of one layer; None where a layer has no adapter."""


KEPT_WEIGHTS = 1 << 22
"""Merged layers of so many weights are kept from the forward to the backward pass. Larger ones are merged again: all layers of a
large base would be its memory once more, and of its arithmetic merging is a smaller share."""


class _Adapted(torch.autograd.Function):
    """[y_1 | y_2 | ...] with y_i = x (W_i + scale * B_i A_i)^T, for frozen W_i that read the same input.

    Shapes:  x (T, d_in), W_i (d_i, d_in), A_i (r_i, d_in), B_i (d_i, r_i) -> (T, sum of d_i)
    Source:  Hu et al. 2021, arXiv:2106.09685, section 4.1.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: tuple[Tensor, ...], scale: float, *flat: Tensor | None) -> Tensor:
        merged = _merged(weights, _pairs(flat), scale)
        ctx.save_for_backward(x, *flat)
        ctx.weights, ctx.scale = weights, scale
        ctx.merged = merged if merged.numel() <= KEPT_WEIGHTS else None
        return x @ merged.t()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        x, *flat = ctx.saved_tensors
        pairs, scale = _pairs(flat), ctx.scale
        parts = torch.split(grads[0], [len(weight) for weight in ctx.weights], dim=1)
        merged = _merged(ctx.weights, pairs, scale) if ctx.merged is None else ctx.merged
        grad_x = grads[0] @ merged if ctx.needs_input_grad[0] else None
        found = [(part, *pair) for part, pair in zip(parts, pairs, strict=True) if pair is not None]
        if not found:
            return grad_x, None, None, *(None for _ in flat)
        ranks = [len(a) for _, a, _ in found]
        narrow = torch.split(x @ torch.cat([a for _, a, _ in found]).t(), ranks, dim=1)
        grads_b = [(part.t() @ own).mul_(scale) for (part, _, _), own in zip(found, narrow, strict=True)]
        grad_narrow = torch.cat([part @ b for part, _, b in found], dim=1)
        grads_a = torch.split((grad_narrow.t() @ x).mul_(scale), ranks)
        both = iter(zip(grads_a, grads_b, strict=True))
        return grad_x, None, None, *(g for pair in pairs for g in (next(both) if pair is not None else (None, None)))


def _pairs(flat: Sequence[Tensor | None]) -> list[Pair]:
    return [None if a is None or b is None else (a, b) for a, b in zip(flat[::2], flat[1::2], strict=True)]


def _merged(weights: Sequence[Tensor], pairs: Sequence[Pair], scale: float) -> Tensor:
    """(sum of d_i, d_in)."""
    if len(weights) == 1 and pairs[0] is None:
        return weights[0]
    out = weights[0].new_empty(sum(map(len, weights)), weights[0].shape[1])
    for part, weight, pair in zip(torch.split(out, [len(weight) for weight in weights]), weights, pairs, strict=True):
        if pair is None:
            part.copy_(weight)
        else:
            # Not addmm: with the narrow inner dimension its kernel is some thirty times slower than product and addition.
            torch.mm(pair[1], pair[0], out=part)
            torch.add(weight, part, alpha=scale, out=part)
    return out


class LoraLinear(nn.Module):
    """A frozen linear layer with a trainable low-rank update; starts as the frozen layer itself, since B = 0."""

    def __init__(self, base: nn.Linear, rank: int, scale: float, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.base, self.scale, self.dropout = base, scale, dropout
        # The start values are drawn in fp32 on the CPU, so that precision and device do not change the draw.
        start = torch.empty(rank, base.in_features)
        nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
        dtype, device = base.weight.dtype, base.weight.device
        self.lora_a = nn.Parameter(start.to(dtype=dtype, device=device))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, dtype=dtype, device=device))

    @property
    def drops(self) -> bool:
        return self.dropout > 0 and self.training

    def forward(self, x: Tensor) -> Tensor:
        if self.drops:
            narrow = F.dropout(x, self.dropout) @ self.lora_a.t()
            base: Tensor = self.base(x)
            return base + (narrow @ self.lora_b.t()) * self.scale
        out = adapted_linear(x.reshape(-1, x.shape[-1]), [self])
        if self.base.bias is not None:
            out = out + self.base.bias
        return out.view(*x.shape[:-1], out.shape[-1])


def adapted_linear(x: Tensor, layers: Sequence[LoraLinear | nn.Linear]) -> Tensor:
    """The outputs of layers that read the same input side by side, without their biases and dropout.

    Shapes:  x (T, d_in) -> (T, sum of d_i)
    """
    flat: list[Tensor | None] = []
    weights, scale = [], 1.0
    for layer in layers:
        if isinstance(layer, LoraLinear):
            weights.append(layer.base.weight)
            flat += [layer.lora_a, layer.lora_b]
            scale = layer.scale
        else:
            weights.append(layer.weight)
            flat += [None, None]
    out: Tensor = _Adapted.apply(x, tuple(weights), scale, *flat)  # type: ignore[no-untyped-call]
    return out


def present_weight(linear: LoraLinear | nn.Linear) -> Tensor:
    """(d_out, d_in) what the layer multiplies with now: of an adapted one a new tensor, of any other its own."""
    if not isinstance(linear, LoraLinear):
        return linear.weight.data
    return _merged([linear.base.weight.data], [(linear.lora_a.data, linear.lora_b.data)], linear.scale)


def inject(model: nn.Module, *, targets: str | tuple[str, ...], rank: int, alpha: float, dropout: float, seed: int) -> list[str]:
    """Freeze `model`, wrap its target linear layers in place, and return their names.

    `targets` is "all-linear" (every linear layer but the output head) or the last parts of module names.
    Raises: TrainError[train.no_targets] when nothing matches.
    """
    model.requires_grad_(False)
    head = model.get_output_embeddings()  # type: ignore[operator]
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head}
    names = [n for n in linear if targets == "all-linear" or n.rsplit(".", 1)[-1] in targets]
    if not names:
        raise TrainError(
            "train.no_targets",
            what=f"no layer of this base is named like the adapter's targets {list(targets)}",
            where="hone.toml: train.targets",
            mend=f'use "all-linear", or some of {", ".join(sorted({n.rsplit(".", 1)[-1] for n in linear}))}',
        )
    generator = torch.Generator().manual_seed(seed)
    for name in names:
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, LoraLinear(linear[name], rank, alpha / rank, dropout, generator))
    return names


def layers(model: nn.Module) -> Iterator[tuple[str, LoraLinear]]:
    """The wrapped layers with their names, in the model's order."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, LoraLinear))


def peft_tensors(names: list[str], values: list[Tensor]) -> dict[str, Tensor]:
    """Tensors (A, B, A, B, ... in the order of `names`) under the keys of a PEFT adapter file, in fp32."""
    tensors = {}
    for index, name in enumerate(names):
        for letter, value in zip("AB", values[2 * index : 2 * index + 2], strict=True):
            tensors[f"base_model.model.{name}.lora_{letter}.weight"] = value.detach().float().cpu().contiguous()
    return tensors


def peft_config(*, base: str, names: list[str], rank: int, alpha: float, dropout: float) -> dict[str, Any]:
    """adapter_config.json of a plain LoRA, with the target modules spelt out."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "bias": "none",
        "target_modules": sorted({name.rsplit(".", 1)[-1] for name in names}),
        "inference_mode": True,
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
    }
