"""The validation and test files are checked by the same command; what is wrong there names its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.cli.main import main
from honekit.data.checks import CheckOptions
from honekit.data.formats.check import check_any

LABELS = ("billing", "shipping")
TEXTS = "late parcel|wrong sum|no invoice|paid twice|lost on the way|refund please|where is it|card refused|slow post|odd box"


def lines(labels: tuple[str, ...] = LABELS, texts: str = TEXTS) -> list[str]:
    return [
        json.dumps({"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": labels[k % len(labels)]}]})
        for k, text in enumerate(texts.split("|"))
    ]


def write(path: Path, content: list[str]) -> Path:
    path.write_text("\n".join(content) + "\n")
    return path


def test_a_broken_line_of_the_validation_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    held_out = lines(texts="the bill is odd|the van left|what a mess")
    held_out[1] = held_out[1][:30]
    train, validation = write(tmp_path / "train.jsonl", lines()), write(tmp_path / "validation.jsonl", held_out)
    result = check_any(train, CheckOptions(validation=validation))
    assert [(f.code, f.file, f.line) for f in result.errors] == [("data.json_syntax", "validation.jsonl", 2)]
    assert result.stats["errors"] == 1 and result.counts["data.json_syntax"] == 1


def test_a_short_held_out_file_is_not_too_short(tmp_path: Path) -> None:
    train, test = (
        write(tmp_path / "train.jsonl", lines()),
        write(tmp_path / "test.jsonl", lines(texts="the bill is odd|the van left")),
    )
    assert check_any(train, CheckOptions(test=test)).is_good


def test_a_label_that_only_a_held_out_file_has_is_told(tmp_path: Path) -> None:
    test = write(tmp_path / "test.jsonl", lines(("billing", "Shipping", "legal"), "the bill is odd|the van left|I will sue"))
    result = check_any(write(tmp_path / "train.jsonl", lines()), CheckOptions(test=test))
    assert [(f.code, f.file, f.line) for f in result.warnings] == [("data.labels.unseen", "test.jsonl", 3)]


def test_the_command_prints_the_file_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = write(tmp_path / "train.jsonl", lines()), write(tmp_path / "test.jsonl", ["{"])
    assert main(["data", "check", str(train), "--test", str(test)]) == 1
    assert "test.jsonl line 1" in capsys.readouterr().out
