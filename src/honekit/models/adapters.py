"""Adapters on disk: plain PEFT files, with the base that they were made on beside them.

`peft.PeftModel.from_pretrained`, vLLM and llama.cpp's converter read the directory as it is; `hone.json` is
ours.
"""

from __future__ import annotations

import enum
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.errors import ModelError
from honekit.models.tensors import read_tensors
from honekit.store.atomic import fsync_all, fsync_path

if TYPE_CHECKING:
    import torch

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
ORIGIN = "hone.json"

_PREFIX = "base_model.model."
_NEUTRAL: tuple[Any, ...] = (None, False, [], {}, "none")
_UNSUPPORTED = (
    "lora_bias",
    "bias",
    "modules_to_save",
    "trainable_token_indices",
    "layer_replication",
    "target_parameters",
    "alora_invocation_tokens",
    "rank_pattern",
    "alpha_pattern",
    "megatron_config",
    "arrow_config",
    "kasa_config",
    "velora_config",
    "monteclora_config",
)


@dataclass(frozen=True)
class AdapterOrigin:
    """The base that an adapter was made on."""

    base: str
    """As the user named it: catalogue id, Hub id or directory."""
    base_fingerprint: str


def save_adapter(
    directory: Path,
    tensors: Mapping[str, torch.Tensor],
    peft_config: Mapping[str, Any],
    base_ref: str,
    base_fingerprint: str,
) -> Path:
    """Write an adapter; `tensors` has PEFT's names (`base_model.model.<module>.lora_A.weight`).

    The directory appears complete or not at all; an existing one is replaced. Raises ModelError
    `model.adapter_not_finite` for NaN or infinite weights, `model.disk_full`, `model.write_failed`.
    """
    from safetensors.torch import save_file

    _require_finite(tensors, str(directory))
    config = {**peft_config, "peft_type": "LORA", "base_model_name_or_path": base_ref, "inference_mode": True}
    origin = {"format": 1, "base": base_ref, "base_fingerprint": base_fingerprint}
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", suffix=".tmp", dir=directory.parent))
        try:
            plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(plain, scratch / WEIGHTS, metadata={"format": "pt"})
            (scratch / CONFIG).write_text(_json(config), encoding="utf-8")
            (scratch / ORIGIN).write_text(_json(origin), encoding="utf-8")
            scratch.chmod(0o755)
            fsync_all([*scratch.iterdir(), scratch])
            _put_in_place(scratch, directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, RuntimeError) as error:  # safetensors reports a full disk as its own error
        full = getattr(error, "errno", None) == 28 or "No space left" in str(error)
        raise ModelError(
            "model.disk_full" if full else "model.write_failed",
            what=f"the adapter could not be written: {error}",
            where=str(directory),
            mend="free some space there and run the command again; it continues from the last checkpoint",
        ) from error
    return directory


def is_whole_model(directory: Path) -> bool:
    """Whether a full fine-tuning left its own weights there, so that nothing of the base is needed beside them."""
    return (directory / "config.json").is_file() and not (directory / CONFIG).exists()


def read_origin(directory: Path) -> AdapterOrigin:
    """Which base the adapter was made on. Raises ModelError `model.not_an_adapter` or
    `model.adapter_without_base`.
    """
    if not (directory / WEIGHTS).is_file() or not (directory / CONFIG).is_file():
        raise ModelError(
            "model.not_an_adapter",
            what=f"this is not an adapter: {WEIGHTS} or {CONFIG} is missing",
            where=str(directory),
            mend="give the folder of a PEFT adapter saved as safetensors",
        )
    try:
        content = json.loads((directory / ORIGIN).read_text(encoding="utf-8"))
        return AdapterOrigin(base=str(content["base"]), base_fingerprint=str(content["base_fingerprint"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "model.adapter_without_base",
            what=f"the adapter does not say on which base model it was made: {ORIGIN} is missing or broken",
            where=str(directory),
            mend=f'write {ORIGIN} into the folder: {{"base": "<id>", "base_fingerprint": "<fingerprint>"}}, '
            "with the "
            "fingerprint that `hone bases show <id>` prints",
        ) from error


def check_adapter(directory: Path, base_fingerprint: str) -> AdapterOrigin:
    """The adapter's origin, when it was made on exactly that base. Raises ModelError `model.wrong_base`
    otherwise.
    """
    origin = read_origin(directory)
    if origin.base_fingerprint != base_fingerprint:
        raise ModelError(
            "model.wrong_base",
            what=f"this adapter was made on another base: {origin.base} with fingerprint "
            f"{origin.base_fingerprint}, "
            f"not the one given ({base_fingerprint})",
            where=str(directory),
            mend=f"use --base {origin.base}, or train again on the base that you want",
        )
    return origin


@dataclass(frozen=True)
class LoraAdapter:
    """A plain LoRA adapter as it was read: `W + scale * (B @ A)` for each of its layers."""

    rank: int
    scale: float
    pairs: dict[str, tuple[torch.Tensor, torch.Tensor]]
    """A (rank, d_in) and B (d_out, rank) by the layer's name in the base, in the file's dtype on the CPU."""


def read_adapter(directory: Path) -> LoraAdapter:
    """The matrices of a PEFT directory. Their shapes are for the caller to hold against a base.

    Raises ModelError `model.adapter_unsupported`, `model.adapter_not_finite`, `model.adapter_broken`.
    """
    config = _read_config(directory)
    tensors = _read_tensors(directory)
    _require_supported(config, directory)
    _require_finite(tensors, str(directory))
    return LoraAdapter(int(config["r"]), _scale(config), _pairs(tensors, directory))


def merge_adapter(model: torch.nn.Module, directory: Path) -> int:
    """Fold a LoRA adapter into the weights of `model`, in place; returns the number of changed weight
    matrices.

    `W + scale * (B @ A)` is computed in float32 and rounded once to the dtype of W. Everything is checked
    before the first weight changes. Raises ModelError `model.adapter_unsupported`, `model.adapter_mismatch`,
    `model.adapter_not_finite`, `model.adapter_broken`. The check of the base is `check_adapter`.
    """
    import torch

    adapter = read_adapter(directory)
    merges = []
    for module_name, (a, b) in adapter.pairs.items():
        weight, transposed = _target(model, module_name, directory)
        rows, columns = (weight.shape[1], weight.shape[0]) if transposed else (weight.shape[0], weight.shape[1])
        rank = adapter.rank
        if a.shape != (rank, columns) or b.shape != (rows, rank):
            raise ModelError(
                "model.adapter_mismatch",
                what=f"{module_name}: the adapter has A {tuple(a.shape)} and B {tuple(b.shape)}, the base's "
                "weight "
                f"({rows}, {columns}) and rank {rank} need A ({rank}, {columns}) and B ({rows}, {rank})",
                where=str(directory),
                mend="take the base that the adapter was made on",
            )
        merges.append((weight, a, b, transposed))
    scale = adapter.scale
    with torch.no_grad():
        for weight, a, b, transposed in merges:
            delta = (b.to(weight.device, torch.float32) @ a.to(weight.device, torch.float32)) * scale
            weight.copy_(weight.to(torch.float32) + (delta.T if transposed else delta))
    return len(merges)


def _scale(config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (Kalajdzievski 2023, arXiv:2312.03732)."""
    rank = int(config["r"])
    return float(config["lora_alpha"]) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _pairs(tensors: Mapping[str, torch.Tensor], directory: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    sides: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        module, _, side = name.removesuffix(".weight").rpartition(".")
        if not name.endswith(".weight") or not name.startswith(_PREFIX) or side not in ("lora_A", "lora_B"):
            raise _unsupported(f"it holds the tensor {name}, which is not a LoRA matrix of a linear layer", directory)
        sides.setdefault(module.removeprefix(_PREFIX), {})[side] = tensor
    halves = [module for module, found in sides.items() if len(found) != 2]
    if halves or not sides:
        raise _broken(f"{halves[0]} has only one of its two matrices" if halves else "it holds no tensors", directory)
    return {module: (found["lora_A"], found["lora_B"]) for module, found in sorted(sides.items())}


def _target(model: torch.nn.Module, module_name: str, directory: Path) -> tuple[torch.Tensor, bool]:
    """The weight to change, and whether it is stored (in, out), as GPT-2's Conv1D does."""
    modules = dict(model.named_modules())
    module = modules.get(module_name)
    weight = getattr(module, "weight", None)
    if module is None or weight is None or weight.dim() != 2:
        raise ModelError(
            "model.adapter_mismatch",
            what=f"the base model has no linear layer {module_name}, which the adapter changes",
            where=str(directory),
            mend="take the base that the adapter was made on",
        )
    shared = [name for name, other in modules.items() if getattr(other, "weight", None) is weight]
    if len(shared) > 1:
        raise _unsupported(f"its layer {module_name} shares its weight with another ({', '.join(shared)})", directory)
    return weight, type(module).__name__ == "Conv1D"


def _require_supported(config: Mapping[str, Any], directory: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise _unsupported(f"its peft_type is {config.get('peft_type')!r}, not LORA", directory)
    switches = [key for key in config if key.startswith("use_") and key != "use_rslora"]
    for key in (*_UNSUPPORTED, *switches):
        if config.get(key) not in _NEUTRAL:
            raise _unsupported(f"it uses {key}", directory)


def _require_finite(tensors: Mapping[str, torch.Tensor], where: str) -> None:
    import torch

    bad = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise ModelError(
            "model.adapter_not_finite",
            what=f"{len(bad)} of {len(tensors)} adapter matrices hold NaN or infinite values, {bad[0]} for one",
            where=where,
            mend="the training diverged: train again with a lower learning rate",
        )


def _read_config(directory: Path) -> dict[str, Any]:
    try:
        content = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        if int(content["r"]) < 1 or not math.isfinite(float(content["lora_alpha"])):
            raise ValueError("r or lora_alpha is out of range")
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _broken(f"{CONFIG} cannot be used ({error})", directory) from error
    return dict(content)


def _read_tensors(directory: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError

    try:
        return read_tensors(directory / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise _broken(f"{WEIGHTS} cannot be read ({error})", directory) from error


def _put_in_place(scratch: Path, directory: Path) -> None:
    if directory.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", suffix=".old", dir=directory.parent))
        os.replace(directory, old)
        os.replace(scratch, directory)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(scratch, directory)
    fsync_path(directory.parent)


def _json(content: Mapping[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, set | frozenset):
            return sorted(value)
        if isinstance(value, enum.Enum):
            return value.value
        return str(value)

    return json.dumps(content, indent=2, sort_keys=True, default=plain) + "\n"


def _unsupported(reason: str, directory: Path) -> ModelError:
    return ModelError(
        "model.adapter_unsupported",
        what=f"this adapter cannot be used here: {reason}",
        where=str(directory),
        mend="merge it with PEFT (`merge_and_unload`) and give the merged folder as --base",
    )


def _broken(reason: str, directory: Path) -> ModelError:
    return ModelError(
        "model.adapter_broken",
        what=f"the adapter is damaged or incomplete: {reason}",
        where=str(directory),
        mend="copy it again from where it was made, or train again",
    )
