from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from honekit.data.lines import MAX_LINE_BYTES, decode_json, read_lines, shown, syntax_finding


def test_a_fifty_megabyte_line_is_skipped_in_bounded_memory_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(b"first\n")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast")
    tracemalloc.start()
    lines = list(read_lines(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [line.text for line in lines] == ["first", None, "last"]
    assert lines[1].fault is not None
    assert lines[1].fault.code == "data.line_too_long"
    assert peak < 6 * MAX_LINE_BYTES


def test_a_line_of_just_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "limit.jsonl"
    path.write_bytes(b"x" * MAX_LINE_BYTES + b"\n" + b"y" * (MAX_LINE_BYTES + 1))
    first, second = read_lines(path)
    assert first.text is not None
    assert second.fault is not None


def test_windows_line_ends_and_a_byte_order_mark_are_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "win.jsonl"
    path.write_bytes(b"\xef\xbb\xbf{}\r\n\r\n[]")
    assert [line.text for line in read_lines(path)] == ["{}", "", "[]"]


def test_utf16_is_one_finding_not_one_per_line(tmp_path: Path) -> None:
    path = tmp_path / "wide.jsonl"
    path.write_bytes("{}\n{}\n".encode("utf-16"))
    (line,) = read_lines(path)
    assert line.fault is not None
    assert line.fault.code == "data.not_utf8"


@pytest.mark.parametrize(
    "text", ['{"a": 1} x', '{"a": 1, "a": 2}', "Infinity", "-Infinity", '"\\ud800"', "[" * 100_000, "1" * 5000, ""]
)
def test_what_is_not_strict_json_is_refused_and_explained(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any kind of ValueError is the contract)
        decode_json(text)
    assert syntax_finding(1, text).code == "data.json_syntax"


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert decode_json('"\\ud83d\\ude00"') == "😀"


def test_values_in_messages_are_cut_short() -> None:
    assert len(shown("secret " * 100)) <= 42
    assert "\n" not in shown("a\nb")
