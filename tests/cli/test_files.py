"""`hone files` on this machine's own data, through the real application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honekit.api.openai import files as routes
from honekit.cli import uploading
from honekit.cli.main import main
from honekit.store import files as store


def test_a_file_is_uploaded_listed_shown_read_and_deleted(hone: Any, training: Path, tmp_path: Path) -> None:
    made = hone("files", "upload", training)["files"][0]
    assert (made["object"], made["filename"], made["purpose"]) == ("file", "train.jsonl", "fine-tune")
    assert hone("files", "list")["files"] == [made]
    assert hone("files", "list", "--purpose", "batch")["files"] == []
    assert hone("files", "show", made["id"]) == made
    written = hone("files", "content", made["id"], "-o", tmp_path / "copy")
    assert written["bytes"] == made["bytes"]
    assert (tmp_path / "copy").read_bytes() == training.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["copy", "train.jsonl"]
    assert hone("files", "delete", made["id"])["deleted"] is True
    assert hone("files", "list")["files"] == []


def test_without_json_people_get_lines(training: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["files", "list"]) == 0
    assert b"No files yet" in capsysbinary.readouterr().out
    assert main(["files", "upload", str(training)]) == 0
    file_id = capsysbinary.readouterr().out.split()[0].decode()
    assert main(["files", "content", file_id]) == 0
    assert capsysbinary.readouterr().out == training.read_bytes()
    assert main(["files", "list"]) == 0
    assert file_id.encode() in capsysbinary.readouterr().out


def test_several_files_go_in_one_call(hone: Any, training: Path, validation: Path) -> None:
    assert [file["filename"] for file in hone("files", "upload", training, validation)["files"]] == ["train.jsonl", "valid.jsonl"]


def test_a_large_file_goes_in_parts(hone: Any, training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "ONE_REQUEST_BYTES", 1000)
    monkeypatch.setattr(uploading, "PART_BYTES", 300)
    made = hone("files", "upload", training)["files"][0]
    assert made["object"] == "file"
    kept = store.get("default", made["id"])
    assert kept is not None
    assert kept.path.read_bytes() == training.read_bytes()


@pytest.mark.parametrize(
    ("given", "seconds"), [("3600", 3600), ("90m", 5400), ("12h", 43_200), ("7d", 604_800), ("30 d", 2_592_000)]
)
@pytest.mark.parametrize("in_parts", [False, True])
def test_a_file_may_have_its_time(
    hone: Any, training: Path, given: str, seconds: int, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_parts:
        monkeypatch.setattr(uploading, "ONE_REQUEST_BYTES", 1000)
    made = hone("files", "upload", training, "--expires-after", given)["files"][0]
    assert abs(made["expires_at"] - made["created_at"] - seconds) <= 1
    assert hone("files", "show", made["id"]) == made


def test_when_a_file_expires_is_shown(training: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "upload", str(training), "--expires-after", "7d"]) == 0
    assert "  until 20" in capsys.readouterr().out
    assert main(["files", "list"]) == 0
    assert "expires" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["soon", "7w", "-1", "59m", "31d", "1.5h"])
def test_a_time_that_is_none_or_out_of_bounds_is_wrong_usage(hone: Any, training: Path, given: str) -> None:
    error = hone("files", "upload", training, f"--expires-after={given}", code=2)["error"]
    assert "--expires-after" in error["what"]
    assert hone("files", "list")["files"] == []


def test_a_list_is_gone_through_in_pieces(hone: Any, training: Path) -> None:
    made = [hone("files", "upload", training)["files"][0]["id"] for _ in range(3)][::-1]
    first = hone("files", "list", "--limit", "2")["files"]
    assert [file["id"] for file in first] == made[:2]
    assert [file["id"] for file in hone("files", "list", "--after", made[1])["files"]] == made[2:]
    assert hone("files", "list", "--after", "file-none", code=2)["error"]["code"] == "api.file_not_found"


def test_the_limits_are_those_of_the_server() -> None:
    assert uploading.ONE_REQUEST_BYTES == routes.MAX_FILE_BYTES
    assert uploading.PART_BYTES == routes.MAX_PART_BYTES


def test_a_bar_appears_only_for_what_takes_long(
    training: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["files", "upload", str(training)]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(uploading, "BAR_AFTER_S", 0.0)
    assert main(["files", "upload", str(training)]) == 0
    assert "train.jsonl, MB" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("files", "show", "file-nothing"),
        ("files", "content", "file-nothing", "-o", "x"),
        ("files", "delete", "file-nothing"),
    ],
)
def test_a_file_that_is_not_there_is_said_in_words_of_the_terminal(hone: Any, arguments: tuple[str, ...]) -> None:
    error = hone(*arguments, code=2)["error"]
    assert (error["code"], error["what"]) == ("api.file_not_found", "there is no file 'file-nothing'")
    assert error["where"] == "project 'default' on this machine"
    assert "hone files list" in error["mend"]
    assert not Path("x").exists()


def test_what_cannot_be_read_or_written_is_named(hone: Any, training: Path, tmp_path: Path) -> None:
    assert hone("files", "upload", tmp_path / "nothing", code=2)["error"]["code"] == "data.file_missing"
    assert hone("files", "upload", tmp_path, code=1)["error"]["code"] == "data.unreadable"
    assert hone("files", "upload", training, "--purpose", "poetry", code=2)["error"]["where"] == "--purpose"
    file_id = hone("files", "upload", training)["files"][0]["id"]
    assert hone("files", "content", file_id, "-o", tmp_path / "no" / "folder", code=1)["error"]["code"] == "store.write_failed"


def test_projects_see_their_own_files_only(hone: Any, training: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_PROJECT", "team-a")
    made = hone("files", "upload", training)["files"][0]
    monkeypatch.setenv("HONE_PROJECT", "team-b")
    assert hone("files", "list")["files"] == []
    assert hone("files", "show", made["id"], code=2)["error"]["code"] == "api.file_not_found"
    monkeypatch.setenv("HONE_PROJECT", "Team A")
    assert hone("files", "list", code=2)["error"]["code"] == "serve.project_name"


def test_a_damaged_store_is_told_to_its_owner_with_the_cause(
    hone: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HONE_DATABASE_URL", f"sqlite:///{tmp_path}/missing/hone.db")
    error = hone("files", "list", code=1)["error"]
    assert error["code"].startswith("store.")
    assert "missing" in json.dumps(error)
    assert caplog.records == []
