"""What `hone data label` makes of its options; the page itself is driven in tests/api/label."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import tiny

from honekit.cli.data_label import Sources, open_session
from honekit.cli.main import main
from honekit.project import Project


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["FILE", "--new"],
        ["--new", "--from-log", "FILE"],
        ["--new", "--review", "FILE"],
        ["FILE", "--schema", "FILE", "--project", "FILE"],
        ["FILE", "--out", "FILE"],
    ],
)
def test_options_that_do_not_belong_together_are_wrong_usage(options: list[str], tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(3))
    before = file.read_bytes()
    assert main(["data", "label", "--no-browser", *(str(file) if part == "FILE" else part for part in options)]) == 2
    assert file.read_bytes() == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert main(["data", "label", "--no-browser", str(tmp_path / "missing.jsonl")]) == 2


def test_a_file_is_shown_with_its_findings_and_a_form_of_its_answers(tmp_path: Path) -> None:
    records = tiny.conversations(12)
    records[3]["messages"][-1]["content"] = ""
    file = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    session = open_session(Sources(file, None, False, None), None, None, None)
    try:
        assert session.out == tmp_path / "train.labelled.jsonl"
        assert [finding["code"] for finding in session.item("4")["findings"]] == ["data.assistant.empty"]
        assert session.item("4")["problems"]
        assert session.form.fields[0].kind in ("enum", "text")
    finally:
        session.close()


def test_the_file_that_init_leaves_to_label_is_taken_as_a_log(tmp_path: Path, text_project: Project) -> None:
    log = tmp_path / "a.log"
    log.write_text("the pump stopped at night\nthe belt of line two slips\n")
    assert main(["init", str(tmp_path / "p"), "--from", str(log)]) == 1
    to_label = next((tmp_path / "p").glob("*.jsonl"))
    session = open_session(Sources(None, to_label, False, None), None, text_project.root, None)
    try:
        asked = {session.item(key)["messages"][-1]["text"] for key in session.items}
        assert asked == {"Input:\nthe pump stopped at night", "Input:\nthe belt of line two slips"}
    finally:
        session.close()
