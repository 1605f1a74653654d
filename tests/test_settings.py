from __future__ import annotations

from pathlib import Path

import pytest

from honekit import settings


def test_the_data_directory_is_a_whole_path_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for given in ("../data", "./../data", "data/../../data"):
        monkeypatch.setenv("HONE_HOME", given)
        assert settings.home() == tmp_path / "data"
        assert settings.database_url() == f"sqlite:///{tmp_path}/data/hone.db"
