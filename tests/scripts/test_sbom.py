"""`make sbom`: every package of the locks, with the hashes that pip checks, in a document that follows CycloneDX's schema."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]


def test_it_names_what_a_default_installation_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("hone_sbom", ROOT / "scripts" / "sbom.py")
    assert spec and spec.loader
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    target = tmp_path / "made" / "sbom.json"
    monkeypatch.setattr("sys.argv", ["sbom.py", str(target)])
    assert sbom.main() == 0

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(target.read_text()) is None
    document = json.loads(target.read_text())
    named = {f"{part['name']}=={part['version']}": part for part in document["components"]}
    texts = {name: (ROOT / "requirements" / name).read_text() for name in ("runtime.lock", "base.lock", "torch.txt")}
    assert set(named) == set(re.findall(r"^[\w.-]+==[^\s;]+", "\n".join(texts.values()), re.MULTILINE))
    hashes = {hashed["content"] for part in document["components"] for hashed in part.get("hashes", [])}
    assert hashes == set(re.findall(r"sha256:(\w+)", texts["runtime.lock"] + texts["base.lock"]))
    assert len(named) > 50
    (web,) = (part for part in document["components"] if part["name"] == "fastapi")
    assert web["licenses"] == [{"license": {"id": "MIT"}}]
