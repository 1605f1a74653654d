"""The trainable state: compute-precision parameters, their fp32 masters, AdamW, and how all of it is saved.

A bf16 parameter cannot take updates of 1e-3 of its size, so the optimizer works on fp32 copies; the model computes with
the rounded ones. In fp32 the masters are the parameters themselves.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from honekit.errors import TrainError
from honekit.models.tensors import read_tensors
from honekit.project import TrainSection
from honekit.train.adamw import AdamW

STATE = "state.safetensors"
PROGRESS = "progress.json"
COPIED_BYTES = 1 << 30
"""A state up to this size is copied and written beside the next steps; for a larger one the memory may not be there."""


@dataclass
class Progress:
    """Where a job stands; together with the tensors all that a resume needs (the order is a function of the epoch)."""

    step: int = 0
    """Optimizer steps done."""
    epoch: int = 0
    """Epochs completed."""
    trained_tokens: int = 0
    unique_tokens: int = 0
    train_seconds: float = 0.0
    valid_seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry a step: step, epoch, loss, accuracy, learning_rate, tokens_per_s, and valid_loss after an epoch."""
    best_valid_loss: float | None = None
    """Validation loss of the best checkpoint, in nats per token."""
    best_score: float | None = None
    """What the best checkpoint was chosen by; higher is better."""
    best_step: int = 0
    epochs_without_gain: int = 0
    base_valid_loss: float | None = None
    base_score: float | None = None
    """What training starts from, by the same measure as `best_score`."""
    loss_log: str = "example_losses.jsonl"
    """Name of the worker's own log of per-example losses."""
    loss_log_bytes: int = 0
    """Its length at this point; a resume takes over no more."""

    def as_json(self) -> str:
        return json.dumps(vars(self))


class TrainState:
    """Masters and optimizer over the trainable parameters of a model."""

    def __init__(self, model: nn.Module, recipe: TrainSection) -> None:
        self.names, self.parameters = [], []
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                self.names.append(name)
                self.parameters.append(parameter)
        self.masters: list[Tensor] = [p if p.dtype == torch.float32 else p.detach().float().clone() for p in self.parameters]
        self.optimizer = AdamW(self.masters, recipe.weight_decay)
        self.max_grad_norm = recipe.max_grad_norm
        self._copies: dict[str, Tensor] = {}
        """Of the last snapshot."""
        self._may_change = threading.Event()
        self._may_change.set()

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Replace masters by name, in fp32, and round them into the model. Before the first step only."""
        with torch.no_grad():
            for name, parameter, master in zip(self.names, self.parameters, self.masters, strict=True):
                if name in values:
                    master.copy_(values[name])
                    if master is not parameter:
                        parameter.copy_(master)

    def step(self, learning_rate: float) -> float:
        """Clip, update, and round the masters back into the model. Returns the gradient norm before clipping.

        Waits for the snapshot that was announced by `hold`.
        """
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            if master is not parameter:
                master.grad = None if parameter.grad is None else parameter.grad.float()
        norm = nn.utils.clip_grad_norm_(self.masters, self.max_grad_norm)
        self._may_change.wait()
        self.optimizer.step(learning_rate)
        with torch.no_grad():
            for parameter, master in zip(self.parameters, self.masters, strict=True):
                if master is not parameter:
                    parameter.copy_(master)
                parameter.grad = None
        return float(norm)

    def weights(self) -> dict[str, Tensor]:
        """The masters by the names that they have in a checkpoint; no copies."""
        return {f"master.{name}": master.detach() for name, master in zip(self.names, self.masters, strict=True)}

    def hold(self) -> None:
        """Nothing changes from now on until `snapshot` has been called, by another thread: so it is copied beside the next
        step's gradients, which need no more than to read."""
        self._may_change.clear()

    def snapshot(self) -> dict[str, Tensor]:
        """Masters and optimizer moments by the names that they have in a checkpoint, on the CPU: copies, which later steps
        do not change and the next snapshot does, unless there is more of it than `COPIED_BYTES`."""
        try:
            return self._snapshot()
        finally:
            self._may_change.set()

    def _snapshot(self) -> dict[str, Tensor]:
        tensors = self.weights()
        for name, master in zip(self.names, self.masters, strict=True):
            tensors |= {f"{key}.{name}": torch.as_tensor(value) for key, value in self.optimizer.state.get(master, {}).items()}
        if not self.is_copied():
            return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        # Into the same memory each time: faulting in fresh pages takes several times as long as copying.
        for name, tensor in tensors.items():
            if name not in self._copies:
                self._copies[name] = torch.empty(tensor.shape, dtype=tensor.dtype)
            self._copies[name].copy_(tensor)
        return dict(self._copies)

    def is_copied(self) -> bool:
        """Whether a snapshot is a copy."""
        return 3 * sum(master.nbytes for master in self.masters) <= COPIED_BYTES

    def read(self, directory: Path) -> Progress:
        """Put a checkpoint's state back. Raises TrainError[train.checkpoint_mismatch] for another model's state."""
        self._may_change.wait()
        tensors = read_tensors(directory / STATE)
        if {k for k in tensors if k.startswith("master.")} != {f"master.{n}" for n in self.names}:
            raise TrainError(
                "train.checkpoint_mismatch",
                what="the checkpoint belongs to another base or recipe",
                where=str(directory),
                mend="start a new job",
            )
        with torch.no_grad():
            for name, parameter, master in zip(self.names, self.parameters, self.masters, strict=True):
                master.copy_(tensors[f"master.{name}"])
                if master is not parameter:
                    parameter.copy_(master)
                moments = {
                    key: tensors[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}.{name}" in tensors
                }
                if moments:
                    self.optimizer.state[master] = {
                        key: value if key == "step" else value.to(master.device) for key, value in moments.items()
                    }
        return Progress(**json.loads((directory / PROGRESS).read_text(encoding="utf-8")))


def write_state(directory: Path, snapshot: Mapping[str, Tensor], progress: str) -> None:
    """A snapshot and a `Progress` as JSON, as files of `directory` (the caller makes the directory atomic)."""
    from safetensors.torch import save_file

    save_file(dict(snapshot), directory / STATE)
    (directory / PROGRESS).write_text(progress, encoding="utf-8")
