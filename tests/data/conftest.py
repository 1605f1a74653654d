"""A small project on disk, whose files a test can spoil."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from honekit.project import Project, load_project

HONE_TOML = """
[project]
name = "pumps"
[task]
input = "log"
input_label = "Log"
instructions = "system.txt"
primary_metric = "category_macro_f1"
[[task.fields]]
name = "device"
type = "string"
nullable = true
[[task.fields]]
name = "category"
type = "enum"
values = ["Power", "Security"]
score = "macro_f1"
[[task.fields]]
name = "actions"
type = "list"
values = ["check", "replace", "wait"]
max_items = 2
score = "set_f1"
[[task.fields]]
name = "ref"
type = "string"
from_retrieval = true
[data]
train = "train.jsonl"
validation = "validation.jsonl"
test = "test.jsonl"
group = "event"
device_field = "device"
unseen_slice = "unseen"
slices = ["unseen", "hard"]
[retrieval]
documents = ["manual.md"]
label = "Manual"
k = 2
"""
TEXT_TOML = """
[project]
name = "mail"
[task]
instructions = "system.txt"
format = "text"
primary_metric = "topic_macro_f1"
[[task.fields]]
name = "topic"
type = "enum"
values = ["bill", "bug"]
score = "macro_f1"
[data]
train = "train.jsonl"
validation = "validation.jsonl"
test = "test.jsonl"
"""
MANUAL = """# Manual
## 1.1 Code P-10
The fuse is blown. Cause: fuse too small.
## 1.2 Code P-20
The door is open. Cause: lock broken.
## 1.3 Code P-30
The belt slips. Cause: belt worn.
"""
ORDINALS = (
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
)


def record(number: int, split: str, **changes: Any) -> dict[str, Any]:
    """A raw example that is no near duplicate of one with another number or split."""
    word = ORDINALS[number]
    answer = {"device": f"{split}-{word}", "category": "Power", "actions": ["check"], "ref": None}
    base = {"id": f"{split}-{number}", "log": f"{split} {word} stopped near the {word} gate {split}", "event": f"{split}{number}"}
    return {**base, "answer": {**answer, **changes.pop("answer", {})}, **changes}


Write = Callable[[str, Iterable[Any]], None]


def write_lines(path: Path, records: Iterable[Any]) -> None:
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Ten training, four validation and two test examples; one of each split names a section of the manual."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "hone.toml").write_text(HONE_TOML)
    (root / "system.txt").write_text("Diagnose.\n")
    (root / "manual.md").write_text(MANUAL)
    for split, count in (("train", 10), ("validation", 4), ("test", 2)):
        records = [record(n, split) for n in range(count)]
        records[0] = record(0, split, log=f"{split} board shows P-10 again", answer={"ref": "1.1"}, passages=True)
        write_lines(root / f"{split}.jsonl", records)
    return load_project(root)


@pytest.fixture
def text_project(tmp_path: Path) -> Project:
    root = tmp_path / "mail"
    root.mkdir()
    (root / "hone.toml").write_text(TEXT_TOML)
    (root / "system.txt").write_text("Sort.\n")
    return load_project(root)


def codes(findings: Sequence[Any]) -> set[str]:
    return {finding.code for finding in findings}
