"""Settings of a process: the user's own win."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from honekit import runtime


def test_waiting_threads_sleep_soon_unless_the_user_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    runtime._share_cores()
    assert os.environ["GOMP_SPINCOUNT"] == runtime.SPINS
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    runtime._share_cores()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    runtime._share_cores()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
@pytest.mark.parametrize(("setting", "kept"), [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False)], ids=["", "own"])
def test_freed_memory_is_kept_unless_the_user_said_otherwise(setting: dict[str, str], kept: bool) -> None:
    program = (
        "import psutil; from honekit import runtime; runtime.prepare(); import numpy as np;"
        "block = np.ones(32 << 20); full = psutil.Process().memory_info().rss; del block;"
        "print(full - psutil.Process().memory_info().rss < 1 << 20)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **setting}, check=True
    )
    assert done.stdout.strip() == str(kept)


@pytest.mark.parametrize("collecting", [True, False])
def test_what_is_imported_is_not_searched_for_garbage_and_what_comes_later_is(
    collecting: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_once.py").write_text("stays = [[]]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "imported_once", raising=False)
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        with runtime.importing():
            assert not gc.isenabled()
            stays = importlib.import_module("imported_once").stays
        assert gc.isenabled() == collecting
        assert not any(found is stays for found in gc.get_objects())
        later: list[object] = [[]]
        with runtime.importing():  # nothing new: what was made since is no part of an import
            importlib.import_module("imported_once")
        assert any(found is later for found in gc.get_objects())
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


def test_a_process_that_leaves_has_said_all_and_gives_its_code() -> None:
    program = "import sys; from honekit import runtime; print('out'); print('err', file=sys.stderr); runtime.leave(7)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_a_program_that_ends_promptly_ends_in_order() -> None:
    program = """
import atexit, sys, threading, time
from honekit import runtime

def later():
    time.sleep(0.2)
    print("thread")

class Heavy:
    def __del__(self):
        print("taken down")

def main():
    global kept
    kept = Heavy()
    threading.Thread(target=later).start()
    atexit.register(print, "handler")
    sys.stderr.write("err")
    return 3

sys.exit(runtime.ends_promptly(main))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "thread\nhandler\n", "err")


def test_a_program_that_breaks_ends_with_its_traceback() -> None:
    program = "from honekit import runtime; runtime.ends_promptly(lambda: 1 // 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ZeroDivisionError: integer division or modulo by zero")
