from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honekit.cli.main import main
from honekit.data.completions import check_completion_file, holds_completions, read_completion_file
from honekit.data.rows import read_rows
from honekit.errors import DataError

from .conftest import codes, write_lines


def text(number: int, **extra: Any) -> dict[str, Any]:
    return {"prompt": f"{number} + 1 =", "completion": f" {number + 1}", **extra}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "texts.jsonl"


def test_a_good_file_is_read_whole_and_a_prompt_may_be_empty(file: Path) -> None:
    write_lines(file, [*(text(n, id=n) for n in range(9)), {"prompt": "", "completion": "Once"}])
    result = check_completion_file(file)
    assert result.is_good and not result.warnings
    assert (result.records, result.stats["trained_messages"]) == (10, 10)
    assert [one.line for one in read_completion_file(file)] == list(range(1, 11))
    assert [row.answer for row in read_rows(file)][-1] == "Once"


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ("{", "data.json_syntax", "column"),
        ("[1]", "data.record", ""),
        ({"messages": [{"role": "user", "content": "a"}]}, "data.record", "messages"),
        ({"prompt": "a"}, "data.prompt_completion.completion_missing", "completion"),
        ({"prompt": 3, "completion": "b"}, "data.prompt_completion.prompt_type", "prompt"),
        ({"prompt": "a", "completion": ["b"]}, "data.prompt_completion.completion_type", "completion"),
        ({"prompt": "a", "completion": ""}, "data.assistant.empty", "completion"),
    ],
)
def test_each_fault_is_found_at_its_line_and_field(file: Path, line: Any, code: str, field: str) -> None:
    write_lines(file, [*(text(n) for n in range(10)), line])
    (finding,) = check_completion_file(file).errors
    assert (finding.line, finding.code) == (11, code)
    assert finding.field.startswith(field)
    assert finding.fix
    with pytest.raises(DataError, match=r"texts\.jsonl:11"):
        read_completion_file(file)


def test_warnings_leave_the_file_usable(file: Path) -> None:
    write_lines(file, [*(text(n) for n in range(10)), text(0), "", text(11, prompts="x")])
    result = check_completion_file(file)
    assert result.is_good
    assert codes(result.warnings) == {"data.duplicate", "data.blank_line", "data.key_unknown"}


@pytest.mark.parametrize(
    ("lines", "are_completions"),
    [
        (["{", "", text(1)], True),
        ([{"messages": [], "prompt": "a", "completion": "b"}], False),
        ([{"prompt": "a", "response": "b"}], False),
        ([{"messages": []}, text(1)], False),
        ([], False),
    ],
)
def test_the_first_record_says_what_a_file_holds(file: Path, lines: list[Any], are_completions: bool) -> None:
    write_lines(file, lines)
    assert holds_completions(file) is are_completions


def test_the_check_says_that_jobs_take_such_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "joist"]
    rows = [{"prompt": f"What grows beside the {word}?", "completion": f"Beside the {word} grows moss."} for word in words]
    file.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    assert main(["data", "check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "jobs take it as texts that /v1/completions goes on with" in said
    assert "data.blank_line  × 9" in said
