"""The training loop, flat: epochs, optimizer steps, packed micro-batches, validation, checkpoints.

What is learnt is an `Objective`: how the examples of a step become gradients and metrics, and how held-out ones become a
score. `Supervised` is the one for conversations; `honekit.train.dpo` has the one for preferences, `honekit.train.grpo` the one
for answers that are drawn and graded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import nn

from honekit.errors import TrainError
from honekit.project import TrainSection
from honekit.train.batching import TokenExample, microbatches, steps_of_epoch
from honekit.train.loss import per_example, token_losses
from honekit.train.recipe import learning_rate_at
from honekit.train.state import Progress, TrainState

MAX_ROW_TOKENS = 4096
"""Packed tokens per forward pass; longer optimizer steps are split, with the same gradients."""


class Learnt(Protocol):
    """What the loop needs to know of an example: where it stands in its file and how many of its tokens are predicted."""

    @property
    def line(self) -> int: ...
    @property
    def trained_tokens(self) -> int: ...


Rows = Sequence[tuple[Learnt, float]]
"""Examples with the loss of each."""
E = TypeVar("E", bound=Learnt)
E_contra = TypeVar("E_contra", bound=Learnt, contravariant=True)


class Hooks(Protocol):
    """What the loop tells its surroundings. The job's side is `honekit.train.hooks`."""

    def on_step(self, metrics: dict[str, float | int]) -> None:
        """The step's entry of `Progress.history`, with what validation gave where it was validated after the step."""

    def on_example_losses(self, step: int, rows: Rows) -> None: ...
    def on_validation(self, progress: Progress, is_best: bool) -> None:
        """After `on_step` of the step that was validated."""

    def save(self, progress: Progress) -> None: ...
    def should_stop(self) -> bool: ...


class Interrupted(Exception):
    """Training was asked to stop; everything up to the last finished step is in a checkpoint."""


@dataclass(frozen=True)
class ValidationResult:
    loss: float
    """What training lowers, on held-out examples: mean cross-entropy per predicted token, in nats, when supervised."""
    accuracy: float | None
    """Share of the predicted tokens whose likeliest token was the label; None where there are no labels."""
    tokens: int
    unique_tokens: int
    more: dict[str, float] = field(default_factory=dict)
    """Further scores of the objective, by name without `valid_`."""
    best_by_accuracy: float | None = None
    """What `select_by = "accuracy"` means where that is not `accuracy`."""

    def score(self, recipe: TrainSection) -> float:
        """What a checkpoint is chosen by; higher is better."""
        accuracy = self.accuracy if self.best_by_accuracy is None else self.best_by_accuracy
        return -self.loss if recipe.select_by == "loss" or accuracy is None else accuracy


@dataclass(frozen=True)
class StepResult:
    """What one optimizer step computed; its gradients lie summed in the parameters."""

    loss: float
    metrics: dict[str, float | int]
    """Under the names of the history: `train_loss` first."""
    trained_tokens: int
    unique_tokens: int
    rows: Rows


class Objective(Protocol[E_contra]):
    """What is learnt from examples of one kind."""

    def backward(self, model: nn.Module, examples: Sequence[E_contra], device: torch.device | str) -> StepResult:
        """Loss and gradients of one optimizer update, the same however it is split into rows. Whatever is random in it is
        drawn from torch's generator, whose seed is a function of the step."""
        ...

    def validate(self, model: nn.Module, examples: Sequence[E_contra], device: torch.device | str) -> ValidationResult: ...


class Supervised:
    """Weighted next-token cross-entropy on the assistant's tokens."""

    def backward(self, model: nn.Module, examples: Sequence[TokenExample], device: torch.device | str) -> StepResult:
        total_weight = sum(sum(e.weights) for e in examples)
        loss_sum, correct, trained, unique = 0.0, 0, 0, 0
        rows: list[tuple[TokenExample, float]] = []
        for batch in microbatches(examples, MAX_ROW_TOKENS, device):
            losses, right = token_losses(model, batch)
            loss = (losses * batch.weights).sum() / total_weight
            loss.backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.item()
            correct += int(right.sum())
            trained += batch.trained_tokens
            unique += batch.unique_tokens
            rows += zip(batch.examples, per_example(losses, batch), strict=True)
        metrics: dict[str, float | int] = {"train_loss": loss_sum, "train_mean_token_accuracy": correct / trained}
        return StepResult(loss_sum, metrics, trained, unique, rows)

    def validate(self, model: nn.Module, examples: Sequence[TokenExample], device: torch.device | str) -> ValidationResult:
        return validate(model, examples, device)


SUPERVISED = Supervised()


def total_steps(examples: int, recipe: TrainSection) -> int:
    return math.ceil(examples / recipe.batch_size) * recipe.epochs


def train(
    model: nn.Module,
    state: TrainState,
    examples: Sequence[E],
    validation: Sequence[E],
    recipe: TrainSection,
    progress: Progress,
    hooks: Hooks,
    device: torch.device | str = "cpu",
    objective: Objective[E] = SUPERVISED,  # type: ignore[assignment]
) -> Progress:
    """Train from `progress` to the end, or until early stopping or `hooks.should_stop()`.

    The loss of an optimizer step is the weighted mean over all its predicted tokens when supervised, the mean over its
    pairs for preferences (both as in TRL), also when the step is split into several rows.
    Raises: TrainError[train.not_finite]; Interrupted.
    """
    steps = total_steps(len(examples), recipe)
    steps_per_epoch = math.ceil(len(examples) / recipe.batch_size)
    interval = recipe.exploring.eval_interval if recipe.objective == "reinforcement" else None
    while not is_over(progress, recipe):
        plan = steps_of_epoch(len(examples), recipe.batch_size, recipe.seed, progress.epoch)
        done = progress.step - progress.epoch * steps_per_epoch
        if done == steps_per_epoch:  # paused there by a version that validated only afterwards
            progress.epoch, progress.best_step = progress.epoch + 1, progress.best_step or progress.step
        for position, indices in enumerate(plan[done:], done + 1):
            started = time.perf_counter()
            batch_examples = [examples[i] for i in indices]
            metrics = _optimizer_step(model, state, batch_examples, recipe, progress, steps, hooks, device, objective)
            seconds = time.perf_counter() - started
            progress.step += 1
            progress.train_seconds += seconds
            metrics |= {
                "step": progress.step,
                "total_steps": steps,
                "epoch": progress.epoch + 1,
                "tokens_per_s": metrics["unique_tokens"] / seconds,
            }
            progress.history.append(dict(metrics))
            is_last = position == steps_per_epoch
            is_measured = bool(validation) and (is_last or bool(interval and progress.step % interval == 0))
            is_best = is_measured and _measure(model, validation, recipe, progress, device, objective)
            hooks.on_step(progress.history[-1])
            if is_last:
                progress.epoch += 1
                if not validation:
                    progress.best_step = progress.step
                elif progress.best_step <= progress.step - steps_per_epoch:
                    progress.epochs_without_gain += 1
            if is_measured:
                hooks.on_validation(progress, is_best)
            is_asked_to_stop = hooks.should_stop()
            if is_last or is_measured or is_asked_to_stop or position % recipe.checkpoint_steps == 0:
                hooks.save(progress)
            if is_asked_to_stop:
                raise Interrupted
    return progress


def _measure(
    model: nn.Module,
    validation: Sequence[E],
    recipe: TrainSection,
    progress: Progress,
    device: torch.device | str,
    objective: Objective[E],
) -> bool:
    """Validate after the newest step, and note whether this is the best model so far."""
    started = time.perf_counter()
    result = objective.validate(model, validation, device)
    progress.valid_seconds += time.perf_counter() - started
    if not math.isfinite(result.loss):
        raise not_finite(progress.step, "the validation file", recipe)
    score = result.score(recipe)
    is_best = progress.best_score is None or score > progress.best_score
    progress.history[-1]["valid_loss"] = result.loss
    if result.accuracy is not None:
        progress.history[-1]["valid_accuracy"] = result.accuracy
    progress.history[-1] |= {f"valid_{name}": value for name, value in result.more.items()}
    if is_best:
        progress.best_score, progress.best_valid_loss = score, result.loss
        progress.best_step, progress.epochs_without_gain = progress.step, 0
    return is_best


def is_over(progress: Progress, recipe: TrainSection) -> bool:
    """All epochs are done, or early stopping said so (also before a crash, whose resume must not train on)."""
    patience = recipe.early_stopping_patience
    return progress.epoch >= recipe.epochs or bool(patience and progress.epochs_without_gain >= patience)


def _optimizer_step(
    model: nn.Module,
    state: TrainState,
    examples: Sequence[E],
    recipe: TrainSection,
    progress: Progress,
    steps: int,
    hooks: Hooks,
    device: torch.device | str,
    objective: Objective[E],
) -> dict[str, float | int]:
    model.train()
    # Dropout draws are a function of the step too, so that a resumed job draws what an uninterrupted one would have.
    torch.manual_seed((recipe.seed * 1_000_003 + progress.step) % 2**63)
    learning_rate = learning_rate_at(progress.step, steps, recipe)
    for _ in range(recipe.updates):
        done = objective.backward(model, examples, device)
        norm = state.step(learning_rate)
        if not math.isfinite(done.loss) or not math.isfinite(norm):
            lines = sorted(example.line for example in examples)
            raise not_finite(progress.step + 1, f"training examples of lines {', '.join(map(str, lines))}", recipe)
        progress.trained_tokens += done.trained_tokens
        progress.unique_tokens += done.unique_tokens
    hooks.on_example_losses(progress.step + 1, done.rows)
    return {
        **done.metrics,
        "learning_rate": learning_rate,
        "grad_norm": norm,
        "trained_tokens": done.trained_tokens,
        "unique_tokens": done.unique_tokens,
    }


def not_finite(step: int, where: str, recipe: TrainSection) -> TrainError:
    """The error for NaN or infinite loss, gradients or weights."""
    return TrainError(
        "train.not_finite",
        what=f"loss, gradients or weights became NaN or infinite in optimizer step {step}",
        where=where,
        mend=f"lower train.learning_rate (now {recipe.learning_rate:g}; try {recipe.learning_rate / 10:g}), "
        'or set train.precision = "fp32"',
    )


@torch.no_grad()
def validate(
    model: nn.Module,
    examples: Sequence[TokenExample],
    device: torch.device | str = "cpu",
) -> ValidationResult:
    """Weighted mean loss per predicted token over held-out examples, by the same packing as training."""
    model.eval()
    loss_sum, weight_sum, correct, tokens, unique = 0.0, 0.0, 0, 0, 0
    for batch in microbatches(examples, MAX_ROW_TOKENS, device):
        losses, right = token_losses(model, batch)
        loss_sum += float((losses * batch.weights).sum())
        weight_sum += float(batch.weights.sum())
        correct += int(right.sum())
        tokens += batch.trained_tokens
        unique += batch.unique_tokens
    return ValidationResult(loss_sum / weight_sum, correct / tokens, tokens, unique)
