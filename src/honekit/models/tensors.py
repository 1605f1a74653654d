"""Reading files of tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name. Raises: OSError with the system's reason; SafetensorError; RuntimeError."""
    from safetensors.torch import load_file

    # safetensors says of every file that it may not open that there is none.
    with open(file, "rb"):
        pass
    return load_file(file)
