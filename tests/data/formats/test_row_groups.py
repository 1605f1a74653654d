"""Leaks by the further columns of tables."""

from __future__ import annotations

from pathlib import Path

from tests.data.checks.leakage.test_groups import leaks, questions


def table(path: Path, texts: list[str], column: str, values: list[str]) -> Path:
    rows = [
        f'{value},"{text}",{"left" if row % 2 else "right"}' for row, (value, text) in enumerate(zip(values, texts, strict=True))
    ]
    path.write_text("\n".join([f"{column},text,label", *rows]) + "\n")
    return path


def test_a_device_in_training_and_test_is_an_error(tmp_path: Path) -> None:
    train = table(tmp_path / "train.csv", questions(0, 10), "device_id", [f"pump-{k}" for k in range(10)])
    test = table(tmp_path / "test.csv", questions(10, 14), "device_id", ["pump-90", "pump-91", "pump-3", "pump-92"])
    assert leaks(train, test=test) == [("data.leak.group", "error", 5)]
    assert leaks(train, validation=test) == [("data.leak.group", "warning", 5)]


def test_a_source_counts_when_there_are_many_with_few_records(tmp_path: Path) -> None:
    train = table(tmp_path / "train.csv", questions(0, 10), "source", [f"book {k}" for k in range(10)])
    test = table(tmp_path / "test.csv", questions(10, 14), "source", ["book 20", "book 21", "book 6", "book 22"])
    assert leaks(train, test=test) == [("data.leak.group", "warning", 8)]
    kinds = table(tmp_path / "kinds.csv", questions(0, 10), "source", ["web", "mail"] * 5)
    others = table(tmp_path / "others.csv", questions(10, 14), "source", ["web", "mail"] * 2)
    assert leaks(kinds, test=others) == []


def test_the_column_that_is_read_names_no_group(tmp_path: Path) -> None:
    train = table(tmp_path / "train.csv", questions(0, 10), "n", [str(k) for k in range(10)])
    test = table(tmp_path / "test.csv", questions(10, 14), "n", [str(k) for k in range(4)])
    assert leaks(train, test=test) == []
