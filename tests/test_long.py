"""`make test-long` goes on with what has not passed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pathlib, pytest

@pytest.mark.parametrize("trials", [3, 4])
def test_good(trials):
    pass

def test_bad(record_property):
    record_property("n", 7)
    assert pathlib.Path("mended").exists()

def test_without_what_it_needs():
    pytest.skip("not here")
"""


def run(folder: Path, workers: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "tests.long", "-n", str(workers), "test_it.py"]
    # In the folder that all runs share, pytest takes away the rights that this run's PostgreSQL server needs to get to its files.
    command.append(f"--basetemp={folder / 'scratch'}")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_parts_that_passed_are_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    first = run(tmp_path, workers=2)
    assert first.returncode == 1
    assert "test-long: 4 parts, 0 passed before" in first.stderr
    record = tmp_path / ".pytest-long.json"
    assert {part: ran["n"] for part, ran in json.loads(record.read_text()).items()} == {
        "test_it.py::test_good[3]": 3,
        "test_it.py::test_good[4]": 4,
    }
    (tmp_path / "mended").touch()
    second = run(tmp_path, workers=2)
    assert second.returncode == 0, second.stdout
    assert "test-long: 4 parts, 2 passed before; 2 left" in second.stderr
    assert json.loads(record.read_text())["test_it.py::test_bad"]["n"] == 7
    assert "| `test_good` | 2 | 7 |" in second.stdout
    (tmp_path / "test_it.py").write_text(TESTS.partition("def test_without")[0])
    third = run(tmp_path, workers=0)
    assert third.returncode == 0, third.stdout
    assert "test-long: 3 parts, 3 passed before; 0 left" in third.stderr
