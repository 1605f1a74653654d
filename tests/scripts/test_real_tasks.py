"""The benchmark on real tasks: what it says when its files are not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "real_tasks.py"


@pytest.mark.parametrize(("task", "file"), [("banking77", "train.csv"), ("bgl", "BGL_2k.log_structured.csv")])
def test_a_folder_without_the_files_is_told_and_no_traceback(task: str, file: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FILE), f"--{task}", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert str(tmp_path / "nowhere" / file) in done.stderr
