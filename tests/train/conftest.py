"""What the training tests share: torch's global switches put back, and a base directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests import tiny


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """A job sets threads and determinism for its own process; here the process goes on."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny Llama over bytes, with its tokenizer and template."""
    return tiny.save_base(tmp_path_factory.mktemp("base") / "tiny")
