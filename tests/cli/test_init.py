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
