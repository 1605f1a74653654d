from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from honekit.api.auth import verify
from honekit.cli.keys import app
from honekit.cli.main import main


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_shown_once_listed_and_revoked() -> None:
    assert "No keys yet" in run("list")
    made = json.loads(run("create", "--name", "laptop [x]", "--json"))
    assert verify(made["key"]) is not None
    assert made["key"] not in run("list")
    assert made["key"] not in run("list", "--json")
    assert "laptop [x]" in run("list")
    assert json.loads(run("revoke", made["id"], "--json"))["revoked_at"] > 0
    assert verify(made["key"]) is None
    assert "revoked" in run("list")


def test_stdout_is_the_key_alone() -> None:
    printed = run("create")
    assert verify(printed.strip()) is not None


def test_an_unknown_key_is_an_error_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "revoke", "key_x", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "serve.unknown_key"


def test_a_name_that_no_database_keeps_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--name", "n" * 256, "--json"]) != 0
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "serve.key_name"
    run("create", "--name", "n" * 255)
