"""The least arithmetic that a piece of work needs, for floors and estimates.

Counted are the matrix products of unique tokens: every linear layer once per token that has to be computed, the output
head only where a prediction is needed. Attention scores, norms and everything element-wise are not, so the floor is a
little lower than any program can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from honekit.models.bases import read_json
from honekit.models.weight_files import headers


@dataclass(frozen=True)
class Shape:
    """Parameter counts that decide the arithmetic of a model."""

    body: int
    """Weights of all linear layers but the head."""
    head: int
    """Weights of the output head."""

    def forward_flops(self, tokens: int, predictions: int) -> float:
        """Multiply-adds count as two operations."""
        return 2.0 * self.body * tokens + 2.0 * self.head * predictions

    def training_flops(self, tokens: int, predictions: int, *, lora: bool = True) -> float:
        """Forward and the gradients of the activations; without LoRA those of the weights too."""
        return (2.0 if lora else 3.0) * self.forward_flops(tokens, predictions)


def shape_of(base: Path) -> Shape:
    """Counts from the safetensors header: every 2-D weight outside the embeddings is a linear layer's.

    Raises: ModelError[model.weights_damaged].
    """
    config = read_json(base / "config.json")
    body = head = 0
    for header in headers(base):
        for name, entry in header.items():
            if len(entry["shape"]) != 2:
                continue
            count = entry["shape"][0] * entry["shape"][1]
            if "embed" in name or "wte" in name or "lm_head" in name:
                head = max(head, count)
            else:
                body += count
    if not head:
        head = int(config.get("vocab_size", 0)) * int(config.get("hidden_size", 0))
    return Shape(body, head)
