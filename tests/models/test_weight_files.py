"""What the files of a model say about themselves, before anybody reads their weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests import tiny

from honekit.errors import ModelError
from honekit.models.bases import base_directory, get_base, resolve_base
from honekit.models.floor import shape_of
from honekit.models.weight_files import headers


def _pointer(whole: bytes) -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize %d\n" % len(whole)


SPOILT: list[tuple[Callable[[bytes], bytes], str]] = [
    (_pointer, "git lfs pull"),
    (lambda whole: whole[:-1], "again"),
    (lambda whole: whole + b"\0", "again"),
    (lambda whole: whole[:100], "again"),
    (lambda whole: whole[:5], "again"),
    (lambda _whole: b"", "again"),
    (lambda whole: bytes(200) + whole[200:], "again"),
    (lambda whole: whole[:8] + b"[" + whole[9:], "again"),
]


@pytest.mark.parametrize(("spoil", "mend"), SPOILT)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path: Path, spoil: Callable[[bytes], bytes], mend: str) -> None:
    base = tiny.save_base(tmp_path / "base")
    assert resolve_base(str(base)) == base
    weights = base / "model.safetensors"
    weights.write_bytes(spoil(weights.read_bytes()))
    for read in (lambda: resolve_base(str(base)), lambda: shape_of(base), lambda: [*headers(base)]):
        with pytest.raises(ModelError) as caught:
            read()
        assert (caught.value.code, caught.value.where) == ("model.weights_damaged", str(weights))
        assert mend in str(caught.value.mend)


def test_the_converted_base_is_looked_at_too(hone_home: Path) -> None:
    base = tiny.save_base(base_directory("smollm2-135m"))
    assert resolve_base("smollm2-135m") == get_base("smollm2-135m") == base
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    for read in (resolve_base, get_base):
        with pytest.raises(ModelError) as caught:
            read("smollm2-135m")
        assert caught.value.code == "model.weights_damaged"
