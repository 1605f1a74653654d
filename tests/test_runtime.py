"""Settings of a process: the user's own win."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

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
def test_what_is_imported_is_not_searched_for_garbage_and_what_comes_later_is(collecting: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        with runtime.importing():
            assert not gc.isenabled()
            stays: list[object] = [[]]
        assert gc.isenabled() == collecting
        assert not any(found is stays for found in gc.get_objects())
        later: list[object] = [[]]
        assert any(found is later for found in gc.get_objects())
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


def test_a_process_that_leaves_has_said_all_and_gives_its_code() -> None:
    program = "import sys; from honekit import runtime; print('out'); print('err', file=sys.stderr); runtime.leave(7)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
