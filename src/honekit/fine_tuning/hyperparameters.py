"""What `auto` means: numbers chosen from the size of the data, and shown with the job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from honekit.project import ReinforcementSection, TrainSection

Auto = Literal["auto"]
Objective = Literal["supervised", "dpo", "reinforcement"]

RATES: dict[Objective, float] = {"supervised": 1e-3, "dpo": 1e-4, "reinforcement": 2e-4}
"""Learning rate at a multiplier of 1: what LoRA on a small base took best (`docs/lab-notes.md`). Preference tuning moves a
model that already answers, by about a tenth. The one for reinforcement is a careful start, not the best of several."""
BETA = 0.1
GROUP = 8
"""Answers that a reinforcement job draws for each prompt at a compute multiplier of 1."""
EVAL_SAMPLES = 4
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
    compute_multiplier: float | Auto = "auto"
    eval_interval: int | Auto = "auto"
    eval_samples: int | Auto = "auto"


@dataclass(frozen=True)
class Chosen:
    """Hyperparameters with every `auto` decided."""

    objective: Objective
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float
    compute_multiplier: float
    eval_interval: int
    eval_samples: int

    def as_method(self, grader: dict[str, Any] | None = None) -> dict[str, Any]:
        """As the API shows them under `method`, beside the grader of a reinforcement job."""
        values: dict[str, Any] = {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
        if self.objective == "dpo":
            values["beta"] = self.beta
        if self.objective != "reinforcement":
            return {"type": self.objective, self.objective: {"hyperparameters": values}}
        values["compute_multiplier"] = self.compute_multiplier
        values["eval_interval"], values["eval_samples"] = self.eval_interval, self.eval_samples
        values["reasoning_effort"] = "default"
        return {"type": self.objective, self.objective: {"grader": grader, "hyperparameters": values}}

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
            # Merged into bf16 weights, updates as small as those of the other objectives are rounded away.
            precision="auto" if self.objective == "supervised" else "fp32",
            seed=seed,
            reinforcement=self._exploring() if self.objective == "reinforcement" else None,
        )

    def _exploring(self) -> ReinforcementSection:
        """More compute is a larger group: more answers to each prompt among which a better one may be."""
        return ReinforcementSection(
            group_size=max(2, round(GROUP * self.compute_multiplier)),
            eval_interval=self.eval_interval,
            eval_samples=self.eval_samples,
        )


def choose(examples: int, wanted: Wanted) -> Chosen:
    """Decide what is `auto` for so many examples.

    Epochs follow the data-preparation notebook of OpenAI's cookbook: three, more for fewer than 34 examples, one for very
    many. Batches hold about a thirtieth of the data, 4 to 16 examples: small sets need steps more than smooth gradients.
    Evaluations come after each epoch.
    """
    batch_size = min(16, max(4, examples // 30)) if wanted.batch_size == "auto" else wanted.batch_size
    return Chosen(
        wanted.objective,
        _epochs(examples) if wanted.n_epochs == "auto" else wanted.n_epochs,
        batch_size,
        1.0 if wanted.learning_rate_multiplier == "auto" else wanted.learning_rate_multiplier,
        BETA if wanted.beta == "auto" else wanted.beta,
        1.0 if wanted.compute_multiplier == "auto" else wanted.compute_multiplier,
        -(-examples // batch_size) if wanted.eval_interval == "auto" else wanted.eval_interval,
        EVAL_SAMPLES if wanted.eval_samples == "auto" else wanted.eval_samples,
    )


def _epochs(examples: int) -> int:
    if examples * PASSES < FEW:
        return min(MAX_FEW_PASSES, FEW // examples)
    if examples * PASSES > MANY:
        return max(1, MANY // examples)
    return PASSES
