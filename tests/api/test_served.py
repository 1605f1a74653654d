from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from honekit import deploy, registry
from honekit.api.served import list_served, resolve
from honekit.errors import ServeError
from honekit.models import bases, wheel


def make_version(tmp_path: Path, project: str) -> Any:
    return registry.create_version(project, f"ftjob-{uuid.uuid4().hex}", "smollm2-135m", "b" * 16, tmp_path, uuid.uuid4().hex)


def test_an_alias_means_its_version_of_this_moment(tmp_path: Path) -> None:
    first, second = make_version(tmp_path, "pumps"), make_version(tmp_path, "pumps")
    deploy.promote("pumps@production", first.name, "test")
    before = resolve("pumps@production")
    assert (before.name, before.model) == ("pumps@production", first.name)
    assert before.key == resolve(first.name).key
    deploy.promote("pumps@production", second.name, "test")
    assert resolve("pumps@production").model == second.name
    assert resolve("pumps@production").key != before.key


def test_the_list_has_aliases_versions_and_bases_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = make_version(tmp_path, "valves")
    deploy.promote("valves@production", version.name, "test")
    monkeypatch.setattr(wheel, "find_gguf", lambda _package: None)
    monkeypatch.setattr(bases, "is_local", lambda ref: ref == "HuggingFaceTB/SmolLM2-360M-Instruct")
    names = [served.name for served in list_served({"mine": str(tmp_path)})]
    assert {"valves@production", version.name, "mine", "HuggingFaceTB/SmolLM2-360M-Instruct"} <= set(names)
    assert "smollm2-135m" not in names
    assert len(names) == len(set(names))
    assert all(resolve(name, {"mine": str(tmp_path)}).name == name for name in names)


@pytest.mark.parametrize("name", ["", "nothing", "ft:a:b:c:d", "x@production", "Qwen/Qwen2.5-0.5B-Instruct", "a\0b", "é" * 300])
def test_other_names_are_unknown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "is_local", lambda _ref: False)
    with pytest.raises(ServeError) as caught:
        resolve(name)
    assert caught.value.code == "serve.unknown_model"


def test_a_caller_cannot_name_a_directory_of_the_server(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_base.parent)
    for name in (str(tiny_base), "./tiny", "tiny", "../tiny"):
        with pytest.raises(ServeError):
            resolve(name)
