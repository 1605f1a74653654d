"""DPO: the loss against its definition and its gradient, whole runs against TRL, rows, and learning that carries over."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import tiny
from tests.train.test_loop import ALPHA, RANK, Gradients, Notes, prepared, recipe_of

from honekit.models import lora
from honekit.project import TrainSection
from honekit.train import loop
from honekit.train.batching import TokenExample, epoch_order
from honekit.train.dpo import Pair, Preference, preference_losses, rows_of, with_reference
from honekit.train.loop import train
from honekit.train.state import Progress

Texts = tuple[str, str, str]


def texts(count: int, seed: int = 0, system: str = "") -> list[Texts]:
    """Prompt, preferred and rejected answer, without the letters that the tiny tokenizer merges."""
    draw = random.Random(seed)

    def word(least: int, most: int) -> str:
        return "".join(draw.choice("cdefghijklm") for _ in range(draw.randint(least, most)))

    return [(f"{system}{word(3, 14)}: ", word(2, 9), word(2, 12)) for _ in range(count)]


def pair_of(line: int, prompt: str, preferred: str, rejected: str) -> Pair:
    tokenizer = tiny.tokenizer()
    before = tokenizer.encode(prompt).ids

    def conversation(answer: str) -> TokenExample:
        after = [*tokenizer.encode(answer).ids, tiny.END]
        return TokenExample(line - 1, line, before + after, [0.0] * len(before) + [1.0] * len(after))

    return Pair(line, conversation(preferred), conversation(rejected))


def pairs_of(rows: list[Texts]) -> list[Pair]:
    return [pair_of(number, *row) for number, row in enumerate(rows, 1)]


def started(recipe: TrainSection, architecture: str = "llama", *, moved: bool = False) -> tuple[Any, Gradients]:
    """A model with an adapter; `moved` gives the adapter an effect, as if it had been trained before."""
    model, state = prepared(recipe, architecture)
    if moved:
        with torch.no_grad():
            for _, layer in lora.layers(model):
                layer.lora_b.normal_(std=0.05, generator=torch.Generator().manual_seed(3))
    return model, Gradients(model, recipe)


def trl_curve(recipe: TrainSection, rows: list[Texts], start: Any, architecture: str, folder: Path) -> list[dict[str, float]]:
    """TRL's log of every step, for the same texts in the same order from the same adapter."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import PreTrainedTokenizerFast
    from trl import DPOConfig, DPOTrainer

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM")
    theirs = get_peft_model(tiny.model(architecture, attention="sdpa"), config)
    modules = dict(theirs.named_modules())
    with torch.no_grad():
        for name, layer in lora.layers(start):
            modules[f"base_model.model.{name}.lora_A.default"].weight.copy_(layer.lora_a)
            modules[f"base_model.model.{name}.lora_B.default"].weight.copy_(layer.lora_b)
    order = [i for epoch in range(recipe.epochs) for i in epoch_order(len(rows), recipe.seed, epoch)]
    data = [dict(zip(("prompt", "chosen", "rejected"), rows[i], strict=True)) for i in order]
    trainer = DPOTrainer(
        theirs,
        args=DPOConfig(
            str(folder), num_train_epochs=1, per_device_train_batch_size=recipe.batch_size, max_length=None,
            train_sampling_strategy="sequential", learning_rate=recipe.learning_rate, lr_scheduler_type=recipe.schedule,
            warmup_steps=0, optim="adamw_torch", weight_decay=recipe.weight_decay, max_grad_norm=recipe.max_grad_norm,
            beta=recipe.beta, logging_steps=1, save_strategy="no", report_to=[], bf16=False, gradient_checkpointing=False,
            use_cpu=True, disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(data),
        processing_class=PreTrainedTokenizerFast(
            tokenizer_object=tiny.tokenizer(), eos_token=tiny.SPECIAL[2], pad_token=tiny.SPECIAL[0]
        ),
    )  # fmt: skip
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("architecture", "schedule", "beta", "moved", "system"),
    [
        ("llama", "constant", 0.1, False, ""),
        ("llama", "cosine", 0.5, True, "keep to the metric system and to full sentences. "),
        ("gemma3", "cosine", 0.3, False, ""),
    ],
)
def test_every_step_is_that_of_trl(
    architecture: str, schedule: str, beta: float, moved: bool, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(objective="dpo", beta=beta, schedule=schedule, learning_rate=0.01)
    rows = texts(16, system=system)
    model, state = started(recipe, architecture, moved=moved)
    monkeypatch.setattr("builtins.print", lambda *_, **__: None)  # TRL prints its log
    theirs = trl_curve(recipe, rows, model, architecture, tmp_path)
    hooks = Notes()
    train(model, state, with_reference(model, pairs_of(rows), "cpu"), [], recipe, Progress(), hooks, "cpu", Preference(beta))
    assert len(theirs) == len(hooks.steps) == 8
    for mine, reference in zip(hooks.steps, theirs, strict=True):
        assert mine["train_loss"] == pytest.approx(float(reference["loss"]), rel=2e-4)
        assert mine["grad_norm"] == pytest.approx(float(reference["grad_norm"]), rel=1e-3)
        assert mine["learning_rate"] == pytest.approx(float(reference["learning_rate"]), rel=1e-6)
        assert mine["train_mean_token_accuracy"] == pytest.approx(float(reference["mean_token_accuracy"]), abs=1e-6)
        assert mine["train_reward_margin"] == pytest.approx(float(reference["rewards/margins"]), rel=1e-3, abs=2e-5)
    for mine, reference in list(zip(hooks.steps, theirs, strict=True))[1:]:  # before the first step all margins are rounding
        assert mine["train_reward_accuracy"] == pytest.approx(float(reference["rewards/accuracies"]), abs=1e-6)
    assert hooks.steps[-1]["train_loss"] < 0.9 * hooks.steps[0]["train_loss"]
