"""Versions of data files: content, parents, and what uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import tiny

from honekit import jobs
from honekit.data.versions import find_version, lineage, list_made, made_by, record_version
from honekit.errors import DataError
from honekit.registry import create_version, record_evaluation
from honekit.store import files
from honekit.store.atomic import sha256_of


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "raw.jsonl", tiny.conversations(3))


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "fixed.jsonl", tiny.conversations(2))


def test_a_version_is_its_content_whatever_its_name(tmp_path: Path, raw: Path, fixed: Path) -> None:
    name = record_version(fixed, raw, "fixed", {"fixes": 1})
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(fixed.read_bytes())
    assert find_version(str(copy)) == find_version(name) == sha256_of(fixed)
    (made,) = made_by(sha256_of(copy))
    assert (made.action, made.details) == ("fixed", {"fixes": 1})
    assert made.parents == [{"sha256": sha256_of(raw), "path": str(raw)}]


def test_noting_it_twice_notes_it_once(raw: Path, fixed: Path) -> None:
    record_version(fixed, raw, "fixed")
    record_version(fixed, raw, "fixed")
    record_version(fixed, None, "generated")
    assert [made.action for made in list_made()] == ["generated", "fixed"]


def test_the_lineage_goes_back_to_what_hone_did_not_make(tmp_path: Path, raw: Path, fixed: Path) -> None:
    part = tiny.write_jsonl(tmp_path / "part.jsonl", tiny.conversations(1))
    record_version(fixed, raw, "fixed")
    record_version(part, [fixed, raw], "split", {"part": "test"})
    found = lineage(sha256_of(part))
    assert [parent["path"] for parent in found["made_of"]] == [str(fixed), str(raw)]
    assert found["made_of"][0]["made_of"][0]["sha256"] == sha256_of(raw)
    assert found["made_of"][1]["made"] == []


def test_versions_that_come_from_each_other_do_not_go_round(raw: Path, fixed: Path) -> None:
    record_version(fixed, raw, "converted")
    record_version(raw, fixed, "converted")
    record_version(raw, raw, "fixed")
    assert lineage(sha256_of(raw))["made_of"][0]["made_of"] == []


def test_files_jobs_models_and_evaluations_are_found_by_the_content_that_they_name(tmp_path: Path, raw: Path) -> None:
    sha = sha256_of(raw)
    uploaded = files.create("default", "raw.jsonl", "fine-tune", [raw.read_bytes()])
    job = jobs.create_job("train", {"training_sha256": sha, "validation_sha256": None})
    model = create_version("demo", job.id, "base", "print-a", tmp_path, "print-b", {"training_sha256": sha})
    record_evaluation("demo", model.name, tmp_path / "report.html", {"train": sha, "test": "0" * 64}, "ship")
    assert lineage(sha)["used_by"] == {
        "files": [uploaded.id],
        "jobs": [job.id],
        "models": [model.name],
        "evaluations": [str(tmp_path / "report.html")],
    }
    assert {find_version(name) for name in (uploaded.id, job.id, model.name, sha[:12])} == {sha}


@pytest.mark.parametrize("name", ["nothing.jsonl", "abcdef0123", "ftjob-none", "file-none", "ft:none", "%%%%%%"])
def test_an_unknown_version_is_an_error_with_a_way_on(name: str) -> None:
    with pytest.raises(DataError) as caught:
        find_version(name)
    assert caught.value.code == "data.version_unknown"
