"""Suites that are refused name the line, the key and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from honekit.errors import EvalError
from honekit.evals.suites import load_suite

SUITE = """name = "n"
data = "items.jsonl"
[[messages]]
role = "user"
content = "{{item.line}}"
[[criteria]]
type = "regex"
name = "c"
pattern = "."
"""
ROW = b'{"line": "a"}\n'


def load(folder: Path, suite: str = SUITE, data: bytes = ROW) -> Any:
    (folder / "items.jsonl").write_bytes(data)
    (folder / "suite.toml").write_bytes(suite.encode())
    return load_suite(folder / "suite.toml")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pattern", "patern", "line 9: criteria[1].patern: there is no such key; did you mean `pattern`?"),
        ("pattern", "patern", "line 6: criteria[1].pattern: is missing"),
        ('"regex"', '"regexp"', "line 6: criteria[1]: there is no type 'regexp'; did you mean 'regex'?"),
        ("data", "dta", "line 2: dta: there is no such key; did you mean `data`?"),
        ("{{item.line}}", "{{item.line", "line 5: messages[1].content: '{{' at character 0 is never closed"),
        ("{{item.line}}", "{{sample.output_text}}", "line 3: messages: '{{sample.output_text}}' is the answer"),
        ("[[criteria]]", "[sampling]\nmax_tokens = 5\n[[criteria]]", "line 7: sampling.max_tokens: there is no such key"),
        ("[[criteria]]", '[judge]\nendpoint = "x"\n[[criteria]]', "line 7: judge.endpoint: is no address of a server"),
        (".", '.\"\n[[criteria]]\ntype = \"regex\"\nname = \"c\"\npattern = \"x', "criteria: two criteria are called 'c'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_suite_names_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    changed = new.replace('\\"', '"').join(SUITE.rsplit(old, 1))
    with pytest.raises(EvalError) as caught:
        load(tmp_path, changed)
    assert caught.value.code == "evals.suite_invalid" and told in caught.value.what


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (b'{"item": {"a": 1}, "sample": "x"}', "`sample` is no object"),
        (b'{"item": {"a": 1}, "sample": {"text": "x"}}', "`sample` has neither"),
        (b'{"item": {"a": 1}, "sample": {"output_text": 5}}', "`sample.output_text` is no text"),
        (b'{"item": {"a": 1}, "sample": {"output_text": "x", "output_tools": {}}}', "no list of calls"),
        (b'{"item": {"a": 1}, "sample": {"output_text": "x"}, "id": "7"}', "stands id"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b'{"a": "\xe9"}', "not UTF-8"),
        (b"[1]", "no JSON object"),
    ],
)
def test_a_fault_of_a_row_names_its_line(tmp_path: Path, row: bytes, told: str) -> None:
    with pytest.raises(EvalError) as caught:
        load(tmp_path, data=ROW + row)
    assert (caught.value.code, str(caught.value.where)[-2:]) == ("evals.row", ":2") and told in caught.value.what


def test_rows_are_plain_or_have_their_answers(tmp_path: Path) -> None:
    data = b'{"item": {"a": 1}, "sample": {"output_tools": []}}\n{"item": {"a": 1}, "note": "x"}\n{"item": "a", "sample": "b"}\n'
    rows = load(tmp_path, data=data).rows
    assert [row.given for row in rows] == [{"output_tools": []}, None, None]
    assert rows[1].item == {"item": {"a": 1}, "note": "x"}


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(load(tmp_path, "\ufeff" + SUITE, b"\xef\xbb\xbf" + ROW).rows) == 1
