from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from honekit.errors import ModelError
from honekit.models import fingerprint
from honekit.models.fingerprint import (
    fingerprint_adapter,
    fingerprint_base,
    fingerprint_json,
    fingerprint_text,
)


@pytest.fixture
def base(tiny_llama: Callable[..., Any], tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def test_text_and_json_fingerprints_follow_content_only() -> None:
    assert fingerprint_text("a") != fingerprint_text("b")
    assert fingerprint_json({"a": 1, "b": "ü"}) == fingerprint_json({"b": "ü", "a": 1})
    assert fingerprint_json([1, 2]) != fingerprint_json([2, 1])
    assert len(fingerprint_text("")) == 16


def test_a_base_keeps_its_fingerprint_when_copied_and_when_only_bookkeeping_changes(base: Path, tmp_path: Path) -> None:
    before = fingerprint_base(base)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in base.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "transformers_version": "0", "use_cache": False}))
    assert fingerprint_base(copy) == before


def test_other_weights_or_another_computation_are_another_base(
    base: Path, tiny_llama: Callable[..., Any], tmp_path: Path
) -> None:
    before = fingerprint_base(base)
    tiny_llama(seed=1).save_pretrained(tmp_path / "other")
    assert fingerprint_base(tmp_path / "other") != before
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-3}))
    assert fingerprint_base(base) != before


def test_the_weights_are_hashed_again_only_when_the_file_changed(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    original = fingerprint._sha256
    monkeypatch.setattr(fingerprint, "_sha256", lambda file: hashed.append(file.name) or original(file))
    before = fingerprint_base(base)
    assert fingerprint_base(base) == before
    assert hashed == ["model.safetensors"]
    weights = base / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(1, 1))
    assert fingerprint_base(base) != before
    assert hashed == ["model.safetensors"] * 2


def test_a_damaged_sidecar_is_ignored(base: Path, own_home: Path) -> None:
    before = fingerprint_base(base)
    for sidecar in (own_home / "fingerprints").iterdir():
        sidecar.write_text("{")
    assert fingerprint_base(base) == before


def test_what_is_no_model_has_no_fingerprint(tmp_path: Path) -> None:
    for function in (fingerprint_base, fingerprint_adapter):
        with pytest.raises(ModelError) as caught:
            function(tmp_path)
        assert caught.value.code == "model.incomplete"
