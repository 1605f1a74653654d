"""The training loop: against TRL step by step, split rows, validation, early stopping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import tiny

from honekit.errors import TrainError
from honekit.models import lora
from honekit.project import TrainSection
from honekit.train import loop
from honekit.train.batching import TokenExample, epoch_order
from honekit.train.loop import Interrupted, train, validate
from honekit.train.state import Progress, TrainState, write_state

RANK, ALPHA = 4, 8.0


class Notes:
    """Hooks that remember, write checkpoints into `folder` if there is one, and stop after `stop_after` steps."""

    def __init__(self, folder: Path | None = None, state: TrainState | None = None, stop_after: int | None = None) -> None:
        self.folder, self.state, self.stop_after = folder, state, stop_after
        self.steps: list[dict[str, float | int]] = []
        self.losses: dict[int, list[tuple[int, float]]] = {}
        self.valid: list[tuple[float, bool]] = []
        self.saved: list[int] = []

    def on_step(self, metrics: dict[str, float | int]) -> None:
        self.steps.append(metrics)

    def on_example_losses(self, step: int, rows: list[tuple[TokenExample, float]]) -> None:
        self.losses[step] = [(example.line, loss) for example, loss in rows]

    def on_validation(self, progress: Progress, is_best: bool) -> None:
        self.valid.append((progress.history[-1]["valid_loss"], is_best))

    def save(self, progress: Progress) -> None:
        self.saved.append(progress.step)
        if self.folder and self.state:
            directory = self.folder / f"step-{progress.step}"
            directory.mkdir(parents=True, exist_ok=True)
            write_state(directory, self.state.snapshot(), progress.as_json())

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.steps) >= self.stop_after


def recipe_of(**changes: Any) -> TrainSection:
    settings = {"rank": RANK, "alpha": ALPHA, "learning_rate": 0.02, "warmup_ratio": 0, "batch_size": 4, "epochs": 2,
                "max_grad_norm": 0.5, "precision": "fp32", "device": "cpu"}  # fmt: skip
    return TrainSection(**{**settings, **changes})


def prepared(recipe: TrainSection, architecture: str = "llama") -> tuple[Any, TrainState]:
    model = tiny.model(architecture)
    lora.inject(model, targets=recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout, seed=recipe.seed)
    return model, TrainState(model, recipe)


def run(recipe: TrainSection, examples: list[TokenExample], validation: list[TokenExample] = [], **notes: Any) -> Any:  # noqa: B006
    model, state = prepared(recipe, notes.pop("architecture", "llama"))
    hooks = Notes(state=state, **notes)
    progress = train(model, state, examples, validation, recipe, Progress(), hooks)
    return progress, hooks, model


def trl_curve(recipe: TrainSection, examples: list[TokenExample], architecture: str, folder: Path) -> list[dict[str, float]]:
    """TRL's log of every step, for the same data in the same order from the same start."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    start, _ = prepared(recipe, architecture)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM")
    theirs = get_peft_model(tiny.model(architecture, attention="sdpa"), config)
    modules = dict(theirs.named_modules())
    with torch.no_grad():
        for name, layer in lora.layers(start):
            modules[f"base_model.model.{name}.lora_A.default"].weight.copy_(layer.lora_a)
    order = [i for epoch in range(recipe.epochs) for i in epoch_order(len(examples), recipe.seed, epoch)]
    rows = [
        {
            "input_ids": examples[i].token_ids,
            "labels": [t if w > 0 else -100 for t, w in zip(examples[i].token_ids, examples[i].weights, strict=True)],
        }
        for i in order
    ]
    trainer = SFTTrainer(
        theirs,
        SFTConfig(
            str(folder), num_train_epochs=1, per_device_train_batch_size=recipe.batch_size, max_length=None,
            train_sampling_strategy="sequential", learning_rate=recipe.learning_rate, lr_scheduler_type=recipe.schedule,
            warmup_steps=0, optim="adamw_torch", weight_decay=recipe.weight_decay, max_grad_norm=recipe.max_grad_norm,
            logging_steps=1, save_strategy="no", report_to=[], bf16=False, gradient_checkpointing=False, use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=PreTrainedTokenizerFast(
            tokenizer_object=tiny.tokenizer(), eos_token=tiny.SPECIAL[2], pad_token=tiny.SPECIAL[0]
        ),
    )  # fmt: skip
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("architecture", "schedule", "weight_decay"),
    [("llama", "constant", 0.0), ("llama", "cosine", 0.1), ("gemma3", "cosine", 0.0)],
)
def test_the_loss_of_every_step_is_that_of_trl(
    architecture: str, schedule: str, weight_decay: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(schedule=schedule, weight_decay=weight_decay, learning_rate=0.01)
    examples = tiny.examples([7, 12, 9, 15, 8, 20, 11, 6, 14, 10, 13, 9, 16, 7, 12, 11], prefix=14)
    monkeypatch.setattr("builtins.print", lambda *_, **__: None)  # TRL prints its log
    theirs = trl_curve(recipe, examples, architecture, tmp_path)
    _, ours, _ = run(recipe, examples, architecture=architecture)
    assert len(theirs) == len(ours.steps) == 8
    for mine, reference in zip(ours.steps, theirs, strict=True):
        assert mine["train_loss"] == pytest.approx(float(reference["loss"]), rel=1e-4)
        assert mine["grad_norm"] == pytest.approx(float(reference["grad_norm"]), rel=1e-3)
        assert mine["learning_rate"] == pytest.approx(float(reference["learning_rate"]), rel=1e-6)
        assert mine["train_mean_token_accuracy"] == pytest.approx(float(reference["mean_token_accuracy"]), abs=1e-6)
    assert ours.steps[-1]["train_loss"] < 0.95 * ours.steps[0]["train_loss"]


class Gradients(TrainState):
    """Keeps the gradients of the step instead of applying them."""

    def step(self, learning_rate: float) -> float:
        self.kept = [p.grad.clone() for p in self.parameters]
        return super().step(learning_rate)


def test_splitting_a_step_into_rows_changes_neither_loss_nor_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(epochs=1, batch_size=6)
    examples = tiny.examples([7, 12, 9, 15, 8, 20], prefix=10)
    examples[2].weights[-1] = 0.25
    results = []
    for limit in (4096, 50, 1):
        monkeypatch.setattr(loop, "MAX_ROW_TOKENS", limit)
        model, _ = prepared(recipe)
        with torch.no_grad():
            for _, layer in lora.layers(model):
                layer.lora_b.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
        state, hooks = Gradients(model, recipe), Notes()
        train(model, state, examples, [], recipe, Progress(), hooks)
        results.append((state.kept, hooks))
    whole = results[0]
    assert whole[1].steps[0]["unique_tokens"] < results[1][1].steps[0]["unique_tokens"]
    for gradients, hooks in results[1:]:
        assert hooks.steps[0]["train_loss"] == pytest.approx(whole[1].steps[0]["train_loss"], rel=1e-5)
        assert hooks.steps[0]["trained_tokens"] == whole[1].steps[0]["trained_tokens"] == 30
        assert dict(hooks.losses[1]) == pytest.approx(dict(whole[1].losses[1]), rel=1e-5)
        for mine, expected in zip(gradients, whole[0], strict=True):
            assert (mine - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_validation_is_the_weighted_mean_over_all_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.model()
    examples = tiny.examples([9, 14, 22, 7], prefix=12)
    examples[1].weights[-1] = 0.5
    whole = validate(model, examples)
    monkeypatch.setattr(loop, "MAX_ROW_TOKENS", 40)
    split = validate(model, examples)
    total = weight = correct = 0.0
    for example in examples:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([example.token_ids]), use_cache=False).logits[0, :-1]
        weights, labels = torch.tensor(example.weights[1:]), torch.tensor(example.token_ids[1:])
        losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
        total, weight = total + float((losses * weights).sum()), weight + float(weights.sum())
        correct += float(((logits.argmax(-1) == labels) & (weights > 0)).sum())
    for result in (whole, split):
        assert result.loss == pytest.approx(total / weight, rel=1e-5)
        assert result.accuracy == pytest.approx(correct / 20)
        assert result.tokens == 20
    assert whole.unique_tokens == 12 + 9 + 14 + 22 + 7 < split.unique_tokens


def test_training_stops_when_validation_gets_worse_and_remembers_the_best_step() -> None:
    examples, validation = tiny.examples([9] * 8, prefix=10), tiny.examples([9] * 4, seed=77)
    recipe = recipe_of(learning_rate=0.3, epochs=9, early_stopping_patience=2)
    progress, hooks, _ = run(recipe, examples, validation)
    losses = [loss for loss, _ in hooks.valid]
    best = losses.index(min(losses))
    assert progress.epoch == best + 3 < 9
    assert progress.best_step == 2 * (best + 1)
    assert [is_best for _, is_best in hooks.valid][-2:] == [False, False]
    assert progress.best_valid_loss == min(losses)


def test_a_job_that_died_after_early_stopping_does_not_train_on() -> None:
    recipe = recipe_of(epochs=9, early_stopping_patience=1)
    model, state = prepared(recipe)
    stopped = Progress(step=4, epoch=2, best_valid_loss=1.0, best_step=2, epochs_without_gain=1)
    hooks = Notes()
    assert train(model, state, tiny.examples([9] * 8), [], recipe, stopped, hooks).step == 4
    assert hooks.steps == []


def test_checkpoints_come_at_their_interval_and_after_each_epoch() -> None:
    _, hooks, _ = run(recipe_of(checkpoint_steps=2, batch_size=2), tiny.examples([9] * 10))
    assert hooks.saved == [2, 4, 5, 7, 9, 10]


def test_a_stop_is_heard_after_the_step_and_leaves_a_checkpoint() -> None:
    recipe = recipe_of()
    model, state = prepared(recipe)
    hooks = Notes(stop_after=1)
    with pytest.raises(Interrupted):
        train(model, state, tiny.examples([9] * 8), [], recipe, Progress(), hooks)
    assert hooks.saved == [1]


def test_a_rate_far_too_high_ends_with_the_lines_and_a_lower_rate_to_try() -> None:
    with pytest.raises(TrainError) as ended:
        run(recipe_of(learning_rate=1e30), tiny.examples([9] * 8))
    assert ended.value.code == "train.not_finite"
    assert "lines" in (ended.value.where or "")
    assert "1e+29" in (ended.value.mend or "")


def test_validation_that_is_no_number_ends_the_training() -> None:
    with pytest.raises(TrainError) as ended:
        run(recipe_of(learning_rate=1e30, batch_size=8, epochs=1), tiny.examples([9] * 8), tiny.examples([9], seed=3))
    assert ended.value.code == "train.not_finite"
    assert ended.value.where == "the validation file"


def test_history_is_json_and_counts_what_was_computed() -> None:
    examples = tiny.examples([9] * 8, prefix=10)
    progress, _, _ = run(recipe_of(), examples, tiny.examples([6], seed=5))
    assert json.loads(json.dumps(progress.history)) == progress.history
    assert progress.trained_tokens == 2 * 8 * 5
    assert progress.unique_tokens == 4 * (10 + 4 * 9)
    assert [("valid_loss" in row) for row in progress.history] == [False, True, False, True]


def test_a_step_is_told_with_the_validation_after_it() -> None:
    _, hooks, _ = run(recipe_of(), tiny.examples([9] * 8), tiny.examples([6], seed=5))
    assert [row.get("valid_loss") for row in hooks.steps] == [None, hooks.valid[0][0], None, hooks.valid[1][0]]


def test_a_job_that_was_paused_before_the_validation_of_an_epoch_goes_on_with_the_next() -> None:
    recipe = recipe_of()
    model, state = prepared(recipe)
    progress = Progress(step=2, epoch=0, history=[{"step": 1}, {"step": 2}])
    hooks = Notes()
    ended = train(model, state, tiny.examples([9] * 8), tiny.examples([6], seed=5), recipe, progress, hooks)
    assert (ended.step, ended.epoch, [row["step"] for row in hooks.steps]) == (4, 2, [3, 4])
