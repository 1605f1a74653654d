"""What `auto` means: numbers chosen from the size of the data, and shown with the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from honekit.project import TrainSection

Auto = Literal["auto"]

BASE_RATE = 1e-3
"""Learning rate at a multiplier of 1: what LoRA on a small base took best (`docs/lab-notes.md`)."""
PASSES, FEW, MANY = 3, 100, 25_000
MAX_FEW_PASSES = 25


@dataclass(frozen=True)
class Chosen:
    """Hyperparameters with every `auto` decided."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None
    """Only of preference tuning."""

    def as_dict(self) -> dict[str, Any]:
        """As the API shows them."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def recipe(self, base: str, seed: int) -> TrainSection:
        """The training recipe; the number of epochs is the caller's, so nothing stops early."""
        return TrainSection(
            base=base,
            epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=BASE_RATE * self.learning_rate_multiplier,
            early_stopping_patience=0,
            seed=seed,
        )


def choose(
    examples: int,
    *,
    n_epochs: int | Auto = "auto",
    batch_size: int | Auto = "auto",
    learning_rate_multiplier: float | Auto = "auto",
) -> Chosen:
    """Decide what is `auto` for so many examples.

    Epochs follow the data-preparation notebook of OpenAI's cookbook: three, more for fewer than 34 examples, one for very
    many. Batches hold about a thirtieth of the data, 4 to 16 examples: small sets need steps more than smooth gradients.
    """
    return Chosen(
        _epochs(examples) if n_epochs == "auto" else n_epochs,
        min(16, max(4, examples // 30)) if batch_size == "auto" else batch_size,
        1.0 if learning_rate_multiplier == "auto" else learning_rate_multiplier,
    )


def _epochs(examples: int) -> int:
    if examples * PASSES < FEW:
        return min(MAX_FEW_PASSES, FEW // examples)
    if examples * PASSES > MANY:
        return max(1, MANY // examples)
    return PASSES
