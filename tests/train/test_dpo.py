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
    model, _ = prepared(recipe, architecture)
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
        assert mine["train_loss"] == pytest.approx(float(reference["loss"]), rel=5e-5)
        assert mine["grad_norm"] == pytest.approx(float(reference["grad_norm"]), rel=3e-4)
        assert mine["learning_rate"] == pytest.approx(float(reference["learning_rate"]), rel=1e-6)
        assert mine["train_mean_token_accuracy"] == pytest.approx(float(reference["mean_token_accuracy"]), abs=1e-6)
        assert mine["train_reward_margin"] == pytest.approx(float(reference["rewards/margins"]), rel=1e-3, abs=2e-5)
    for mine, reference in list(zip(hooks.steps, theirs, strict=True))[1:]:  # before the first step all margins are rounding
        assert mine["train_reward_accuracy"] == pytest.approx(float(reference["rewards/accuracies"]), abs=1e-6)
    assert hooks.steps[-1]["train_loss"] < 0.9 * hooks.steps[0]["train_loss"]


def test_the_loss_is_equation_7_and_its_gradient_the_one_of_the_paper() -> None:
    torch.manual_seed(0)
    log_probs = (torch.randn(6, 2, dtype=torch.float64) * 9).requires_grad_()
    reference = torch.randn(6, 2, dtype=torch.float64) * 9
    beta = 0.3
    found = preference_losses(log_probs, reference, beta)
    for row in range(6):
        (w, l), (rw, rl) = log_probs[row].tolist(), reference[row].tolist()  # noqa: E741
        expected = -math.log(1 / (1 + math.exp(-beta * ((w - rw) - (l - rl)))))
        assert found.losses[row].item() == pytest.approx(expected, rel=1e-12)
        assert float(found.preferred_rewards[row]) == pytest.approx(beta * (w - rw), rel=1e-12)
        assert float(found.rejected_rewards[row]) == pytest.approx(beta * (l - rl), rel=1e-12)
    found.losses.sum().backward()
    # Section 4 of the paper: -beta * sigmoid(rejected reward - preferred reward), times the slope of the log-probability.
    weight = beta * torch.sigmoid(found.rejected_rewards - found.preferred_rewards)
    torch.testing.assert_close(log_probs.grad, torch.stack([-weight, weight], 1), rtol=1e-12, atol=0)
    assert torch.autograd.gradcheck(lambda x: preference_losses(x, reference, beta).losses, log_probs.detach().requires_grad_())


def test_a_margin_far_off_gives_a_finite_loss_and_gradient() -> None:
    log_probs = torch.tensor([[-5000.0, 0.0], [0.0, -5000.0]], requires_grad=True)
    found = preference_losses(log_probs, torch.zeros(2, 2), 2.0)
    found.losses.sum().backward()
    assert found.losses.tolist() == [10000.0, 0.0]
    assert log_probs.grad is not None and torch.isfinite(log_probs.grad).all()


def definition(model: Any, pair: Pair, beta: float) -> torch.Tensor:
    """The pair's loss with each conversation alone and torch's own log_softmax."""

    def log_prob(example: TokenExample) -> torch.Tensor:
        ids = torch.tensor([example.token_ids])
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
        each = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        return (each * torch.tensor(example.weights[1:])).sum()

    assert pair.reference is not None
    ratios = [log_prob(e) - r for e, r in zip((pair.preferred, pair.rejected), pair.reference, strict=True)]
    return -torch.nn.functional.logsigmoid(beta * (ratios[0] - ratios[1]))


def test_the_gradient_of_the_model_is_that_of_the_definition() -> None:
    model, state = started(recipe_of(), moved=True)
    pairs = [replace(p, reference=(-20.0 - p.line, -18.0)) for p in pairs_of(texts(3))]
    result = Preference(0.4).backward(model, pairs, "cpu")
    mine = [parameter.grad.clone() for parameter in state.parameters if parameter.grad is not None]
    for parameter in state.parameters:
        parameter.grad = None
    expected = sum(definition(model, pair, 0.4) for pair in pairs) / 3
    expected.backward()  # type: ignore[union-attr]
    assert result.loss == pytest.approx(expected.item(), rel=1e-5)
    assert [loss for _, loss in result.rows] == pytest.approx([definition(model, p, 0.4).item() for p in pairs], rel=1e-5)
    assert len(mine) == len(state.parameters) == 28
    for gradient, parameter in zip(mine, state.parameters, strict=True):
        assert (gradient - parameter.grad).abs().max() <= 1e-4 * parameter.grad.abs().max()


def test_splitting_a_step_into_rows_changes_neither_loss_nor_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(objective="dpo", epochs=1, batch_size=6)
    rows = texts(6, system="a long text that all prompts begin with, so that they share a row. ")
    pairs = [replace(p, reference=(-9.0, -9.0 - p.line)) for p in pairs_of(rows)]
    results = []
    for limit in (4096, 200, 1):
        monkeypatch.setattr(loop, "MAX_ROW_TOKENS", limit)
        model, state = started(recipe, moved=True)
        hooks = Notes()
        train(model, state, pairs, [], recipe, Progress(), hooks, "cpu", Preference(recipe.beta))
        results.append((state.kept, hooks))
    whole = results[0]
    assert whole[1].steps[0]["unique_tokens"] < results[1][1].steps[0]["unique_tokens"] < results[2][1].steps[0]["unique_tokens"]
    for gradients, hooks in results[1:]:
        for name in ("train_loss", "train_reward_margin", "train_reward_accuracy", "train_mean_token_accuracy"):
            assert hooks.steps[0][name] == pytest.approx(whole[1].steps[0][name], rel=1e-5)
        assert dict(hooks.losses[1]) == pytest.approx(dict(whole[1].losses[1]), rel=1e-5)
        for mine, expected in zip(gradients, whole[0], strict=True):
            assert (mine - expected).abs().max() <= 1e-5 * expected.abs().max()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from(["", "short ", "a text that all the prompts begin with "]))
def test_rows_keep_every_pair_in_order_and_never_take_more_tokens_than_alone(seed: int, count: int, system: str) -> None:
    pairs = pairs_of(texts(count, seed, system))

    def tokens(row: list[Pair]) -> int:
        from honekit.train.batching import collate

        return collate([e for pair in row for e in (pair.preferred, pair.rejected)], "cpu").unique_tokens

    rows = list(rows_of(pairs, 300))
    assert [pair.line for row in rows for pair in row] == list(range(1, count + 1))
    assert sum(map(tokens, rows)) <= sum(tokens([pair]) for pair in pairs)
    assert all(len(row) == 1 or tokens(row) <= 300 for row in rows)


def test_the_shared_prompt_of_two_answers_is_computed_once() -> None:
    pair = pair_of(1, "x" * 40, "cd", "efgh")
    model = tiny.model()
    (known,) = with_reference(model, [pair], "cpu")
    result = Preference(0.1).validate(model, [known], "cpu")
    # The last token of the prompt is a part of both suffixes, since it predicts the first token of each.
    assert result.unique_tokens == 40 + 1 + 2 + 4 + 2
    assert result.tokens == 3 + 5


def test_before_the_first_step_the_loss_is_log_2_and_the_margin_0() -> None:
    model, _ = started(recipe_of(), moved=True)
    pairs = with_reference(model, pairs_of(texts(5)), "cpu")
    result = Preference(0.7).validate(model, pairs, "cpu")
    assert result.loss == pytest.approx(math.log(2), rel=1e-6)
    assert result.more["reward_margin"] == pytest.approx(0, abs=1e-5)


def test_a_preference_that_follows_a_rule_carries_over_to_pairs_never_seen() -> None:
    """Preferred answers repeat a letter of the prompt, rejected ones another letter."""

    def ruled(count: int, seed: int) -> list[Pair]:
        draw = random.Random(seed)
        made = []
        for line in range(1, count + 1):
            right, wrong = draw.sample("cdef", 2)
            made.append(pair_of(line, f"say {right} now: ", right * 3, wrong * 3))
        return made

    recipe = recipe_of(objective="dpo", beta=0.3, epochs=5, learning_rate=0.02, batch_size=8, early_stopping_patience=0)
    model, state = started(recipe)
    training, held_out = (with_reference(model, ruled(n, seed), "cpu") for n, seed in ((48, 1), (24, 2)))
    progress = train(model, state, training, held_out, recipe, Progress(), Notes(), "cpu", Preference(recipe.beta))
    scored = [row for row in progress.history if "valid_loss" in row]
    assert len(scored) == 5
    # Reward accuracy means nothing before training, where every margin is 0; which answer is likelier does.
    before = sum(good > bad for good, bad in (pair.reference for pair in held_out if pair.reference))
    after = sum(good > bad for good, bad in (pair.reference for pair in with_reference(model, held_out, "cpu") if pair.reference))
    assert before <= 16 and after >= 23
    assert scored[-1]["valid_reward_accuracy"] >= 0.95
    assert scored[-1]["valid_reward_margin"] > scored[0]["valid_reward_margin"]
    assert scored[-1]["valid_loss"] < 0.5 * math.log(2)


def test_select_by_accuracy_goes_by_the_ranked_pairs() -> None:
    model, _ = started(recipe_of(), moved=True)
    pairs = [replace(p, reference=(-20.0 - p.line, -18.0)) for p in pairs_of(texts(7))]
    result = Preference(0.4).validate(model, pairs, "cpu")
    assert result.more["reward_accuracy"] != result.accuracy
    assert result.score(recipe_of(select_by="accuracy")) == result.more["reward_accuracy"]
    assert result.score(recipe_of(select_by="loss")) == -result.loss
