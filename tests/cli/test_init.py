"""What `hone init` says at the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.cli.main import main


def test_a_table_of_questions_and_long_answers_says_how_to_tune_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pump", "valve", "gate", "lamp", "fuse", "lock"]
    texts = [(f"How is the {word} made?", f"The {word} is made of {n} parts. " * 9) for n, word in enumerate(words)]
    rows = [{"question": asked, "answer": answered} for asked, answered in texts]
    file = tmp_path / "my faq.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["init", str(tmp_path / "p"), "--from", str(file)]) == 1
    said = capsys.readouterr().out
    assert f"`hone data convert '{file}' --to chat --map input=question --map answer=answer --out chat.jsonl`" in said
    assert "`hone jobs create chat.jsonl --model smollm2-135m --watch`" in said


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        ([], "`hone init NEW_FOLDER --from YOUR_FILE`"),
        (["new"], "`hone init NEW_FOLDER --from YOUR_FILE`"),
        (["my tickets.csv"], "`hone init 'my tickets' --from 'my tickets.csv'`"),
        (["new", "--from", "my tickets.csv", "--example"], "leave one out"),
        (["my tickets.csv", "--from", "my tickets.csv"], "name a folder"),
        (["my tickets.csv/new", "--example"], "name a folder"),
    ],
)
def test_what_is_begun_wrongly_is_answered_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], mend: str
) -> None:
    (tmp_path / "my tickets.csv").write_text("text,label\n")
    monkeypatch.chdir(tmp_path)
    assert main(["init", *arguments]) == 2
    assert mend in capsys.readouterr().err


@pytest.mark.parametrize(("kinds", "is_told"), [(4, True), (20, False)])
def test_too_few_kinds_to_label_are_told_before_anybody_labels_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kinds: int, is_told: bool
) -> None:
    log = tmp_path / "device.log"
    words = [f"{chr(97 + n) * 9} {chr(98 + n) * 8} {chr(97 + n) * 7}" for n in range(kinds)]
    log.write_text("".join(f"Jan 01 03:10:{n:02d} {word} {n}\n" for n in range(2) for word in words))
    assert main(["init", str(tmp_path / "p"), "--from", str(log)]) == 1
    said = capsys.readouterr().out
    assert f"with {kinds} texts that differ" in said
    assert ("a project needs 20 texts that differ" in said) == is_told


def test_a_folder_as_source_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "tickets"
    source.mkdir()
    (source / "a.csv").write_text("text,team\n" + "".join(f"{'abcdefgh'[n % 8] * 5} {n} asks,{'xy'[n % 2]}\n" for n in range(40)))
    monkeypatch.chdir(source)
    main(["init", str(tmp_path / "p"), "--from", "."])
    printed = capsys.readouterr()
    assert not printed.out.startswith(":")
    assert "tickets: 40" in printed.out + printed.err
