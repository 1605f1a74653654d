"""Stored files are found by their content's hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.errors import StoreError
from honekit.store import blobs


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=5000))
def test_what_was_put_is_found_by_its_hash(content: bytes) -> None:
    assert blobs.put_file(content) == hashlib.sha256(content).hexdigest()
    assert blobs.path_of(blobs.put_file(content)).read_bytes() == content


def test_a_file_and_its_bytes_are_one_blob(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    digest = blobs.put_file(tmp_path / "a")
    assert digest == blobs.put_file(b"x" * 3_000_000)
    kept = [path for path in blobs.path_of(digest).parents[1].rglob("*") if path.is_file()]
    assert kept == [blobs.path_of(digest)]


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_an_unknown_hash_or_a_path_is_refused(digest: str) -> None:
    with pytest.raises(StoreError) as caught:
        blobs.path_of(digest)
    assert caught.value.code == "store.blob_missing"


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        blobs.put_file(tmp_path / "missing")
    assert caught.value.code == "store.source_unreadable"
