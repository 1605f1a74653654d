"""S6 and S7: whatever the bytes are, the check ends soon, in bounded memory, with the fault at its line and offset."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import strategies as st
from tests.fuzzing import fuzz
from tests.tiers import seconds as in_seconds

from honekit.data import blocks
from honekit.data.blocks import MAX_SKIPPED_BYTES, read_blocks
from honekit.data.checks.run import check_file
from honekit.data.lines import read_lines
from honekit.data.records import CheckResult

MAX_RSS_MB = 300
CAP_S = 20.0
"""Far above what any of these takes: a machine may be busy, but nothing may hang."""


def record(number: int) -> dict[str, Any]:
    question, answer = f"Where is shelf {number} of the depot?", f"Shelf {number} stands in aisle {number % 7}."
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def good(first: int = 0, count: int = 10) -> bytes:
    return b"".join(json.dumps(record(n)).encode() + b"\n" for n in range(first, first + count))


def structure(path: Path) -> CheckResult:
    return check_file(path, checks=())


def told(result: CheckResult) -> list[tuple[str, int]]:
    return [(finding.code, finding.line) for finding in result.errors]


BOMBS: dict[str, Callable[[], bytes]] = {
    "nesting": lambda: b"[" * 1_000_000,
    "nested objects": lambda: b'{"a":' * 500_000,
    "nesting in a content": lambda: b'{"messages": [{"role": "user", "content": ' + b"[" * 1_000_000,
    "nesting in an unknown key": lambda: b'{"messages": [], "x": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "keys": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
    "a million keys": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(1_000_000)) + b"}",
    "keys beside messages": lambda: b'{"messages":[],' + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
    "a late key twice": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b',"k299999":2}',
    "digits": lambda: b'{"messages": ' + b"1" * 100_000 + b"}",
    "digits as content": lambda: b'{"messages": [{"role": "user", "content": ' + b"1" * 3_000_000 + b"}]}",
    "exponent": lambda: b'{"messages": 1e999999999}',
    "lone surrogate": lambda: b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "encoded surrogate": lambda: b'{"messages": [{"role": "user", "content": "\xed\xa0\x80"}]}',
    "messages of numbers": lambda: b'{"messages": [' + b",".join([b"1"] * 1_000_000) + b"]}",
    "empty messages": lambda: b'{"messages": [' + b",".join([b'{"role":"user","content":""}'] * 100_000) + b"]}",
    "unknown roles": lambda: b'{"messages": [' + b",".join(b'{"role":"r%d","content":"x"}' % n for n in range(100_000)) + b"]}",
    "nul bytes": lambda: b"\0" * 1_000_000,
    "one long line": lambda: b"x" * 6_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error_of_its_line_and_the_next_line_is_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bomb.jsonl"
    file.write_bytes(good() + BOMBS[name]() + b"\n" + good(10, 1) + b"{\n")
    begun = time.monotonic()
    result = structure(file)
    assert time.monotonic() - begun < CAP_S
    assert {line for _, line in told(result)} == {11, 13}
    assert result.stats["trained_messages"] >= 11


def test_files_in_one_line_a_cr_alone_apart_are_told_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "mac.jsonl"
    file.write_bytes(good().replace(b"\n", b"\r"))
    (finding, _) = structure(file).errors
    assert (finding.code, finding.line) == ("data.json_syntax", 1)
    assert "tr " in finding.fix


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(good())
        file.truncate(size)


def test_a_line_without_end_is_told_with_its_offset_and_the_rest_is_left_unread(tmp_path: Path) -> None:
    file = tmp_path / "endless.jsonl"
    sparse(file, 3 * MAX_SKIPPED_BYTES)
    (finding,) = structure(file).errors
    assert (finding.code, finding.line) == ("data.line_too_long", 11)
    assert f"begins at byte {len(good())}" in finding.message
    assert "nothing after byte" in finding.message


PEAK = (
    "import re, resource, sys; from pathlib import Path; from honekit.data.checks.run import check_file\n"
    "result = check_file(Path(sys.argv[1]), checks=())\n"
    # Where there is no /proc: what else there is begins with the peak of the process that started this one.
    "status = Path('/proc/self/status')\n"
    "peak = re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1] if status.exists() else "
    "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
    "print([f.code for f in result.errors], int(peak) // 1024)"
)


def peak(file: Path) -> tuple[str, int]:
    """What a process of its own says of the file, and its memory in MB."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, check=True, timeout=120)
    told, _, memory = done.stdout.strip().rpartition(" ")
    return told, int(memory)


@pytest.mark.parametrize("size", [pytest.param(1 << 30), pytest.param(10 << 30, marks=pytest.mark.long)])
def test_gigabytes_in_one_line_stay_in_bounded_memory(size: int, tmp_path: Path) -> None:
    file = tmp_path / "sparse.jsonl"
    sparse(file, size)
    codes, memory = peak(file)
    assert codes == "['data.line_too_long']"
    assert memory < MAX_RSS_MB


def test_a_gzip_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "bomb.jsonl.gz"
    piece = gzip.compress((b"\n" * 99_999 + b"1") * 100)
    file.write_bytes(gzip.compress(good()) + piece * 4)
    codes, memory = peak(file)
    assert "data.breaks_off" in codes
    assert memory < MAX_RSS_MB


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_packed_file_is_read_and_a_damaged_one_told_with_its_line(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "train.dat"
    file.write_bytes(pack(good(0, 30)))
    assert structure(file).records == 30
    assert structure(file).is_good
    monkeypatch.setattr(blocks, "_CHUNK_BYTES", 512)
    noise = random.Random(5).randbytes(400_000).hex().encode()
    packed = pack(good(0, 30) + noise)
    file.write_bytes(packed[: len(packed) // 2])
    (finding,) = [one for one in structure(file).errors if one.code == "data.breaks_off"]
    assert finding.line == 31
    assert "cannot be unpacked" in finding.message


LINE = (
    st.binary(max_size=60)
    | st.integers(0, 20).map(lambda n: json.dumps(record(n)).encode())
    | st.sampled_from([b"", b"\r", b"[", b"{", b"\xef\xbb\xbf", b"\xff\xfe", b"null", b'{"messages":[]}', b"\0", b"\x1f\x8b"])
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    ).map(lambda value: json.dumps({"messages": value}).encode())
)


@in_seconds(6, 600, 86_400)
def test_any_bytes_are_checked_without_a_crash_and_lines_are_numbered_right(
    tmp_path: Path, seconds: int, record_property: Callable[[str, object], None]
) -> None:
    file = tmp_path / "any.jsonl"
    file.write_bytes(good())
    structure(file)  # what it imports counts for no input

    def check(lines: list[bytes]) -> None:
        data = b"\n".join(lines)
        file.write_bytes(data)
        result = structure(file)
        assert all(0 <= finding.line <= data.count(b"\n") + 1 for finding in [*result.errors, *result.warnings])
        text = data.removeprefix(b"\xef\xbb\xbf")
        if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) and not text.startswith((b"\xff\xfe", b"\xfe\xff")):
            expected = text.replace(b"\r\n", b"\n").split(b"\n")
            expected = [*expected[:-1], *([expected[-1].removesuffix(b"\r")] if expected[-1] else [])]
            found = [line for block in read_blocks(file) for line in block.lines]
            assert found == expected or found == [*expected, b""]
            assert [line.number for line in read_lines(file)] == list(range(1, len(found) + 1))

    record_property("n", fuzz(seconds, st.lists(LINE, max_size=8), check))


@pytest.mark.parametrize("range_bytes", [1, 7, 64, 300])
def test_ranges_give_the_lines_that_begin_in_them_each_once(range_bytes: int, tmp_path: Path) -> None:
    file = tmp_path / "ranges.jsonl"
    data = good(0, 12) + b"\n\n" + good(12, 3).rstrip(b"\n")
    file.write_bytes(data)

    def lines(ranges: Iterable[tuple[int, int | None]]) -> list[bytes]:
        return [line for start, end in ranges for block in read_blocks(file, start, end) for line in block.lines]

    assert lines((start, start + range_bytes) for start in range(0, len(data), range_bytes)) == lines([(0, None)])
