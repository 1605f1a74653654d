"""What a training job is told: data files, base and recipe, fully resolved and stored with the job."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from honekit.project import TrainSection

ANSWERS_AT_ONCE = 128
"""Answers that a reinforcement job writes at the same time."""


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """The whole input of a job; JSON-ready, and with the data's hashes the job's identity."""

    training_file: str
    """Chat JSONL, preference JSONL for the objective `dpo`, prompts with items for `reinforcement`; its content hash is
    `training_sha256`."""
    training_sha256: str
    validation_file: str | None
    validation_sha256: str | None
    base: str
    project: str
    recipe: TrainSection
    start_from: str | None = None
    """Directory of a LoRA adapter in PEFT's format to go on from. Its rank, alpha and targets replace the recipe's."""
    start_fingerprint: str | None = None
    """The adapter's fingerprint when the job was made; another one at the start of the job is refused."""
    grader: dict[str, Any] | None = None
    """Of a reinforcement job: what rates its answers (`honekit.graders.schema`)."""
    judges: dict[str, str | None] | None = None
    """The models that the grader asks, by their names there: the directory of an adapter of this base, or None for the base."""

    def as_dict(self) -> dict[str, Any]:
        return {**{f.name: getattr(self, f.name) for f in fields(self)}, "recipe": self.recipe.model_dump(mode="json")}

    def identity(self) -> dict[str, Any]:
        """What makes this job another one than others: content in place of paths.

        What came later to a spec or a recipe is left out where it says nothing, so that jobs from before keep their keys.
        """
        content = self.as_dict()
        for local in ("training_file", "validation_file", "start_from"):
            del content[local]
        if self.start_fingerprint is None:
            del content["start_fingerprint"]
        for later in ("grader", "judges"):
            if content[later] is None:
                del content[later]
        if self.recipe.objective == "supervised":
            del content["recipe"]["objective"], content["recipe"]["beta"]
        if self.recipe.reinforcement is None:
            del content["recipe"]["reinforcement"]
        return content

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> TrainSpec:
        return cls(**{**raw, "recipe": TrainSection.model_validate(raw["recipe"])})


@dataclass(frozen=True)
class Environment:
    """What was measured once when the job began and is reused on resume, so that the bits stay the same."""

    precision: str
    threads: int
    device: str
    gflops: float
    """Measured matmul peak in that precision."""
    torch_version: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def learning_rate_at(step: int, total_steps: int, recipe: TrainSection) -> float:
    """Rate of optimizer step `step` (from 0): linear warm-up, then the schedule down to 0.

    transformers' schedules, but for the warm-up, which there wastes its first step at rate 0.
    """
    warmup = math.ceil(recipe.warmup_ratio * total_steps)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total_steps - warmup)
    match recipe.schedule:
        case "constant":
            factor = 1.0
        case "linear":
            factor = max(0.0, 1.0 - done)
        case "cosine":
            factor = max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
    return recipe.learning_rate * factor
