"""The queue of responses that are made in the background, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.store import answers, background
from honekit.store.answers import Answer
from honekit.store.background import LeaseLost, Told
from honekit.store.tables import new_id

pytestmark = pytest.mark.both_databases


def queued(owner: str = "a", created_at: float = 1.0, base: str | None = None) -> Answer:
    body = {"status": "queued", "previous_response_id": None}
    answer = Answer(new_id("resp_"), owner, "response", "m", body, [], {"a": "b"}, created_at)
    background.accept(answer, {"input": "x"}, base=base)
    return answer


def status(answer: Answer) -> Any:
    found = answers.get(answer.owner, "response", answer.id)
    return found and found.body["status"]


def test_one_is_made_by_one_worker_and_kept_as_it_ended() -> None:
    one = queued()
    work = background.claim("w", 60)
    assert work is not None and (work.answer.id, work.request, work.attempts) == (one.id, {"input": "x"}, 1)
    assert work.answer.body["status"] == status(one) == "in_progress" and work.answer.metadata == {"a": "b"}
    assert background.claim("v", 60) is None
    background.keep_lease(one.id, "w", 60)
    with pytest.raises(LeaseLost):
        background.finish(one.id, "v", "m", {"status": "failed"}, None)
    background.finish(one.id, "w", "m-2", {"status": "completed", "n": 1}, [{"type": "x"}])
    kept = answers.get("a", "response", one.id)
    assert kept is not None and (kept.model, kept.body, kept.metadata) == ("m-2", {"status": "completed", "n": 1}, {"a": "b"})
    assert background.events(one.id) == [{"type": "x"}]
    with pytest.raises(LeaseLost):
        background.finish(one.id, "w", "m", {"status": "failed"}, None)
    assert background.cancel("a", one.id) == kept and background.claim("v", 60) is None


def test_what_a_worker_leaves_is_made_by_the_next_with_the_same_seed() -> None:
    one = queued()
    first = background.claim("w", -1)  # killed: its lease is over
    second = background.claim("v", 60)
    assert first is not None and second is not None
    assert (second.answer.id, second.seed, second.attempts) == (one.id, first.seed, 2)
    with pytest.raises(LeaseLost):
        background.keep_lease(one.id, "w", 60)
    background.release(one.id, "v")  # stopped in order: no attempt of its own
    third = background.claim("u", 60)
    assert third is not None and third.attempts == 2


def test_what_was_told_is_kept_for_the_next_as_long_as_it_is_not_over() -> None:
    one, two = queued(created_at=1.0), queued(created_at=2.0)
    first = background.claim("w", 60)
    assert first is not None and first.told is None and background.claim("x", 60)
    told = Told("f", [1, 2])
    assert background.keep_told("w", {one.id: told, two.id: told}) == {one.id}
    background.expire(lambda worker: worker == "w")
    following = background.claim("v", 60)
    assert following is not None and following.told == told
    assert background.keep_told("w", {one.id: Told("f", [1, 2, 3])}) == set()
    background.finish(one.id, "v", "m", {"status": "completed"}, None)
    assert background.keep_told("v", {one.id: told}) == set()


def test_what_a_worker_that_is_gone_has_need_not_wait_for_its_lease() -> None:
    one = queued()
    assert background.claim("w", 60)
    background.expire(lambda worker: worker != "w")
    assert background.claim("v", 60) is None
    background.expire(lambda worker: worker == "w")
    again = background.claim("v", 60)
    assert again is not None and (again.answer.id, again.attempts) == (one.id, 2)


def test_cancelling_and_deleting_end_it_whoever_makes_it() -> None:
    waiting, running, deleted = queued(), queued(created_at=0), queued(owner="b")
    assert background.cancel("b", waiting.id) is None and status(waiting) == "queued"
    claimed = {work.answer.id for work in (background.claim("w", 60), background.claim("w", 60)) if work}
    assert claimed == {running.id, deleted.id}
    for one in (waiting, running):
        stopped = background.cancel("a", one.id)
        assert stopped is not None and stopped.body["status"] == "cancelled"
    assert answers.remove("b", "response", deleted.id)
    for one in (running, deleted):
        with pytest.raises(LeaseLost):
            background.keep_lease(one.id, "w", 60)
    with pytest.raises(LeaseLost):
        background.finish(running.id, "w", "m", {"status": "completed"}, None)
    assert status(running) == status(waiting) == "cancelled" and background.claim("w", 60) is None


def test_projects_take_turns() -> None:
    many = [queued("a", created_at=number).id for number in range(3)]
    other = queued("b", created_at=9).id
    claimed = [background.claim("w", 60) for _ in range(4)]
    assert [work and work.answer.id for work in claimed] == [many[0], other, *many[1:]]


def test_a_refused_acceptance_leaves_nothing() -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("a retry has come first")

    answer = Answer(new_id("resp_"), "a", "response", "m", {"status": "queued"}, [], None)
    with pytest.raises(RuntimeError):
        background.accept(answer, {}, refuse)
    assert answers.get("a", "response", answer.id) is None and background.claim("w", 60) is None


def test_what_a_base_answers_is_for_workers_that_have_it() -> None:
    of_base, of_model = queued(base="one"), queued(created_at=2.0)
    found = background.claim("w", 60), background.claim("w", 60, ["two"]), background.claim("w", 60, ["two", "one"])
    assert [work and work.answer.id for work in found] == [of_model.id, None, of_base.id]
