"""What a process that trains several times keeps in memory: one base model, its tokenizer, the machine's measured speed.

Off until `keep` is called; then everything here is as loading it anew would give it, and a change of the base's files is
noticed. The weights are shared between the copies that are handed out, so nobody may write into them.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.models import bases, plain_llama, precision
from honekit.models.precision import Measured

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from torch import nn

Stamps = tuple[tuple[str, int, int], ...]
"""Name, size and time of change of each file of a base."""


@dataclass
class _Base:
    path: Path
    stamps: Stamps
    tokenizer: Tokenizer | None = None
    models: dict[tuple[Any, ...], tuple[nn.Module, list[int]]] = field(default_factory=dict)
    """By dtype and device, with the version counters of the weights."""


_keeping = False
_base: _Base | None = None
_changing = threading.Lock()
"""A model and its tokenizer may be loaded at the same time."""
_measured: dict[tuple[int, str, bool], Measured] = {}


def keep() -> None:
    """From now on, keep what is loaded through this module until another base is asked for."""
    global _keeping
    _keeping = True


def load_model(path: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """As `plain_llama.load_model`; its weights are for reading only. Raises ModelError."""
    if not _keeping:
        return plain_llama.load_model(path, dtype, device)
    kept, key = _kept(path), (dtype, device)
    found = kept.models.get(key)
    if found is None or found[1] != _versions(found[0]):
        # Dropped first: two of a large base need not fit.
        kept.models.clear()
        model = plain_llama.load_model(path, dtype, device)
        found = kept.models[key] = (model, _versions(model))
    return _copy(found[0])


def load_tokenizer(path: Path) -> Tokenizer:
    """As `bases.load_tokenizer`. Raises ModelError."""
    if not _keeping:
        return bases.load_tokenizer(path)
    kept = _kept(path)
    if kept.tokenizer is None:
        kept.tokenizer = bases.load_tokenizer(path)
    return kept.tokenizer


def measure(device: torch.device, memory: bool) -> Measured:
    """As `precision.measure` for torch's present number of threads."""
    import torch

    key = (torch.get_num_threads(), device.type, memory)
    if not _keeping or key not in _measured:
        _measured[key] = precision.measure(device=device, memory=memory)
    return _measured[key]


def _kept(path: Path) -> _Base:
    global _base
    stamps = _stamps(path)
    with _changing:
        if _base is None or (_base.path, _base.stamps) != (path, stamps):
            _base = None
            _base = _Base(path, stamps)
        return _base


def _stamps(path: Path) -> Stamps:
    return tuple(
        sorted((file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in path.iterdir() if file.is_file())
    )


def _versions(model: nn.Module) -> list[int]:
    """Counters that torch raises at each write into a tensor: a weight that somebody wrote into is not the base's."""
    return [weight._version for weight in model.parameters()]


def _copy(model: nn.Module) -> nn.Module:
    """Modules and buffers of its own, every weight a parameter of its own over the same memory."""
    from torch import nn

    mine: dict[int, Any] = {id(weight): nn.Parameter(weight.detach(), requires_grad=True) for weight in model.parameters()}
    if isinstance(model, plain_llama.PlainLlama):
        return _twin(model, mine)
    made: nn.Module = copy.deepcopy(model, mine)
    return made


def _twin(module: nn.Module, mine: dict[int, Any]) -> nn.Module:
    """As `copy.deepcopy`, which takes several times as long, for modules whose other attributes nobody changes."""
    made = copy.copy(module)
    # Registered parameters, buffers, modules and hooks, each kind in a dict of its own.
    vars(made).update({name: value.copy() for name, value in vars(module).items() if isinstance(value, dict)})
    for name, weight in module.named_parameters(recurse=False, remove_duplicate=False):
        setattr(made, name, mine[id(weight)])
    for name, buffer in module.named_buffers(recurse=False):
        setattr(made, name, buffer.clone())
    for name, child in module.named_children():
        setattr(made, name, _twin(child, mine))
    return made
