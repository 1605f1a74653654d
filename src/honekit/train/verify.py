"""Is the model really there, and really different? The checks between the last step and `succeeded`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from honekit.errors import TrainError
from honekit.models import adapters, lora
from honekit.models.tensors import read_tensors
from honekit.project import TrainSection
from honekit.store.atomic import system_error
from honekit.train.batching import TokenExample, collate
from honekit.train.loss import plain_logits


def probe_logits(model: nn.Module, probes: Sequence[TokenExample], device: torch.device | str) -> Tensor:
    """(N, V) outputs at every predicted position of the probe conversations."""
    batch = collate(probes, device)
    model.eval()
    with torch.no_grad():
        return plain_logits(model, batch)


def require_finite(tensors: dict[str, Tensor], recipe: TrainSection) -> None:
    """Raises: TrainError[train.not_finite] for NaN or infinite weights."""
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise TrainError(
            "train.not_finite",
            what=f"{len(broken)} weight matrices of the result are NaN or infinite, first {broken[0]}",
            where="the trained adapter",
            mend=f"lower train.learning_rate (now {recipe.learning_rate:g}) and start again",
        )


def require_changed(start_logits: Tensor, tuned_logits: Tensor, recipe: TrainSection) -> float:
    """Largest change of a probe logit against the model that training started from: the base, or an adapter on it.

    Raises: TrainError[train.unchanged] when nothing moved, [train.not_finite] when the outputs are no numbers.
    """
    moved = float((tuned_logits.float() - start_logits.float()).abs().max())
    if not math.isfinite(moved):
        raise TrainError(
            "train.not_finite",
            what="the trained model gives NaN or infinite outputs on the probe prompts",
            where="the trained adapter",
            mend=f"lower train.learning_rate (now {recipe.learning_rate:g}) and start again",
        )
    if moved == 0.0:
        raise TrainError(
            "train.unchanged",
            what="the trained model gives exactly the outputs that it started with on the probe prompts: nothing was learnt",
            where="the trained adapter",
            mend=f"raise train.learning_rate (now {recipe.learning_rate:g}) or train.epochs (now {recipe.epochs})",
        )
    return moved


def require_same_from_disk(expected: dict[str, Tensor], directory: Path) -> None:
    """Every tensor of the adapter's file equals the one in memory, bit by bit.

    Raises: TrainError[train.reload_differs]; StoreError where the system refuses to read it.
    """
    try:
        found = read_tensors(directory / adapters.WEIGHTS)
    except Exception as fault:  # safetensors raises its own error type for damaged files
        if refused := system_error(fault, directory):
            raise refused from fault
        raise _reload_differs(directory, f"it cannot be read: {fault}") from fault
    if found.keys() != expected.keys():
        raise _reload_differs(directory, "it holds other tensors than were saved")
    for name, tensor in expected.items():
        if not torch.equal(found[name], tensor):
            raise _reload_differs(directory, f"tensor {name} differs from the one that was trained")


def require_same_answers(
    fresh: nn.Module,
    directory: Path,
    names: list[str],
    recipe: TrainSection,
    tuned_logits: Tensor,
    probes: Sequence[TokenExample],
    device: torch.device | str,
) -> None:
    """A freshly loaded base with the adapter's file gives the trainer's own outputs, bit by bit.

    Raises: TrainError[train.reload_differs].
    """
    tensors = read_tensors(directory / adapters.WEIGHTS)
    lora.inject(fresh, targets=recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dropout=0.0, seed=recipe.seed)
    with torch.no_grad():
        for name, layer in lora.layers(fresh):
            layer.lora_a.copy_(tensors[f"base_model.model.{name}.lora_A.weight"])
            layer.lora_b.copy_(tensors[f"base_model.model.{name}.lora_B.weight"])
    if not torch.equal(probe_logits(fresh, probes, device), tuned_logits):
        raise _reload_differs(directory, "the reloaded model answers differently from the trained one")


def _reload_differs(directory: Path, what: str) -> TrainError:
    return TrainError(
        "train.reload_differs",
        what=f"the saved adapter is not the trained one: {what}",
        where=str(directory),
        mend="check the disk, then start the job again: it goes on from its last checkpoint",
    )
