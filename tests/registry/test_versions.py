"""Model versions: one per job, found by name, deleted only when nothing points to them."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from honekit import deploy, registry, settings
from honekit.errors import RegistryError
from honekit.jobs import queue
from honekit.registry import Version

pytestmark = pytest.mark.both_databases


def _version(job_id: str = "ftjob-1", project: str = "iot", base: str = "smollm2-135m") -> Version:
    return registry.create_version(project, job_id, base, "base-print", Path("/adapters/a"), job_id, {"loss": 0.5})


def test_a_version_keeps_its_lineage() -> None:
    made = _version()
    assert registry.get_version(made.name) == made
    assert (made.base_fingerprint, made.adapter_path, made.metadata) == (
        "base-print",
        Path("/adapters/a"),
        {"loss": 0.5},
    )


def test_names_have_the_shape_of_the_contract() -> None:
    assert re.fullmatch(r"ft:smollm2-135m:local:iot:[a-z2-7]{8}", _version().name)
    assert _version("ftjob-2", base="Org/Base-1.5B").name.startswith("ft:Org/Base-1.5B:local:iot:")


def test_a_local_base_gives_the_name_only_its_last_part(tmp_path: Path) -> None:
    name = _version(base=str(tmp_path / "my base")).name
    assert name.startswith("ft:my-base:local:")
    assert str(tmp_path) not in name


def test_one_job_makes_one_version_however_often_and_from_how_many_threads_it_is_recorded() -> None:
    registry.list_versions()
    with ThreadPoolExecutor(6) as pool:
        made = {version.name for version in pool.map(lambda _: _version(), range(12))}
    assert len(made) == len(registry.list_versions()) == 1


def test_an_adapter_with_the_fingerprint_of_its_base_is_refused() -> None:
    with pytest.raises(RegistryError) as caught:
        registry.create_version("iot", "ftjob-1", "b", "same", Path("/a"), "same")
    assert caught.value.code == "registry.same_adapter_as_base"


def test_the_newest_of_a_project_is_first() -> None:
    old, new, other = _version("ftjob-1"), _version("ftjob-2"), _version("ftjob-3", project="support")
    assert registry.list_versions("iot") == [new, old]
    assert registry.latest("iot") == new
    assert registry.latest("support") == other
    assert registry.latest("missing") is None


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    name = _version().name
    with pytest.raises(RegistryError) as caught:
        registry.get_version(name[:-1])
    assert caught.value.code == "registry.unknown_version"
    assert name in caught.value.what


def test_a_deleted_version_is_gone_with_its_files_and_its_job_can_be_run_anew() -> None:
    adapter = settings.home() / "adapters" / "a"
    adapter.mkdir(parents=True)
    job = queue.create_job("selftest", {}, key="k")
    made = registry.create_version("iot", job.id, "b", "x", adapter, "y")
    assert registry.delete_version(made.name) == made
    assert not adapter.exists()
    assert registry.list_versions() == []
    assert queue.create_job("selftest", {}, key="k").id != job.id


def test_files_outside_the_data_directory_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    os.symlink(tmp_path / "mine", settings.home() / "link")
    for number, path in enumerate((tmp_path / "mine", settings.home() / "link")):
        made = registry.create_version("iot", f"ftjob-{number}", "b", "x", path, "y")
        registry.delete_version(made.name)
    assert (tmp_path / "mine").is_dir()


def test_a_version_behind_an_alias_is_not_deleted() -> None:
    made = _version()
    deploy.promote("iot@production", made.name, "ship")
    with pytest.raises(RegistryError) as caught:
        registry.delete_version(made.name)
    assert caught.value.code == "registry.in_use"
    assert registry.get_version(made.name) == made
