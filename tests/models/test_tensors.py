"""Files of tensors are read, or told by what keeps them from it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests import kernel
from tests.faults import ended, forked

from honekit.models.tensors import read_tensors


def test_the_tensors_come_by_name(tmp_path: Path) -> None:
    save_file({"a": torch.arange(3), "b": torch.ones(2, 2)}, tmp_path / "some.safetensors")
    found = read_tensors(tmp_path / "some.safetensors")
    assert (found["a"].tolist(), found["b"].shape) == ([0, 1, 2], (2, 2))


def test_one_that_is_missing_is_told_from_one_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "some.safetensors")

    def work() -> int:
        kernel.no_more_descriptors()
        try:
            read_tensors(tmp_path / "some.safetensors")
        except OSError as fault:
            return 0 if fault.errno == errno.EMFILE else 1
        return 2

    assert ended(forked(work)) == 0
