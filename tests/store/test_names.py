"""Names for completions, beside what the store itself says."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import get_args

import pytest

from honekit import deploy, jobs, registry
from honekit.store import files, names
from honekit.store.names import Kind, known_names


def test_a_machine_without_data_has_no_names(hone_home: Path) -> None:
    assert [known_names(kind) for kind in get_args(Kind)] == [[]] * 6
    assert not (hone_home / "hone.db").exists()


def test_aliases_and_versions_are_told_with_what_they_stand_on() -> None:
    made = [registry.create_version("iot", f"ftjob-{number}", "tiny", "x", Path("/a"), f"y{number}").name for number in range(2)]
    deploy.promote("iot@production", made[0], "test")
    assert known_names("aliases") == [("iot@production", made[0])]
    assert known_names("versions") == [(made[1], "tiny"), (made[0], "tiny")]


def test_jobs_are_everybodys_and_files_are_the_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.create_job("selftest", {}, owner="somebody")
    assert known_names("jobs") == [(job.id, "selftest, queued")]
    own = files.create("default", "a.jsonl", "fine-tune", [b"a"])
    other = files.create("other", "b.jsonl", "fine-tune", [b"b"])
    assert known_names("files") == [(own.id, "a.jsonl")]
    monkeypatch.setenv("HONE_PROJECT", "other")
    assert known_names("files") == [(other.id, "b.jsonl")]


def test_the_newest_are_given_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [jobs.create_job("selftest", {"n": number}).id for number in range(3)]
    monkeypatch.setattr(names, "MOST", 2)
    assert [name for name, _ in known_names("jobs")] == made[:0:-1]


def test_no_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONE_DATABASE_URL", "postgresql://192.0.2.1/hone")
    assert known_names("versions") == []


def test_what_is_no_database_is_told_as_sqlite_tells_it(hone_home: Path) -> None:
    hone_home.mkdir()
    (hone_home / "hone.db").write_text("no database " * 100)
    with pytest.raises(sqlite3.Error):
        known_names("versions")
