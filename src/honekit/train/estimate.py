"""Time, memory and disk of a job before it starts."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from honekit import settings
from honekit.errors import TrainError
from honekit.models.floor import Shape
from honekit.project import TrainSection

USUAL_UTILISATION = 0.55
"""Share of the measured matmul peak that a training step reaches (`docs/lab-notes.md`)."""
ACTIVATION_BYTES = 42_000
"""Bytes kept per packed token and layer at width 576 and 2 bytes a value (measured); scaled by width and precision."""
LAUNCHES = 600
"""Times `launch_us` that a training step takes for each layer and row on a GPU, where a small model's products are too short to
matter (`docs/lab-notes.md`)."""
LARGEST_ROW = 1.2
"""The largest row of a job against its mean one."""


@dataclass(frozen=True)
class Estimate:
    seconds: float
    memory_bytes: int
    disk_bytes: int
    optimizer_steps: int
    unique_tokens: int
    """Packed tokens of all epochs, shared prefixes once per step."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def estimate(
    shape: Shape,
    recipe: TrainSection,
    *,
    unique_tokens: int,
    trained_tokens: int,
    validation_tokens: int,
    optimizer_steps: int,
    gflops: float,
    precision: str,
    hidden_size: int,
    layers: int,
    reference_tokens: int = 0,
    launch_us: float = 0.0,
) -> Estimate:
    """`unique_tokens` and `trained_tokens` over all epochs, `validation_tokens` of one pass, `reference_tokens` of the pass
    before a preference training; `gflops` and `launch_us` as measured."""
    lora = recipe.method == "lora"
    flops = shape.training_flops(unique_tokens, trained_tokens, lora=lora)
    flops += (recipe.epochs + 1) * shape.forward_flops(validation_tokens, validation_tokens // 4)
    flops += shape.forward_flops(reference_tokens, reference_tokens // 4)
    width = 2 if precision == "bf16" else 4
    weights = (shape.body + shape.head) * width
    trainable = shape.body + shape.head if not lora else 3 * recipe.rank * layers * 12 * hidden_size
    row = min(4096, LARGEST_ROW * unique_tokens / max(1, optimizer_steps))
    activations = int(ACTIVATION_BYTES * row * layers * hidden_size / 576 * width / 2)
    rows_begun = max(optimizer_steps, unique_tokens / 4096)
    return Estimate(
        seconds=max(flops / (gflops * 1e9 * USUAL_UTILISATION), rows_begun * layers * LAUNCHES * launch_us * 1e-6),
        memory_bytes=600_000_000 + weights + 4 * 4 * trainable + activations,
        disk_bytes=4 * 3 * 4 * trainable,
        optimizer_steps=optimizer_steps,
        unique_tokens=unique_tokens,
    )


def check_room(needed: Estimate, directory: Path | None = None, device: str = "cpu") -> None:
    """Refuse a job that cannot fit. Raises: TrainError[train.no_memory | train.no_disk]."""
    available = _free_memory(device)
    if needed.memory_bytes > available * 1.5:
        raise TrainError(
            "train.no_memory",
            what=f"training needs about {needed.memory_bytes / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free",
            where="this machine" if device == "cpu" else f"the device {device}",
            mend="lower train.batch_size or train.max_length, take a smaller base, or close other programs",
        )
    where = directory or settings.home()
    free = shutil.disk_usage(where).free
    if needed.disk_bytes > free:
        raise TrainError(
            "train.no_disk",
            what=f"checkpoints need about {needed.disk_bytes / 1e6:.0f} MB of disk, {free / 1e6:.0f} MB are free",
            where=str(where),
            mend="free some space, or set HONE_HOME to a directory on a larger disk",
        )


def _free_memory(device: str) -> int:
    """Bytes; of the device's own memory where it has some."""
    if device == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    import psutil

    return psutil.virtual_memory().available
