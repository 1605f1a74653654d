from __future__ import annotations

from pathlib import Path

import pytest

from honekit.data.formats.detect import Given, detect
from honekit.data.formats.log_rows import log_rows
from honekit.errors import DataError

ALERTS = "- 11 node-3 cache line corrected\nKERNDTLB 12 node-9 data TLB error interrupt\n- 13 node-4 link up\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_alert_prefixes_are_labels_and_a_hyphen_is_none(tmp_path: Path) -> None:
    source = detect(write(tmp_path / "super.log", ALERTS))
    assert [row.value for row in source.rows()] == [
        {"label": "normal", "text": "11 node-3 cache line corrected"},
        {"label": "KERNDTLB", "text": "12 node-9 data TLB error interrupt"},
        {"label": "normal", "text": "13 node-4 link up"},
    ]
    assert source.columns is not None
    assert (source.columns.input, source.columns.answers) == ("text", ("label",))


def test_a_pattern_takes_lines_apart_and_names_those_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", "12:01 WARN pump hot\n\nrubbish\n12:02 INFO pump cool\n")
    rows = list(log_rows(path, r"^(?P<time>\S+) (?P<level>WARN|INFO) (?P<message>.*)$"))
    assert [row.value and row.value["level"] for row in rows] == ["WARN", None, "INFO"]
    assert [(row.fault.code, row.fault.line) for row in rows if row.fault] == [("data.log.no_match", 3)]


@pytest.mark.parametrize("pattern", ["(", "(?=a)(?P<label>a)", "no groups"])
def test_a_pattern_that_cannot_be_used_says_why(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(DataError) as caught:
        list(log_rows(write(tmp_path / "a.log", "a\n"), pattern))
    assert caught.value.code == "data.log.pattern"


def test_a_pattern_of_nested_repetition_runs_in_linear_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", "a" * 50_000 + "!\n")
    assert [row.fault is not None for row in log_rows(path, r"^(?P<label>(a+)+)$")] == [True]


def test_plain_lines_without_labels_are_refused_with_a_way_on(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        detect(write(tmp_path / "a.log", "pump stopped\nfan runs\n"))
    assert caught.value.code == "data.format_unknown"
    assert "--pattern" in str(caught.value)
    path = write(tmp_path / "b.log", "WARN pump stopped\nINFO fan runs\n")
    given = Given(columns=("input=text", "answer=level"), pattern=r"^(?P<level>\S+) (?P<text>.+)$")
    assert detect(path, given).format == "columns"
