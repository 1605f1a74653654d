"""`hone data fix` and the held-out files of `hone data check`, through the command line's own entry point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.cli.main import main

LINE = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "a"}]}\n'


def _write(path: Path, *users: str) -> Path:
    path.write_text("".join(LINE % user for user in users))
    return path


def test_fix_writes_a_new_file_and_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(tmp_path / "train.jsonl", "one", "one", "two")
    assert main(["data", "fix", str(file)]) == 0
    assert (tmp_path / "train.fixed.jsonl").read_text() == LINE % "one" + LINE % "two"
    out = capsys.readouterr().out
    assert "1 x data.duplicate" in out
    assert "train.fixed.changes.jsonl" in out
    assert main(["data", "fix", str(file)]) != 0
    assert "data.fix.exists" in capsys.readouterr().err


def test_fix_exits_1_when_errors_are_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(tmp_path / "train.jsonl", "one", "")
    assert main(["data", "fix", str(file), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["files"][0]["left"][0]["code"] == "data.content.empty"
    assert main(["data", "fix", str(file), "--drop-broken", "--out", str(tmp_path / "clean.jsonl")]) == 0
    assert (tmp_path / "clean.jsonl").read_text() == LINE % "one"
    assert json.loads((tmp_path / "clean.rejected.jsonl").read_text())["line"] == 2


def test_a_key_file_makes_pseudonyms_of_two_runs_agree(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a key of this team\n")
    texts = []
    for name, users in (("a", ["first@gmx.de", "jane@gmx.de"]), ("b", ["jane@gmx.de"])):
        file = _write(tmp_path / f"{name}.jsonl", *users)
        assert main(["data", "fix", str(file), "--redact", "--key-file", str(key)]) == 0
        texts.append((tmp_path / f"{name}.fixed.jsonl").read_text().splitlines()[-1])
    assert texts[0] == texts[1]
    assert "@example.com" in texts[0]


@pytest.mark.parametrize("arguments", [["--out", "x.jsonl", "second.jsonl"], ["--key-file", "key"]])
def test_arguments_that_do_not_go_together_are_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    file = _write(tmp_path / "train.jsonl", "one")
    assert main(["data", "fix", str(file), *arguments]) == 2


def test_check_fails_on_a_leak_into_the_test_set_and_only_warns_of_one_into_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = [
        f"Where does the {word} belong?"
        for word in ["lamp", "chair", "table", "fork", "spoon", "knife", "plate", "glass", "rug", "sofa"]
    ]
    train, held_out = _write(tmp_path / "train.jsonl", *users), _write(tmp_path / "held-out.jsonl", users[3])
    assert main(["data", "check", str(train), "--validation", str(held_out), "--json"]) == 0
    warnings = [f["code"] for f in json.loads(capsys.readouterr().out)["warnings"]]
    assert [code for code in warnings if code.startswith("data.leak")] == ["data.leak.exact"]
    assert main(["data", "check", str(train), "--test", str(held_out), "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert (error["code"], error["line"]) == ("data.leak.exact", 4)
    assert "held-out.jsonl:1" in error["message"]
