from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.errors import StoreError
from honekit.store.journal import Journal

HEAD = {"labels": "a.jsonl"}


def test_entries_are_there_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", HEAD)
    journal.append({"key": "é", "n": 1})
    journal.append({"key": "b"})
    journal.close()
    again = Journal(tmp_path / "j", HEAD)
    assert again.entries == [{"key": "é", "n": 1}, {"key": "b"}]
    again.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j"]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_journal_cut_off_anywhere_keeps_every_whole_entry_and_takes_more(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = Journal(path, HEAD)
    for number in range(3):
        journal.append({"n": number, "text": "x\ny"})
    journal.close()
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = max(content[:cut].count(b"\n") - 1, 0)
    again = Journal(path, HEAD)
    assert [entry["n"] for entry in again.entries] == list(range(whole))
    again.append({"n": 9})
    again.close()
    last = Journal(path, HEAD)
    assert [entry["n"] for entry in last.entries] == [*range(whole), 9]
    last.close()


def test_a_damaged_line_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text('{"labels": "a.jsonl"}\nnonsense\n{"n": 1}\n')
    with pytest.raises(StoreError) as caught:
        Journal(path, HEAD)
    assert caught.value.code == "store.journal_damaged"
    assert "nonsense" in path.read_text()


def test_a_journal_of_other_work_is_refused_and_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path / "j", HEAD).close()
    with pytest.raises(StoreError) as caught:
        Journal(tmp_path / "j", {"labels": "b.jsonl"})
    assert caught.value.code == "store.journal_of_something_else"
    Journal(tmp_path / "j", HEAD).close()


def test_only_one_process_writes_at_a_time(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j", HEAD)
    with pytest.raises(StoreError) as caught:
        Journal(tmp_path / "j", HEAD)
    assert caught.value.code == "store.journal_in_use"
    first.close()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Journal(tmp_path / "file" / "j", HEAD)
    assert caught.value.code.startswith("store.")
