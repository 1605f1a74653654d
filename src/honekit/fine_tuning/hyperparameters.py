"""What `auto` means: numbers chosen from the size of the data, and shown with the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from honekit.project import TrainSection

Auto = Literal["auto"]
Objective = Literal["supervised", "dpo"]

RATES: dict[Objective, float] = {"supervised": 1e-3, "dpo": 1e-4}
"""Learning rate at a multiplier of 1: what LoRA on a small base took best (`docs/lab-notes.md`). Preference tuning moves a
model that already answers, by about a tenth."""
BETA = 0.1
PASSES, FEW, MANY = 3, 100, 25_000
MAX_FEW_PASSES = 25


@dataclass(frozen=True)
class Wanted:
    """Hyperparameters as a client gives them."""

    objective: Objective = "supervised"
    n_epochs: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate_multiplier: float | Auto = "auto"
    beta: float | Auto = "auto"


@dataclass(frozen=True)
class Chosen:
    """Hyperparameters with every `auto` decided."""

    objective: Objective
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float

    def as_method(self) -> dict[str, Any]:
        """As the API shows them under `method`."""
        values: dict[str, Any] = {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
        if self.objective == "dpo":
            values["beta"] = self.beta
        return {"type": self.objective, self.objective: {"hyperparameters": values}}

    def recipe(self, base: str, seed: int) -> TrainSection:
        """The training recipe; the number of epochs is the caller's, so nothing stops early."""
        return TrainSection(
            base=base,
            objective=self.objective,
            beta=self.beta,
            epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=RATES[self.objective] * self.learning_rate_multiplier,
            early_stopping_patience=0,
            # Merged into bf16 weights, updates as small as those of preference tuning are rounded away.
            precision="fp32" if self.objective == "dpo" else "auto",
            seed=seed,
        )


def choose(examples: int, wanted: Wanted) -> Chosen:
    """Decide what is `auto` for so many examples.

    Epochs follow the data-preparation notebook of OpenAI's cookbook: three, more for fewer than 34 examples, one for very
    many. Batches hold about a thirtieth of the data, 4 to 16 examples: small sets need steps more than smooth gradients.
    """
    return Chosen(
        wanted.objective,
        _epochs(examples) if wanted.n_epochs == "auto" else wanted.n_epochs,
        min(16, max(4, examples // 30)) if wanted.batch_size == "auto" else wanted.batch_size,
        1.0 if wanted.learning_rate_multiplier == "auto" else wanted.learning_rate_multiplier,
        BETA if wanted.beta == "auto" else wanted.beta,
    )


def _epochs(examples: int) -> int:
    if examples * PASSES < FEW:
        return min(MAX_FEW_PASSES, FEW // examples)
    if examples * PASSES > MANY:
        return max(1, MANY // examples)
    return PASSES
