"""What is wrong with a hone.toml, told with file, key and remedy before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.conftest import HONE_TOML, MANUAL

from honekit.errors import SettingsError
from honekit.project import Project, load_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hone.toml").write_text(HONE_TOML)
    (tmp_path / "system.txt").write_text("Diagnose.\n")
    (tmp_path / "manual.md").write_text(MANUAL)
    return tmp_path


def refused(folder: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_project(folder)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('device_field = "device"', 'device_field = "devise"', "data.device_field names no field of the task: devise; it has"),
        (
            'group = "event"',
            'stratify = "kategory"',
            "data.stratify names no field of the task: kategory; it has",
        ),
        ('unseen_slice = "unseen"', 'unseen_slice = "new"', "data.unseen_slice 'new' is none of data.slices: unseen, hard"),
        (
            "[retrieval]",
            '[gate]\nrequire_better_than = ["bass"]\n[retrieval]',
            "gate.require_better_than.0: Input should be 'classical'",
        ),
        ("k = 2", 'k = { "manual" = 1 }', "retrieval: k names manual; give one number, or one for each of manual.md"),
        ("k = 2", "k = {}", "retrieval: k names nothing; give one number, or one for each of manual.md"),
        ("k = 2", 'k = { "manual.md" = 0 }', "retrieval.k: 0 is no number of passages from 1 to 20"),
        ("k = 2", 'k = "two"', "retrieval.k: 'two' is no number of passages from 1 to 20"),
    ],
)
def test_a_field_or_slice_that_does_not_exist_is_refused(folder: Path, old: str, new: str, told: str) -> None:
    (folder / "hone.toml").write_text(HONE_TOML.replace(old, new, 1))
    fault = refused(folder)
    assert fault.code == "settings.project_invalid"
    assert told in fault.what


def test_a_line_that_is_not_utf8_is_named(folder: Path) -> None:
    file = folder / "hone.toml"
    file.write_bytes(b"# one\n# caf\xe9\n" + file.read_bytes())
    fault = refused(folder)
    assert fault.what == "hone.toml cannot be read: line 2 is not UTF-8 (byte 0xe9)"
    assert fault.mend == "save the file as UTF-8"


def test_a_folder_in_place_of_hone_toml_is_told_without_line_or_errno(folder: Path) -> None:
    (folder / "hone.toml").unlink()
    (folder / "hone.toml").mkdir()
    with pytest.raises(SettingsError) as caught:
        load_project(folder / "hone.toml" / "..")
    assert caught.value.what == "hone.toml cannot be read: is a directory"
    assert "line" not in str(caught.value.mend)


def test_examples_in_place_of_a_project_are_sent_to_init(folder: Path) -> None:
    data = folder / "train.jsonl"
    data.write_text('{"a": 1}\n')
    with pytest.raises(SettingsError) as caught:
        load_project(data)
    assert f"`hone init NEW_FOLDER --from {data}`" in str(caught.value.mend)


@pytest.mark.parametrize(
    ("file", "key", "content", "reason"),
    [
        ("system.txt", "task.instructions", None, "cannot be read: no such file or directory"),
        ("system.txt", "task.instructions", b"\n", "is empty"),
        ("manual.md", "retrieval.documents", b"a\n\xff", "cannot be read: line 2 is not UTF-8 (byte 0xff)"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_key(
    folder: Path, file: str, key: str, content: bytes | None, reason: str
) -> None:
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    project: Project = load_project(folder)
    with pytest.raises(SettingsError) as caught:
        project.read_text(file)
    assert caught.value.what == f"the file that {key} names {reason}"
    assert caught.value.where == str(folder / file)


def test_a_folder_that_is_not_there_is_told_with_the_project_that_was_meant(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_project(folder.parent / f"{folder.name[:-1]}x")
    assert caught.value.what == "there is no such folder or file"
    assert f"did you mean {folder}?" in str(caught.value.mend)
    (folder / "hone.toml").unlink()
    assert refused(folder).what == "there is no hone.toml here"
