from __future__ import annotations

import os
import sys

import pytest

from honekit.cli.main import main
from honekit.errors import ModelError, SettingsError
from honekit.models.precision import resolve_device


@pytest.mark.parametrize(
    "command",
    [
        ["chat", "smollm2-135m"],
        ["run"],
        ["demo"],
        ["serve"],
        ["iot", "diagnose", "x"],
        ["eval", "run", "suite.toml", "--model", "m"],
        ["eval", "robustness", "suite.toml", "--model", "m"],
        ["eval", "guard", "--model", "m"],
        ["decide", "measure"],
        ["decide", "curve"],
        ["jobs", "create", "train.jsonl", "--model", "m"],
        ["jobs", "watch", "ftjob-x", "--run"],
        ["jobs", "resume", "ftjob-x", "--wait"],
        ["doctor"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_every_command_that_computes_refuses_a_device_that_there_is_not(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--device", "tpu"]) != 0
    told = capsys.readouterr().err
    assert "there is no device 'tpu'" in told
    assert "cuda" in told


def test_a_device_is_meant_for_all_that_a_command_starts() -> None:
    assert main(["chat", "no-such-model", "--device", "cpu"]) != 0
    assert os.environ["HONE_DEVICE"] == "cpu"
    assert resolve_device("auto").type == "cpu"


def test_a_device_of_the_environment_is_checked_like_one_of_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_DEVICE", "tpu")
    with pytest.raises(SettingsError) as caught:
        resolve_device("auto")
    assert caught.value.where == "HONE_DEVICE"
    monkeypatch.setenv("HONE_DEVICE", "cuda" if sys.platform == "darwin" else "mps")
    with pytest.raises(ModelError) as absent:
        resolve_device("auto")
    assert (absent.value.code, absent.value.where) == ("model.device_absent", "HONE_DEVICE")
    assert resolve_device("cpu").type == "cpu"
