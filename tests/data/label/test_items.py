from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import tiny

from honekit.data.label import items_of_chat, items_of_log, with_review
from honekit.errors import DataError
from honekit.project import Project


def test_a_line_that_is_no_record_is_kept_as_a_text_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n\n{"messages": [\n{"messages": []}\n')
    items = items_of_chat(file)
    assert [item.key for item in items] == ["1", "3", "4"]
    assert items[0].note == ""
    assert items[1].record["messages"][0]["content"] == '{"messages": ['
    assert all("no chat record" in item.note for item in items[1:])


def test_alike_lines_of_a_log_are_shown_once(tmp_path: Path, text_project: Project) -> None:
    file = tmp_path / "gw.log"
    file.write_text("".join(f"gw-{n} lost its uplink after {n} retries\n" for n in range(9)) + "door opened by hand at noon\n")
    items = items_of_log(file, text_project)
    assert [item.line for item in items] == [1, 10]
    assert items[0].record["messages"] == [
        {"role": "system", "content": "Sort."},
        {"role": "user", "content": "Input:\ngw-0 lost its uplink after 0 retries"},
    ]


def test_a_review_gives_the_order_and_the_suggestion(tmp_path: Path) -> None:
    items = items_of_chat(tiny.write_jsonl(tmp_path / "a.jsonl", tiny.conversations(5)))
    review = tmp_path / "suspects.jsonl"
    review.write_text(
        '{"line": 4, "given": "red", "suggested": "blue", "score": 0.9}\n{"line": 2, "given": "x", "suggested": "y"}\n'
    )
    found = with_review(items, review)
    assert [(item.line, item.suggested, item.score) for item in found if item.is_suspect] == [(4, "blue", 0.9), (2, "y", None)]
    assert [item.line for item in found] == [4, 2, 1, 3, 5]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"line": 99}', '{"line": "1"}'])
def test_a_review_of_another_file_is_refused(line: str, tmp_path: Path) -> None:
    items = items_of_chat(tiny.write_jsonl(tmp_path / "a.jsonl", tiny.conversations(3)))
    (tmp_path / "r.jsonl").write_text(json.dumps({"line": 1, "suggested": "x"}) + f"\n{line}\n")
    with pytest.raises(DataError) as caught:
        with_review(items, tmp_path / "r.jsonl")
    assert caught.value.code == "data.review"
    assert str(caught.value.where).endswith("r.jsonl:2")
