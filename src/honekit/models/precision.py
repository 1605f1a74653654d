"""What this machine computes with: the device, its measured speed, and the precision that follows from it.

A CPU without bf16 instructions multiplies bf16 matrices a hundred times slower than fp32 ones, one that has them
several times faster, and the type's name says nothing about which it is. So it is measured, never looked up.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from honekit.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Precision = Literal["fp32", "bf16"]

BF16_WORTH = 1.5
"""bf16 must be measured this much faster than fp32 before its rounding is accepted."""
_SIDE = 1024
_PROBE_SIDE = 256
_TRIES, _BUDGET_S = 8, 0.1
_COPY_BYTES = 64 << 20
"""Well beyond the last-level cache of desktop machines, so that memory is what is timed."""


@dataclass(frozen=True)
class Measured:
    """Best of a few timings each, on the CPU."""

    fp32_gflops: float
    bf16_gflops: float
    memory_gb_s: float
    """Bytes read and written per second while copying."""
    threads: int

    def gflops(self, precision: str) -> float:
        """The matmul peak in a precision."""
        return self.bf16_gflops if precision == "bf16" else self.fp32_gflops


def measure(threads: int | None = None) -> Measured:
    """Time fp32 and bf16 matrix products and a copy through memory; about 0.3 s.

    `threads` defaults to torch's current number, which is in any case restored.
    """
    with _threads(threads) as used, torch.inference_mode():
        fp32 = _matmul_gflops(torch.float32, _SIDE)
        # A large bf16 product takes seconds where it is emulated, and a small one tells that already.
        hopeless = _matmul_gflops(torch.bfloat16, _PROBE_SIDE) < 0.25 * _matmul_gflops(torch.float32, _PROBE_SIDE)
        bf16 = _matmul_gflops(torch.bfloat16, _PROBE_SIDE if hopeless else _SIDE)
        return Measured(fp32, bf16, _copy_gb_s(), used)


def choose_precision(measured: Measured, wanted: str, device: torch.device | str) -> Precision:
    """The precision to train and generate in: the wanted one, or for `auto` the one that the device is faster in.

    Raises: SettingsError[settings.precision], ModelError[model.bf16_unsupported] for a CUDA device without bf16.
    """
    kind = torch.device(device).type
    if wanted == "fp32":
        return "fp32"
    if wanted not in ("auto", "bf16"):
        raise SettingsError(
            "settings.precision",
            what=f"there is no precision {wanted!r}",
            where="train.precision",
            mend='use "auto", "fp32" or "bf16"',
        )
    if kind == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16"
        if wanted == "bf16":
            raise ModelError(
                "model.bf16_unsupported",
                what=f"{torch.cuda.get_device_name()} has no bf16 arithmetic",
                mend='set precision = "auto" or "fp32" under [train] in hone.toml',
            )
        return "fp32"
    if wanted == "bf16":
        return "bf16"
    if kind == "mps":  # what was measured is the CPU, and MPS gains little from bf16
        return "fp32"
    return "bf16" if measured.bf16_gflops >= BF16_WORTH * measured.fp32_gflops else "fp32"


def resolve_device(wanted: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `mps`; `auto` takes CUDA, then MPS, then the CPU.

    Raises: ModelError[model.device_absent], SettingsError[settings.device].
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if wanted not in available:
        raise SettingsError(
            "settings.device", what=f"there is no device {wanted!r}", where="device", mend="use auto, cpu, cuda or mps"
        )
    if not available[wanted]:
        backend = torch.backends.cuda if wanted == "cuda" else torch.backends.mps
        built = bool(backend.is_built())
        reason = "torch finds none" if built else f"this build of torch ({torch.__version__}) has no support for it"
        raise ModelError(
            "model.device_absent",
            what=f"the device {wanted} was asked for, but {reason}",
            where="device",
            mend="use --device auto or --device cpu; `hone doctor` shows what this machine has",
        )
    return torch.device(wanted)


def _matmul_gflops(dtype: torch.dtype, side: int) -> float:
    a = torch.ones(side, side, dtype=dtype)
    b = torch.ones(side, side, dtype=dtype)
    out = torch.empty(side, side, dtype=dtype)
    return 2.0 * side**3 / _best_s(lambda: torch.mm(a, b, out=out)) / 1e9


def _copy_gb_s() -> float:
    source = torch.ones(_COPY_BYTES // 4)
    target = torch.empty_like(source)
    return 2.0 * _COPY_BYTES / _best_s(lambda: target.copy_(source)) / 1e9


def _best_s(action: Callable[[], object]) -> float:
    """The shortest of a few runs after a first one that only warms up, within a small budget of time."""
    started = time.perf_counter()
    action()
    best, tries = math.inf, 0
    while tries == 0 or (tries < _TRIES and time.perf_counter() - started < _BUDGET_S):
        begun = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - begun)
        tries += 1
    return best


@contextmanager
def _threads(wanted: int | None) -> Iterator[int]:
    before = torch.get_num_threads()
    try:
        if wanted is not None:
            torch.set_num_threads(wanted)
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
