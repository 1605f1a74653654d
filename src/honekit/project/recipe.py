"""`[train]`: the recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from honekit.base_name import EMBEDDED
from honekit.project.section import Section
from honekit.settings import Device


class ReinforcementSection(Section):
    """How a reinforcement job explores and is evaluated (`docs/training.md`)."""

    group_size: int = Field(8, ge=2, le=80)
    """Answers that are drawn for each prompt of a step, and compared with each other."""
    max_new_tokens: int = Field(256, ge=1)
    """The cap on an answer, in tokens."""
    updates: int = Field(1, ge=1, le=8)
    """Optimizer updates on the answers of one step; more than one is held back by `clip`."""
    clip: float = Field(0.2, gt=0, lt=1)
    """How far the ratio of new to old probability counts, as a distance from 1."""
    kl_weight: float = Field(0.02, ge=0, le=10)
    """Weight of the distance to the model that training starts from; 0 leaves it out and saves a pass."""
    eval_interval: int | None = Field(None, ge=1)
    """Steps between evaluations on the validation file, beside those after each epoch."""
    eval_samples: int = Field(4, ge=1)
    """Answers that an evaluation draws for each validation prompt."""


class TrainSection(Section):
    """The recipe. What was tried, and with which result, stands in `docs/lab-notes.md`."""

    base: str = Field(EMBEDDED, min_length=1)
    """A loaded project has a directory as a whole path; in hone.toml it is relative to the project's folder."""
    objective: Literal["supervised", "dpo", "reinforcement"] = "supervised"
    """supervised: imitate the answers of conversations; dpo: prefer one answer over another; reinforcement: write answers and
    make those likelier that a grader rates higher (`docs/training.md`)."""
    beta: float = Field(0.1, gt=0, le=2)
    """DPO only: how closely the model is held to where it starts; higher is closer."""
    method: Literal["lora", "full"] = "lora"
    rank: int = Field(16, ge=1, le=1024)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(1e-3, gt=0)
    warmup_ratio: float = Field(0.1, ge=0, lt=1)
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    epochs: int = Field(5, ge=1, le=50)
    batch_size: int = Field(8, ge=1, le=256)
    """Examples per optimizer step."""
    select_by: Literal["loss", "accuracy"] = "loss"
    """What makes a checkpoint the best: the validation loss, or the token accuracy there. With long answers and few examples
    the loss rises from overconfidence while the answers still improve (`docs/lab-notes.md`)."""
    early_stopping_patience: int = Field(2, ge=0)
    """Epochs without a better checkpoint before training stops; 0 never stops early."""
    field_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """How much more a field's value counts in the loss than the rest of a JSON answer, such as { category = 4 }."""
    max_length: int | None = Field(None, ge=16)
    """Tokens per example; longer ones are cut. Default: the base's context."""
    seed: int = Field(0, ge=0, le=2**31 - 1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Device = "auto"
    checkpoint_steps: int = Field(10, ge=1)
    """Optimizer steps between checkpoints, counted from the beginning of an epoch; there is one at its end as well."""
    reinforcement: ReinforcementSection | None = None
    """Only for that objective, which has its defaults without it."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainSection:
        if self.objective != "supervised" and self.field_weights:
            raise ValueError('field_weights belong to objective = "supervised": the others rate whole answers')
        if self.objective != "reinforcement" and self.reinforcement:
            raise ValueError('the reinforcement section belongs to objective = "reinforcement"')
        if self.objective == "reinforcement" and self.select_by != "loss":
            raise ValueError('select_by = "accuracy" has no meaning for objective = "reinforcement", which goes by the reward')
        return self

    @property
    def exploring(self) -> ReinforcementSection:
        """The reinforcement section, or its defaults."""
        return self.reinforcement or ReinforcementSection()

    @property
    def updates(self) -> int:
        """Optimizer updates that a step makes of its examples."""
        return self.exploring.updates if self.objective == "reinforcement" else 1
