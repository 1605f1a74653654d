from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from honekit.cli.bases import app
from honekit.errors import ModelError

runner = CliRunner()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "home"))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    save_file({"w": torch.ones(2)}, folder / "model.safetensors")
    return folder


def test_list_is_one_json_document_that_names_the_embedded_base() -> None:
    result = runner.invoke(app, ["list", "--json"])
    assert result.exit_code == 0
    entries = {entry["id"]: entry for entry in json.loads(result.stdout)["bases"]}
    assert entries["smollm2-135m"]["licence"] == "Apache-2.0"
    assert entries["smollm2-135m"]["local"] is False
    assert len(entries["smollm2-135m"]["sha256"]["gguf"]) == 64


def test_list_prints_a_table() -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0
    assert "smollm2-135m" in result.stdout and "8,192" in result.stdout


def test_show_tells_the_fingerprint_of_a_directory(base: Path) -> None:
    result = runner.invoke(app, ["show", str(base), "--json"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert (shown["local"], shown["path"], len(shown["fingerprint"])) == (True, str(base), 16)
    plain = runner.invoke(app, ["show", str(base)])
    assert shown["fingerprint"] in plain.stdout


def test_show_of_a_base_that_is_not_here_names_the_command_that_fetches_it() -> None:
    result = runner.invoke(app, ["show", "smollm2-135m"])
    assert result.exit_code == 0
    assert "hone bases get smollm2-135m" in result.stdout
    assert "4-bit" in result.stdout
    assert "float32 538 MB" in result.stdout
    assert "134,515,008" in result.stdout


def test_show_of_an_unknown_name_is_an_error() -> None:
    result = runner.invoke(app, ["show", "smolm2"])
    assert isinstance(result.exception, ModelError)
    assert result.exception.code == "model.unknown_base"


def test_get_of_a_directory_only_checks_it(base: Path) -> None:
    result = runner.invoke(app, ["get", str(base), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["path"] == str(base)
    (base / "own.py").write_text("")
    refused = runner.invoke(app, ["get", str(base)])
    assert isinstance(refused.exception, ModelError) and refused.exception.code == "model.custom_code"


@pytest.mark.parametrize("command", ["list", "get", "show"])
def test_every_command_explains_itself_with_examples(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"hone bases {command}" in result.stdout
    assert "--json" in result.stdout
