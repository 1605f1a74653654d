from __future__ import annotations

from pathlib import Path

import pytest

from honekit.base_name import EMBEDDED, absolute


@pytest.mark.parametrize("name", [EMBEDDED, "owner/absent", "owner/name@main", "absent", ""])
def test_an_id_stays_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / EMBEDDED).mkdir()
    assert absolute(name, tmp_path) == name


@pytest.mark.parametrize("name", ["models/tiny", "./models/tiny", "models/../models/tiny", "~/models/tiny"])
def test_a_directory_becomes_a_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    assert absolute(name, tmp_path) == str(tmp_path / "models" / "tiny")


def test_a_path_that_leads_nowhere_is_told_whole(tmp_path: Path) -> None:
    assert absolute("../absent", tmp_path / "project") == str(tmp_path / "absent")
