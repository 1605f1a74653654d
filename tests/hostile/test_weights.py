"""Files of weights that somebody else has made: refused with a cause, in little time and memory, and nothing in them runs."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from tests.hostile.corpora import weights_files
from tests.hostile.watching import watched
from tests.tiers import trials

from honekit.errors import ModelError
from honekit.models.adapters import CONFIG, WEIGHTS, check_adapter, read_adapter, save_adapter

HANG_S = 5.0
MOST_MEMORY_MB = 64


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    import torch

    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    tensors = {f"{layer}.lora_A.weight": torch.ones(4, 8), f"{layer}.lora_B.weight": torch.ones(8, 4)}
    config = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}
    return save_adapter(tmp_path / "adapter", tensors, config, "tiny", "f" * 16)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@trials(small=48, gate=200, night=5000)
def test_hostile_weights_are_refused_and_run_nothing(adapter: Path, trials: int) -> None:
    good = (adapter / WEIGHTS).read_bytes()
    read_adapter(adapter)
    before, refused = peak_mb(), 0
    with watched() as seen:
        for what, content in weights_files(trials, good):
            (adapter / WEIGHTS).write_bytes(content)
            begun = time.process_time()
            with pytest.raises(ModelError) as caught:
                read_adapter(adapter)
            assert time.process_time() - begun < HANG_S, what
            assert caught.value.code.startswith("model.adapter_") and caught.value.mend, what
            refused += 1
    assert refused == trials
    assert seen.programs == []
    assert peak_mb() - before < MOST_MEMORY_MB


@pytest.mark.parametrize(
    "changes",
    [
        {"r": 10**6}, {"r": -1}, {"r": "4"}, {"r": True}, {"lora_alpha": float("inf")}, {"lora_alpha": "x"},
        {"peft_type": "IA3"}, {"auto_mapping": {"base_model_class": "os", "parent_library": "os"}}, {"use_dora": True},
        {"modules_to_save": ["lm_head"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_hostile_description_of_an_adapter_is_refused_or_means_nothing(adapter: Path, changes: dict[str, Any]) -> None:
    config = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps({**config, **changes}))
    with watched() as seen:
        try:
            found: Any = read_adapter(adapter)
        except ModelError as fault:
            found = fault
    # A rank that the matrices do not have is found when they are held against a base; nothing is made of it here.
    rank = int(changes.get("r", 4))
    is_refused = isinstance(found, ModelError) and bool(found.mend)
    assert is_refused or (found.rank == rank and all(a.shape == (4, 8) for a, _ in found.pairs.values()))
    assert seen.programs == []


def test_weights_beside_a_program_or_for_another_base_are_not_taken(adapter: Path) -> None:
    (adapter / "modeling_evil.py").write_text("raise SystemExit('it ran')")
    (adapter / "adapter_model.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'exit 1'\ntR.")
    with watched() as seen:
        read_adapter(adapter)
    assert seen.programs == [] and not any(path.endswith((".bin", "evil.py")) for path in seen.files)
    with pytest.raises(ModelError) as caught:
        check_adapter(adapter, "0" * 16)
    assert caught.value.code == "model.wrong_base"
    (adapter / WEIGHTS).unlink()
    with pytest.raises(ModelError) as caught:
        check_adapter(adapter, "f" * 16)
    assert caught.value.code == "model.not_an_adapter"
