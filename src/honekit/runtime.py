"""What has to be set in a process before torch computes in it. The user's own settings win; results do not change."""

from __future__ import annotations

import atexit
import ctypes
import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

SPINS = "10000"
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
_NO_MEMORY = (
    "can't allocate memory",
    os.strerror(errno.ENOMEM),
    "can't start new thread",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "MPS backend out of memory",
)
"""What torch's allocators, the system, Python and the libraries of GPUs say."""


def prepare() -> None:
    """To be called first in every process that may load torch."""
    _share_cores()
    _keep_memory()


def _share_cores() -> None:
    """Let waiting threads sleep soon instead of spinning.

    By default libgomp spins at each of a step's many barriers. Beside other busy programs that takes the cores from the
    very thread that is waited for: measured here, 20 tokens took 29 s, with this setting 1.2 s.
    https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def _keep_memory() -> None:
    """Let glibc keep freed memory for the next step instead of giving it back and faulting it in again, page by page.

    Training steps free and take gigabytes of tensors of ever new sizes; keeping them is worth a sixth of a step
    (`docs/lab-notes.md`). The process holds its largest size until it ends.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)


@contextmanager
def importing() -> Iterator[None]:
    """Around the import of large packages, which make a million objects that stay: none of them is looked at for garbage, neither
    again and again meanwhile (a sixth of the time) nor later."""
    was_collecting, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > modules:
            gc.freeze()
        if was_collecting:
            gc.enable()


def leave(code: int) -> NoReturn:
    """End the process at once, when all that is to last is on the disk. To take torch down in order costs half a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def ends_promptly(main: Callable[[], int]) -> int:
    """Run the program of this process; when it ends, its threads end and exit handlers run as ever, but no module is taken down,
    object by object, which takes a tenth of a second to half of one. Returns the program's exit code."""
    code = 1
    atexit.register(lambda: leave(code))  # what is registered first runs last
    code = main()
    return code


def is_out_of_memory(fault: BaseException | None) -> bool:
    """Whether this, or what it was raised from, says that the machine or its GPU has no more memory, or none for a thread."""
    # torch raises a plain RuntimeError when the CPU's allocator fails; others say it in words only.
    while fault is not None:
        if isinstance(fault, MemoryError) or any(words in str(fault) for words in _NO_MEMORY):
            return True
        fault = fault.__cause__
    return False


def give_back_memory() -> None:
    """Return to the system what was freed and kept; for a process that will have nothing to do for a while."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
