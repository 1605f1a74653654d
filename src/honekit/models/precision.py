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

from honekit import settings
from honekit.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Precision = Literal["fp32", "bf16"]

BF16_WORTH = 1.5
"""bf16 must be measured this much faster than fp32 before its rounding is accepted."""
_SIDE = 1024
_PROBE_SIDE = 256
_TRIES, _BUDGET_S = 8, 0.1
_PROBE_BUDGET_S = 0.02
_COPY_BYTES = 64 << 20
"""Well beyond the last-level cache of desktop machines, so that memory is what is timed."""
_GPU_SIDE, _GPU_COPY_BYTES, _LAUNCHES = 4096, 512 << 20, 200
"""Large enough that the work and not its beginning is timed."""


@dataclass(frozen=True)
class Measured:
    """Best of a few timings each, on one device."""

    fp32_gflops: float
    bf16_gflops: float
    memory_gb_s: float
    """Bytes read and written per second while copying; NaN where that was not asked for."""
    threads: int
    """Of the CPU."""
    device: str = "cpu"
    launch_us: float = 0.0
    """Microseconds until the next operation can be begun on a GPU; 0 on a CPU, which computes meanwhile."""

    def gflops(self, precision: str) -> float:
        """The matmul peak in a precision."""
        return self.bf16_gflops if precision == "bf16" else self.fp32_gflops


def measure(threads: int | None = None, device: torch.device | str = "cpu", memory: bool = True) -> Measured:
    """Time fp32 and bf16 matrix products and, with `memory`, a copy through it; about 0.3 s, on a GPU about a second.

    `threads` defaults to torch's current number, which is in any case restored.
    """
    on = torch.device(device)
    with _threads(threads) as used, torch.inference_mode():
        if on.type != "cpu":
            fp32, bf16 = (_matmul_gflops(dtype, _GPU_SIDE, on) for dtype in (torch.float32, torch.bfloat16))
            copied = _copy_gb_s(_GPU_COPY_BYTES, on) if memory else math.nan
            return Measured(fp32, bf16, copied, used, on.type, _launch_us(on))
        fp32 = _matmul_gflops(torch.float32, _SIDE, on)
        # A large bf16 product takes seconds where it is emulated, and a small one tells that already.
        small, bf16 = (_matmul_gflops(dtype, _PROBE_SIDE, on, _PROBE_BUDGET_S) for dtype in (torch.float32, torch.bfloat16))
        if bf16 >= 0.25 * small:
            bf16 = _matmul_gflops(torch.bfloat16, _SIDE, on)
        return Measured(fp32, bf16, _copy_gb_s(_COPY_BYTES, on) if memory else math.nan, used)


def precision_of(device: torch.device) -> Precision:
    """The precision that `auto` means on a device. Only a CPU is timed for it."""
    return choose_precision(measure(memory=False) if device.type == "cpu" else None, "auto", device)


def choose_precision(measured: Measured | None, wanted: str, device: torch.device | str) -> Precision:
    """The precision to train and generate in: the wanted one, or for `auto` the one that the device is faster in.

    `measured` is asked for `auto` on a CPU only.

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
    if kind == "mps":  # which gains little from bf16
        return "fp32"
    assert measured is not None
    return "bf16" if measured.bf16_gflops >= BF16_WORTH * measured.fp32_gflops else "fp32"


def resolve_device(wanted: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `mps`; `auto` takes what `HONE_DEVICE` says, else CUDA, then MPS, then the CPU.

    Raises: ModelError[model.device_absent], SettingsError[settings.device].
    """
    where = "device"
    if wanted == "auto" and (named := settings.device()):
        wanted, where = named, "HONE_DEVICE"
    settings.require_device(wanted, where)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[wanted]:
        backend = torch.backends.cuda if wanted == "cuda" else torch.backends.mps
        built = bool(backend.is_built())
        reason = "torch finds none" if built else f"this build of torch ({torch.__version__}) has no support for it"
        raise ModelError(
            "model.device_absent",
            what=f"the device {wanted} was asked for, but {reason}",
            where=where,
            mend="use --device auto or --device cpu; `hone doctor` shows what this machine has",
        )
    return torch.device(wanted)


def _matmul_gflops(dtype: torch.dtype, side: int, device: torch.device, budget_s: float = _BUDGET_S) -> float:
    a, b, out = (torch.full((side, side), value, dtype=dtype, device=device) for value in (1.0, 0.5, 0.0))
    return 2.0 * side**3 / _best_s(lambda: torch.mm(a, b, out=out), device, budget_s) / 1e9


def _copy_gb_s(size: int, device: torch.device) -> float:
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2.0 * size / _best_s(lambda: target.copy_(source), device) / 1e9


def _launch_us(device: torch.device) -> float:
    value = torch.zeros(8, device=device)

    def begin() -> None:
        for _ in range(_LAUNCHES):
            value.add_(1.0)

    return _best_s(begin, device) / _LAUNCHES * 1e6


def _best_s(action: Callable[[], object], device: torch.device, budget_s: float = _BUDGET_S) -> float:
    """The shortest of a few runs after a first one that only warms up, within a small budget of time."""

    def timed() -> float:
        begun = time.perf_counter()
        action()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter() - begun

    started = time.perf_counter()
    timed()
    best, tries = math.inf, 0
    while tries == 0 or (tries < _TRIES and time.perf_counter() - started < budget_s):
        best = min(best, timed())
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
