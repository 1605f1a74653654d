"""Stored answers without a server: owners, order, filters, conversations."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.store import answers
from honekit.store.answers import Answer
from honekit.store.tables import new_id

pytestmark = pytest.mark.both_databases


def kept(owner: str = "a", kind: answers.Kind = "response", previous: str | None = None, **changes: Any) -> Answer:
    fields: dict[str, Any] = {"model": "m", "metadata": None, "input": [{"text": "x\0"}], **changes}
    answer = Answer(new_id("resp_"), owner, kind, body={"previous_response_id": previous, "n": 0.5}, **fields)
    answers.keep(answer)
    return answer


def test_an_answer_comes_back_only_to_its_owner_and_as_its_kind() -> None:
    one = kept(metadata={"a": "b"})
    assert answers.get("a", "response", one.id) == one
    assert answers.get("b", "response", one.id) is None
    assert answers.get("a", "chat.completion", one.id) is None
    assert answers.update_metadata("b", "response", one.id, {}) is None
    assert not answers.remove("b", "response", one.id) and not answers.remove("a", "chat.completion", one.id)
    assert answers.get("a", "response", one.id) == one
    assert answers.remove("a", "response", one.id)
    assert answers.get("a", "response", one.id) is None and not answers.remove("a", "response", one.id)


@pytest.mark.parametrize("odd", ["", "\0", "resp_\0", "resp_' OR 1=1"])
def test_an_odd_id_finds_nothing(odd: str) -> None:
    kept()
    assert answers.get("a", "response", odd) is None
    assert answers.conversation("a", odd, 5) == ([], odd)


def test_a_list_goes_both_ways_and_ids_break_ties() -> None:
    made = sorted([kept(created_at=float(number // 2)) for number in range(6)], key=lambda one: (one.created_at, one.id))
    kept(owner="b")
    kept(kind="chat.completion")
    assert answers.list_answers("a", "response") == made
    assert answers.list_answers("a", "response", newest_first=True) == made[::-1]
    for index, one in enumerate(made):
        assert answers.list_answers("a", "response", after=one) == made[index + 1 :]
        assert answers.list_answers("a", "response", after=one, newest_first=True) == made[:index][::-1]
    assert answers.list_answers("a", "response", limit=2) == made[:2]


def test_metadata_change_and_narrow_a_list() -> None:
    one, two, three = kept(metadata={"a": "1", "é": "x"}), kept(metadata={"a": "2"}), kept()
    assert answers.list_answers("a", "response", metadata={"a": "1"}) == [one]
    assert answers.list_answers("a", "response", metadata={"a": "1", "é": "x"}) == [one]
    assert answers.list_answers("a", "response", metadata={"a": "1", "b": "2"}) == []
    changed = answers.update_metadata("a", "response", three.id, {"a": "1"})
    assert changed is not None and answers.list_answers("a", "response", metadata={"a": "1"}) == [one, changed]
    emptied = answers.update_metadata("a", "response", two.id, None)
    assert emptied is not None and emptied.metadata is None
    assert answers.list_answers("a", "response", metadata={"a": "2"}) == []


def test_a_conversation_is_followed_back_to_its_beginning_or_to_where_it_breaks() -> None:
    first = kept()
    second = kept(previous=first.id)
    third = kept(previous=second.id)
    assert answers.conversation("a", third.id, 5) == ([first, second, third], None)
    assert answers.conversation("a", third.id, 3) == ([first, second, third], None)
    assert answers.conversation("a", third.id, 2) == ([second, third], first.id)
    strange = kept(owner="b", previous=third.id)
    assert answers.conversation("b", strange.id, 5) == ([strange], third.id)
    answers.remove("a", "response", first.id)
    assert answers.conversation("a", third.id, 5) == ([second, third], first.id)


def test_what_is_noted_is_kept_with_the_answer_or_neither() -> None:
    def fails(_connection: Any, _answer_id: str) -> None:
        raise RuntimeError("the test makes this fail")

    answer = Answer(new_id("resp_"), "a", "response", "m", {}, [], None)
    with pytest.raises(RuntimeError):
        answers.keep(answer, fails)
    assert answers.get("a", "response", answer.id) is None
