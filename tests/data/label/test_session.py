from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests import tiny

from honekit.data.chat import read_chat_file
from honekit.data.label import Session, form_of_answers, items_of_chat
from honekit.errors import DataError, StoreError

LABELS = form_of_answers(["It is red.", "It is blue."] * 3)


def begin(folder: Path, count: int = 4) -> Session:
    source = folder / "train.jsonl"
    if not source.exists():
        tiny.write_jsonl(source, tiny.conversations(count))
    return Session(items_of_chat(source), LABELS, folder / "out.jsonl", source=source)


def test_what_is_not_edited_is_written_byte_for_byte(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    lines = [
        '{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"It is red."}] , "tools":null}',
        '{"messages": [{"content": "b", "role": "user"}, {"role": "assistant", "content": "It is blue."}]}',
    ]
    source.write_text("\n".join(lines))
    session = Session(items_of_chat(source), LABELS, tmp_path / "out.jsonl", source=source)
    session.decide("1", state="accepted")
    session.decide("2", state="accepted")
    assert session.finish(with_undecided=False)["written"] == 2
    session.close()
    assert (tmp_path / "out.jsonl").read_text() == "\n".join(lines) + "\n"


def test_an_edit_keeps_everything_beside_it_and_leaves_the_source_alone(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    record = {
        "messages": [
            {"role": "user", "content": "a", "name": "kim"},
            {"role": "assistant", "content": "It is red.", "weight": 1},
        ],
        "parallel_tool_calls": False,
    }
    before = json.dumps(record)
    source.write_text(before)
    session = Session(items_of_chat(source), LABELS, tmp_path / "out.jsonl", source=source)
    session.decide("1", values={"answer": "It is blue."}, contents={0: "b"}, state="accepted")
    session.finish(with_undecided=False)
    session.close()
    record["messages"][0]["content"], record["messages"][1]["content"] = "b", "It is blue."  # type: ignore[index]
    assert json.loads((tmp_path / "out.jsonl").read_text()) == record
    assert source.read_text() == before


def test_decisions_are_there_again_after_the_process_is_gone(tmp_path: Path) -> None:
    session = begin(tmp_path)
    session.decide("1", state="accepted")
    session.decide("2", state="rejected")
    session.decide("3", answer="It is white.", state="accepted")
    added = session.add("A new one")
    session.close()
    again = begin(tmp_path)
    states = {item["key"]: item["state"] for item in again.overview()["items"]}
    assert states == {"1": "accepted", "2": "rejected", "3": "accepted", "4": "undecided", added["key"]: "undecided"}
    assert again.item("3")["answer"] == "It is white."
    again.close()


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    session = begin(tmp_path)
    session.decide("1", state="accepted")
    session.close()
    journal = tmp_path / "out.jsonl.journal"
    journal.write_bytes(journal.read_bytes() + b'{"key": "2", "sta')
    again = begin(tmp_path)
    assert again.progress() == {"undecided": 3, "accepted": 1, "rejected": 0}
    again.decide("2", state="rejected")
    again.close()
    last = begin(tmp_path)
    assert last.progress()["rejected"] == 1
    last.close()


def test_a_changed_source_is_not_gone_on_with(tmp_path: Path) -> None:
    begin(tmp_path).close()
    tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(4, seed=1))
    with pytest.raises(StoreError) as caught:
        begin(tmp_path)
    assert caught.value.code == "store.journal_of_something_else"
    assert "sha256" in caught.value.what


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    session = begin(tmp_path)
    with pytest.raises(StoreError) as caught:
        begin(tmp_path)
    assert caught.value.code == "store.journal_in_use"
    session.close()


def test_a_file_of_another_origin_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    with pytest.raises(DataError) as caught:
        begin(tmp_path)
    assert caught.value.code == "data.label_out_exists"
    assert (tmp_path / "out.jsonl").read_text() == "mine"


def test_an_example_without_an_answer_cannot_be_accepted(tmp_path: Path) -> None:
    session = begin(tmp_path)
    key = session.add("What now?")["key"]
    with pytest.raises(DataError) as caught:
        session.decide(key, state="accepted")
    assert caught.value.code == "data.label_unacceptable"
    assert session.item(key)["state"] == "undecided"
    session.decide(key, values={"answer": "It is red."}, state="accepted")
    session.finish(with_undecided=True)
    session.close()
    assert [e.messages[-1].text for e in read_chat_file(tmp_path / "out.jsonl")][-1] == "It is red."


def test_what_nobody_decided_is_kept_as_it_is_and_what_has_no_answer_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    records = tiny.conversations(3)
    records[1]["messages"].pop()
    tiny.write_jsonl(source, records)
    source.write_text(source.read_text() + "no record\n")
    labels = form_of_answers(["yes", "no"] * 3, is_strict=True)  # none of the file's answers fits it
    session = Session(items_of_chat(source), labels, tmp_path / "out.jsonl", source=source)
    assert session.item("1")["problems"]
    assert session.finish(with_undecided=True)["written"] == 2
    session.close()
    lines = source.read_text().splitlines()
    assert (tmp_path / "out.jsonl").read_text().splitlines() == [lines[0], lines[2]]


def test_reverting_brings_the_source_s_own_text_back(tmp_path: Path) -> None:
    session = begin(tmp_path)
    before = session.item("1")["messages"]
    assert session.decide("1", contents={1: "other"}, answer="It is x.")["is_edited"]
    after = session.decide("1", revert=True)
    assert after["messages"] == before
    assert not after["is_edited"]
    session.close()


class Labelling(RuleBasedStateMachine):
    """Whatever is decided in whatever order, with restarts in between: the journal gives it back."""

    folder: Path

    @initialize()
    def start(self) -> None:
        self.folder = Path(type(self).root) / str(id(self))  # type: ignore[attr-defined]
        self.folder.mkdir()
        self.session = begin(self.folder)
        self.expected: dict[str, Any] = {str(n): ("undecided", self.session.item(str(n))["answer"]) for n in range(1, 5)}

    @rule(key=st.sampled_from("1234"), state=st.sampled_from(["accepted", "rejected", "undecided"]), text=st.none() | st.text())
    def decide(self, key: str, state: Any, text: str | None) -> None:
        answer = self.expected[key][1] if text is None else text
        if state == "accepted" and not answer.strip():
            with pytest.raises(DataError):
                self.session.decide(key, state=state, answer=text)
            return
        self.session.decide(key, state=state, answer=text)
        self.expected[key] = (state, answer)

    @rule()
    def restart(self) -> None:
        self.session.close()
        self.session = begin(self.folder)

    @invariant()
    def holds(self) -> None:
        found = {key: (self.session.item(key)["state"], self.session.item(key)["answer"]) for key in self.expected}
        assert found == self.expected

    def teardown(self) -> None:
        self.session.close()


def test_any_order_of_decisions_and_restarts_keeps_them(tmp_path: Path) -> None:
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (Labelling,), {"root": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))
