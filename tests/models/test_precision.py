from __future__ import annotations

import math

import pytest
import torch

from honekit.errors import ModelError, SettingsError
from honekit.models import precision
from honekit.models.precision import Measured, choose_precision, measure, precision_of, resolve_device

SLOW_BF16 = Measured(fp32_gflops=100.0, bf16_gflops=1.0, memory_gb_s=20.0, threads=2)
FAST_BF16 = Measured(fp32_gflops=100.0, bf16_gflops=400.0, memory_gb_s=20.0, threads=2)


def test_measuring_gives_speeds_of_this_machine_and_leaves_threads_and_chance_alone() -> None:
    before, drawn = torch.get_num_threads(), torch.get_rng_state()
    measured = measure(threads=1)
    assert measured.threads == 1
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), drawn)
    for speed in (measured.fp32_gflops, measured.memory_gb_s):
        assert 0.5 < speed < 100_000
    assert measured.bf16_gflops > 0
    assert measured.gflops("bf16") == measured.bf16_gflops
    assert math.isnan(measure(threads=1, memory=False).memory_gb_s)


@pytest.mark.parametrize(
    ("measured", "wanted", "device", "chosen"),
    [
        (FAST_BF16, "auto", "cpu", "bf16"),
        (SLOW_BF16, "auto", "cpu", "fp32"),
        (Measured(100.0, 149.0, 20.0, 2), "auto", "cpu", "fp32"),
        (Measured(100.0, 151.0, 20.0, 2), "auto", "cpu", "bf16"),
        (FAST_BF16, "fp32", "cpu", "fp32"),
        (SLOW_BF16, "bf16", "cpu", "bf16"),
        (FAST_BF16, "auto", "mps", "fp32"),
    ],
)
def test_precision_follows_the_measurement_unless_one_is_asked_for(
    measured: Measured, wanted: str, device: str, chosen: str
) -> None:
    assert choose_precision(measured, wanted, device) == chosen


def test_only_a_cpu_is_timed_for_the_precision_to_load_in(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[str] = []
    monkeypatch.setattr(precision, "measure", lambda memory: timed.append("cpu") or FAST_BF16)
    assert (precision_of(torch.device("mps")), timed) == ("fp32", [])
    assert (precision_of(torch.device("cpu")), timed) == ("bf16", ["cpu"])


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        choose_precision(FAST_BF16, "fp8", "cpu")
    assert caught.value.code == "settings.precision"


def test_auto_is_always_a_device_that_is_there() -> None:
    device = resolve_device("auto")
    assert torch.ones(2, device=device).sum().item() == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_is_refused_by_name_where_there_is_none() -> None:
    with pytest.raises(ModelError) as caught:
        resolve_device("cuda")
    assert caught.value.code == "model.device_absent"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_is_taken_where_it_is() -> None:
    assert resolve_device("cuda").type == "cuda"
    assert choose_precision(SLOW_BF16, "auto", "cuda") == (
        "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_a_gpu_is_measured_itself() -> None:
    gpu, cpu = measure(device="cuda"), measure()
    assert (gpu.device, cpu.device, cpu.launch_us) == ("cuda", "cpu", 0.0)
    assert gpu.fp32_gflops > 0 and gpu.launch_us > 0
    assert gpu.gflops(choose_precision(gpu, "auto", "cuda")) > cpu.fp32_gflops


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SettingsError):
        resolve_device("tpu")
