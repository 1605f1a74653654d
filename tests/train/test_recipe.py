"""The learning rate's path against transformers' schedules, and the spec's round trip through JSON."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import get_scheduler

from honekit.project import TrainSection
from honekit.train.recipe import TrainSpec, learning_rate_at


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_without_warmup_the_rate_is_that_of_transformers(schedule: str) -> None:
    recipe = TrainSection(learning_rate=0.3, schedule=schedule, warmup_ratio=0)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = get_scheduler(schedule, optimizer, num_warmup_steps=0, num_training_steps=11)
    for step in range(11):
        assert learning_rate_at(step, 11, recipe) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_warmup_rises_from_above_zero_to_the_full_rate_and_cosine_falls_from_there() -> None:
    recipe = TrainSection(learning_rate=1.0, schedule="cosine", warmup_ratio=0.25)
    rates = [learning_rate_at(step, 12, recipe) for step in range(12)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_a_spec_survives_json() -> None:
    recipe = TrainSection(targets=("q_proj", "v_proj"), max_length=64)
    spec = TrainSpec(
        training_file="a", training_sha256="b", validation_file=None, validation_sha256=None,
        base="tiny", project="iot", recipe=recipe,
    )  # fmt: skip
    assert TrainSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
