"""Stopping anywhere and going on gives the same bits; what is left out of a checkpoint is noticed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import tiny
from tests.train.test_loop import Notes, prepared, recipe_of

from honekit.errors import TrainError
from honekit.models import lora
from honekit.project import TrainSection
from honekit.train.batching import TokenExample
from honekit.train.loop import Interrupted, train
from honekit.train.state import Progress, TrainState, write_state

EXAMPLES = tiny.examples([9, 14, 7, 11, 8, 12, 10, 9, 13, 6], prefix=12)
VALIDATION = tiny.examples([9, 8], prefix=12, seed=4)


def bits(state: TrainState) -> list[bytes]:
    return [master.detach().numpy().tobytes() for master in state.masters]


def losses(progress: Progress) -> list[Any]:
    names = ("train_loss", "grad_norm", "learning_rate", "valid_loss")
    return [[row.get(name) for name in names] for row in progress.history]


def whole(recipe: TrainSection) -> tuple[list[bytes], list[Any]]:
    model, state = prepared(recipe)
    progress = train(model, state, EXAMPLES, VALIDATION, recipe, Progress(), Notes())
    return bits(state), losses(progress)


def interrupted(recipe: TrainSection, stop_after: int, folder: Path, forget: str = "") -> tuple[list[bytes], list[Any]]:
    """The same training stopped after a step and resumed with a fresh model; `forget` skips a part of the state."""
    model, state = prepared(recipe)
    with pytest.raises(Interrupted):
        train(model, state, EXAMPLES, VALIDATION, recipe, Progress(), Notes(folder, state, stop_after))
    torch.manual_seed(123456)  # a new process would not have this one's random state either
    model, state = prepared(recipe)
    progress = state.read(folder / f"step-{stop_after}")
    if forget == "moments":
        state.optimizer.state.clear()
    progress = train(model, state, EXAMPLES, VALIDATION, recipe, progress, Notes())
    return bits(state), losses(progress)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_a_resumed_training_has_the_bits_of_an_uninterrupted_one(stop_after: int, dropout: float, tmp_path: Path) -> None:
    recipe = recipe_of(dropout=dropout, schedule="cosine")
    assert interrupted(recipe, stop_after, tmp_path) == whole(recipe)


def test_without_the_optimizers_moments_the_bits_would_differ(tmp_path: Path) -> None:
    recipe = recipe_of(schedule="cosine")
    masters, history = interrupted(recipe, 3, tmp_path, forget="moments")
    expected, expected_history = whole(recipe)
    assert masters != expected
    assert history[:4] == expected_history[:4]  # the step after the resume still sees the same weights
    assert history[4:] != expected_history[4:]


def test_bf16_parameters_follow_fp32_masters_and_resume_bit_by_bit(tmp_path: Path) -> None:
    def made() -> tuple[Any, TrainState]:
        model = tiny.model().bfloat16()
        lora.inject(model, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
        return model, TrainState(model, recipe)

    recipe = recipe_of(learning_rate=1e-4)
    model, state = made()
    start = [p.clone() for p in state.parameters]
    train(model, state, EXAMPLES, [], recipe, Progress(), Notes(tmp_path, state))
    assert all(master.dtype == torch.float32 for master in state.masters)
    assert all(torch.equal(p, m.bfloat16()) for p, m in zip(state.parameters, state.masters, strict=True))
    assert any(not torch.equal(p, m) for p, m in zip(state.parameters, state.masters, strict=True))
    assert any(not torch.equal(p, s) for p, s in zip(state.parameters, start, strict=True))
    again, restored = made()
    progress = restored.read(tmp_path / "step-3")
    train(again, restored, EXAMPLES, [], recipe, progress, Notes())
    assert bits(restored) == bits(state)


def test_a_full_fine_tuning_is_saved_and_resumed_too(tmp_path: Path) -> None:
    recipe = recipe_of(method="full", learning_rate=1e-3)
    results = []
    for stop in (None, 2):
        model = tiny.model()
        state = TrainState(model, recipe)
        progress = Progress()
        if stop:
            with pytest.raises(Interrupted):
                train(model, state, EXAMPLES, [], recipe, progress, Notes(tmp_path, state, stop))
            model = tiny.model()
            state = TrainState(model, recipe)
            progress = state.read(tmp_path / "step-2")
        train(model, state, EXAMPLES, [], recipe, progress, Notes())
        results.append(bits(state))
    assert results[0] == results[1]
    assert len(results[0]) == len(list(tiny.model().parameters()))


def test_a_step_waits_until_the_announced_snapshot_is_taken() -> None:
    _, state = prepared(recipe_of())
    for parameter in state.parameters:
        parameter.grad = torch.ones_like(parameter)
    before = bits(state)
    state.hold()
    stepping = threading.Thread(target=state.step, args=(0.1,))
    stepping.start()
    stepping.join(0.3)
    assert stepping.is_alive() and bits(state) == before
    taken = state.snapshot()
    stepping.join(60)
    assert not stepping.is_alive() and bits(state) != before
    assert [taken[name].numpy().tobytes() for name in state.weights()] == before
    state.step(0.1)  # and no longer


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    _, state = prepared(recipe_of())
    write_state(tmp_path, state.snapshot(), Progress().as_json())
    _, other = prepared(recipe_of(targets=("q_proj",)))
    with pytest.raises(TrainError) as refused:
        other.read(tmp_path)
    assert refused.value.code == "train.checkpoint_mismatch"


def test_the_norm_is_the_one_before_clipping_and_the_step_keeps_to_the_limit() -> None:
    _, state = prepared(recipe_of(max_grad_norm=0.5))
    for parameter in state.parameters:
        parameter.grad = torch.ones_like(parameter)
    before = [p.detach().clone() for p in state.parameters]
    norm = state.step(0.0)
    assert norm == pytest.approx(sum(p.numel() for p in state.parameters) ** 0.5, rel=1e-5)
    assert all(torch.equal(p, b) for p, b in zip(state.parameters, before, strict=True))
    clipped = [state.optimizer.state[m]["exp_avg"] / 0.1 for m in state.masters]
    assert float(torch.cat([c.flatten() for c in clipped]).norm()) == pytest.approx(0.5, rel=1e-4)
    assert all(p.grad is None for p in state.parameters)


def test_examples_are_not_touched_by_training() -> None:
    examples = [TokenExample(e.index, e.line, list(e.token_ids), list(e.weights)) for e in EXAMPLES]
    whole(recipe_of(epochs=1))
    assert examples == EXAMPLES
