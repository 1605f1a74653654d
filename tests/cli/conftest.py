"""Files to train on, and running a command as a user does, in this process or against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import tiny

from honekit.cli.main import main

Hone = Callable[..., Any]


@pytest.fixture
def hone(capsys: pytest.CaptureFixture[str]) -> Hone:
    """Run a command with --json and give back its document; `code` is the exit code that it must have."""

    def run(*arguments: str | Path, code: int = 0) -> Any:
        capsys.readouterr()
        done = main([*map(str, arguments), "--json"])
        printed = capsys.readouterr()
        assert done == code, printed
        assert "Traceback" not in printed.err
        return json.loads(printed.out)

    return run


@pytest.fixture
def training(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(12))


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "valid.jsonl", tiny.conversations(10, seed=1))


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of a few thousand weights, trained in a moment."""
    return tiny.save_base(tmp_path_factory.mktemp("small") / "small")
