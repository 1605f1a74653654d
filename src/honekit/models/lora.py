"""Low-rank adapters inside a frozen model: the layer that training uses, and its tensors under PEFT's names.

PEFT is the file format and the reference (tests hold forward, gradients and files against it). The layer is our own
because on small models its elementwise operations are a good part of a step: here scale and addition ride on the matrix
products, and q, k, v share one saved input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from honekit.errors import TrainError


class _LowRank(torch.autograd.Function):
    """y = x W^T + b + scale * (x A^T) B^T for frozen W and b.

    Shapes:  x (T, d_in), W (d_out, d_in), A (r, d_in), B (d_out, r) -> (T, d_out)
    Source:  Hu et al. 2021, arXiv:2106.09685, section 4.1.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        out = F.linear(x, weight, bias)
        narrow = x @ a.t()
        # Not addmm_: with the narrow inner dimension its kernel is some thirty times slower than product and addition.
        out.add_(narrow @ b.t(), alpha=scale)
        ctx.save_for_backward(x, weight, a, b, narrow)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, weight, a, b, narrow = ctx.saved_tensors
        grad_narrow = (grad @ b).mul_(ctx.scale)
        grad_b = (grad.t() @ narrow).mul_(ctx.scale)
        grad_a = grad_narrow.t() @ x
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight
            grad_x.add_(grad_narrow @ a)
        return grad_x, None, None, grad_a, grad_b, None


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

    def forward(self, x: Tensor) -> Tensor:
        if self.dropout and self.training:
            narrow = F.dropout(x, self.dropout) @ self.lora_a.t()
            base: Tensor = self.base(x)
            return base + (narrow @ self.lora_b.t()) * self.scale
        flat = x.reshape(-1, x.shape[-1])
        out: Tensor = _LowRank.apply(  # type: ignore[no-untyped-call]
            flat, self.base.weight, self.base.bias, self.lora_a, self.lora_b, self.scale
        )
        return out.view(*x.shape[:-1], out.shape[-1])


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
