from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from honekit.data import compressed
from honekit.data.blocks import open_unpacked
from honekit.data.formats.check import check_any
from honekit.data.lines import read_lines
from honekit.errors import DataError

TEXT = b"one\ntwo\n" * 1000


def test_packed_files_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    for number, packed in enumerate((gzip.compress(TEXT), zstandard.compress(TEXT), TEXT, b"")):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(packed)
        with open_unpacked(path) as file:
            assert file.read() == (TEXT if packed else b"")


def test_several_packed_parts_are_read_one_after_the_other(tmp_path: Path) -> None:
    for pack in (gzip.compress, zstandard.compress):
        path = tmp_path / "a"
        path.write_bytes(pack(b"one\n") + pack(b"two\n"))
        assert [line.text for line in read_lines(path)] == ["one", "two"]


@pytest.mark.parametrize("cut", [20, 100, 3000])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_was_cut_off_is_an_error(tmp_path: Path, pack: Callable[[bytes], bytes], cut: int) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(pack(b"a,b\n" + random.Random(1).randbytes(5000).hex().encode())[:-cut])
    with pytest.raises(DataError) as caught:
        check_any(path)
    assert caught.value.code == "data.packed_broken"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]) -> None:
    monkeypatch.setattr(compressed, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(pack(b" \n" * (16 << 20)))
    with open_unpacked(path) as file, pytest.raises(DataError) as caught:
        list(file)
    assert caught.value.code == "data.packed_too_far"
