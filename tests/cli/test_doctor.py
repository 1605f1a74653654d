from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from honekit.cli import doctor
from honekit.cli.main import main


@pytest.fixture
def with_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the base were on this machine, so that the rest is what decides."""
    monkeypatch.setattr(doctor, "_base", lambda: ({"id": "smollm2-135m", "local": True, "path": "/bases/x"}, []))


def _examined(capsys: pytest.CaptureFixture[str], code: int, *options: str) -> dict[str, Any]:
    assert main(["doctor", "--json", *options]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    # A GPU that this torch cannot use is told besides, and is no concern of these tests.
    document["findings"] = [finding for finding in document["findings"] if finding["code"] != "doctor.gpu_unused"]
    return document


@pytest.mark.usefixtures("with_base")
def test_it_tells_what_this_machine_has_and_how_fast_it_is(capsys: pytest.CaptureFixture[str], hone_home: Path) -> None:
    shown = _examined(capsys, 0)
    assert shown["ready"] is True
    assert shown["machine"]["cores"] >= 1
    assert shown["machine"]["memory_bytes"] > 1e8
    assert shown["machine"]["data_dir"] == str(hone_home)
    assert shown["speed"]["fp32_gflops"] > 0.5
    assert shown["speed"]["memory_gb_s"] > 0.1
    assert shown["speed"]["precision"] in ("fp32", "bf16")
    assert all(shown["versions"].values())


@pytest.mark.usefixtures("with_base")
def test_the_self_test_runs_a_real_job(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _examined(capsys, 0, "--self-test")
    assert shown["self_test"]["right"] is True
    from honekit import jobs

    (job,) = jobs.list_jobs(limit=5)
    assert (job.kind, job.status) == ("selftest", "succeeded")


def test_a_missing_base_is_told_with_the_command_that_gets_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from honekit.models import wheel

    monkeypatch.setattr(wheel, "find_gguf", lambda _wheel: None)
    assert main(["doctor"]) == 1
    captured = capsys.readouterr()
    assert "measured" in captured.out
    assert "`hone bases get smollm2-135m`" in captured.err


def test_a_base_that_is_only_unconverted_stops_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from honekit.models import wheel

    monkeypatch.setattr(wheel, "find_gguf", lambda _wheel: tmp_path / "model.gguf")
    shown = _examined(capsys, 0)
    assert [(f["code"], f["essential"]) for f in shown["findings"]] == [("doctor.base", False)]


def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=1_000_000_000, available=500_000_000))


def _little_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100_000_000))


def _missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (*doctor.PACKAGES, "a-package-that-nobody-has"))


@pytest.mark.usefixtures("with_base")
@pytest.mark.parametrize(
    ("spoil", "code"),
    [(_little_memory, "doctor.memory"), (_little_disk, "doctor.disk"), (_missing_package, "doctor.packages")],
)
def test_what_stops_every_job_is_named_and_exits_with_1(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[pytest.MonkeyPatch], None],
    code: str,
) -> None:
    spoil(monkeypatch)
    shown = _examined(capsys, 1)
    assert shown["ready"] is False
    (finding,) = shown["findings"]
    assert (finding["code"], finding["essential"]) == (code, True)
    assert finding["mend"]


@pytest.mark.usefixtures("with_base")
def test_a_device_that_is_not_there_is_a_finding(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for options in (["--device", "cuda"], []):
        monkeypatch.setenv("HONE_DEVICE", "" if options else "cuda")
        shown = _examined(capsys, 1, *options)
        assert [finding["code"] for finding in shown["findings"]] == ["doctor.device"]
        assert shown["machine"]["cores"] >= 1
    assert _examined(capsys, 0, "--device", "cpu")["speed"]["device"] == "cpu"


@pytest.mark.usefixtures("with_base")
def test_a_damaged_database_is_a_finding(capsys: pytest.CaptureFixture[str], hone_home: Path) -> None:
    hone_home.mkdir()
    (hone_home / "hone.db").write_text("this is no database at all, however long it may be " * 40)
    (finding,) = _examined(capsys, 1)["findings"]
    assert finding["code"] == "doctor.database"
    assert "hone.db" in finding["what"]


def test_a_damaged_base_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    from tests import tiny

    from honekit.models.bases import base_directory

    base = tiny.save_base(base_directory("smollm2-135m"))
    assert _examined(capsys, 0)["base"] == {"id": "smollm2-135m", "local": True, "path": str(base)}
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (finding,) = _examined(capsys, 1)["findings"]
    assert (finding["code"], finding["essential"]) == ("doctor.base", True)
    assert str(base) in finding["mend"]
