"""What one training job of several in a process must not leave to the next: settings of torch, and random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import torch

from honekit.models import kept


@contextmanager
def surroundings() -> Iterator[None]:
    """Around each job: base and tokenizer may stay loaded, everything else is as it was before the job."""
    kept.keep()
    threads, deterministic = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    dtype, gradients, random_state = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(deterministic)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        torch.set_rng_state(random_state)
        # A fresh process draws these from the system.
        random.seed()
        numpy.random.seed()
