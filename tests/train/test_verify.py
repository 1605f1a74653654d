"""The last checks before a job may say that it succeeded, each with what it must catch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tests import tiny

from honekit.errors import TrainError
from honekit.models import lora
from honekit.models.adapters import WEIGHTS
from honekit.project import TrainSection
from honekit.train.verify import (
    probe_logits,
    require_changed,
    require_finite,
    require_same_answers,
    require_same_from_disk,
)

RECIPE = TrainSection(rank=4, alpha=8)
PROBES = tiny.examples([8, 11], prefix=10)


def code(action: Any, *arguments: Any) -> str:
    with pytest.raises(TrainError) as refused:
        action(*arguments)
    return refused.value.code


def trained(directory: Path) -> tuple[list[str], dict[str, torch.Tensor], torch.Tensor]:
    model = tiny.model()
    names = lora.inject(model, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b.normal_(generator=torch.Generator().manual_seed(1))
    tensors = lora.peft_tensors(names, [v for _, layer in lora.layers(model) for v in (layer.lora_a, layer.lora_b)])
    directory.mkdir()
    safetensors.torch.save_file(tensors, directory / WEIGHTS)
    return names, tensors, probe_logits(model, PROBES, "cpu")


def test_the_saved_adapter_on_a_fresh_base_passes(tmp_path: Path) -> None:
    names, tensors, logits = trained(tmp_path / "model")
    require_same_from_disk(tensors, tmp_path / "model")
    require_same_answers(tiny.model(), tmp_path / "model", names, RECIPE, logits, PROBES, "cpu")
    assert require_changed(probe_logits(tiny.model(), PROBES, "cpu"), logits, RECIPE) > 0


def test_another_base_or_another_scale_is_noticed(tmp_path: Path) -> None:
    names, _, logits = trained(tmp_path / "model")
    folder = tmp_path / "model"
    for base, recipe in ((tiny.model(seed=1), RECIPE), (tiny.model(), TrainSection(rank=4, alpha=9))):
        arguments = (base, folder, names, recipe, logits, PROBES, "cpu")
        assert code(require_same_answers, *arguments) == "train.reload_differs"


def test_missing_and_changed_tensors_are_noticed(tmp_path: Path) -> None:
    _, tensors, _ = trained(tmp_path / "model")
    first = next(iter(tensors))
    less = {name: tensor for name, tensor in tensors.items() if name != first}
    assert code(require_same_from_disk, less, tmp_path / "model") == "train.reload_differs"
    changed = {**tensors, first: tensors[first].nextafter(torch.tensor(9.0))}
    assert code(require_same_from_disk, changed, tmp_path / "model") == "train.reload_differs"
    (tmp_path / "model" / WEIGHTS).unlink()
    assert code(require_same_from_disk, tensors, tmp_path / "model") == "train.reload_differs"


def test_outputs_that_did_not_move_or_are_no_numbers_are_noticed() -> None:
    logits = torch.randn(3, 5)
    assert code(require_changed, logits, logits.clone(), RECIPE) == "train.unchanged"
    for bad in (float("nan"), float("inf")):
        broken = logits.clone()
        broken[1, 2] = bad
        assert code(require_changed, logits, broken, RECIPE) == "train.not_finite"
        assert code(require_finite, {"fine": logits, "broken": broken}, RECIPE) == "train.not_finite"
    require_finite({"fine": logits}, RECIPE)
