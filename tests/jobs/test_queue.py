"""Creating jobs, their keys, events, checkpoints and requests to stop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from honekit.jobs import leases, queue
from honekit.jobs.records import Lease
from honekit.jobs.states import JobError

pytestmark = pytest.mark.both_databases


def _running(key: str | None = None) -> Lease:
    lease = leases.claim(queue.create_job("selftest", {"steps": 1}, key=key).id, "elsewhere:1:x")
    assert lease is not None
    return lease


def test_ids_carry_the_prefixes_of_the_contract() -> None:
    lease = _running()
    point = queue.add_checkpoint(lease.job_id, 1, "/p", {})
    assert lease.job_id.startswith("ftjob-")
    assert point.id.startswith("ftckpt_")
    assert all(event.id.startswith("ftevent-") for event in queue.events(lease.job_id))


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(JobError) as caught:
        queue.create_job("os:system", {})
    assert caught.value.code == "job.unknown_kind"
    assert "selftest" in str(caught.value.mend)


def test_a_key_returns_the_job_that_has_it() -> None:
    first = queue.create_job("selftest", {"steps": 1}, key="k")
    assert queue.create_job("selftest", {"steps": 2}, key="k").id == first.id
    assert queue.create_job("selftest", {"steps": 2}, key="other").id != first.id


def test_a_succeeded_job_is_returned_by_its_key_with_its_result() -> None:
    lease = _running(key="k")
    queue.finish(lease.job_id, {"model": "m"}, token=lease.token)
    assert queue.create_job("selftest", {}, key="k").result == {"model": "m"}


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_the_key_of_a_job_that_failed_or_was_cancelled_makes_a_new_one(end: str) -> None:
    first = queue.create_job("selftest", {}, key="k")
    if end == "failed":
        queue.fail(first.id, {"code": "x.y", "what": "broken"})
    else:
        queue.request_stop(first.id, "cancel")
    assert queue.create_job("selftest", {}, key="k").id != first.id


def test_one_key_makes_one_job_under_a_race() -> None:
    queue.list_jobs()
    with ThreadPoolExecutor(8) as pool:
        ids = {job.id for job in pool.map(lambda _: queue.create_job("selftest", {}, key="k"), range(24))}
    assert len(ids) == 1
    assert len(queue.list_jobs(limit=100)) == 1


def test_lists_are_newest_first_in_pages() -> None:
    made = [queue.create_job("selftest", {"steps": number}).id for number in range(5)]
    first = queue.list_jobs(limit=2)
    second = queue.list_jobs(limit=10, after=first[-1].id)
    assert [job.id for job in first + second] == made[::-1]
    assert queue.list_jobs(status=["running"]) == []


def test_events_are_read_after_the_last_one_seen() -> None:
    job = queue.create_job("selftest", {})
    for number in range(4):
        queue.add_event(job.id, "info", str(number), {"number": number}, type="metrics")
    assert [event.message for event in queue.events(job.id, after=2, limit=2)] == ["1", "2"]
    assert queue.events(job.id, after=2)[0].data == {"number": 1}
    assert queue.last_seq(job.id) == 5


def test_an_event_may_quote_a_nul() -> None:
    job = queue.create_job("selftest", {})
    queue.add_event(job.id, "warn", "Line 3: 'a\0b'", {"text": "a\0b"})
    found = queue.events(job.id)[-1]
    assert (found.message, found.data) == ("Line 3: 'a\ufffdb'", {"text": "a\0b"})


def test_events_of_many_threads_have_no_gaps() -> None:
    job = queue.create_job("selftest", {})
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: queue.add_event(job.id, "info", str(number)), range(60)))
    assert [event.seq for event in queue.events(job.id)] == list(range(1, 62))


def test_a_checkpoint_of_the_same_step_replaces_the_earlier_one() -> None:
    lease = _running()
    for step, path in ((1, "/a"), (2, "/b"), (2, "/c")):
        queue.add_checkpoint(lease.job_id, step, path, {"valid_loss": 0.5}, token=lease.token)
    assert [(found.step, str(found.path)) for found in queue.checkpoints(lease.job_id)] == [
        (2, "/c"),
        (1, "/a"),
    ]


def test_a_failed_job_keeps_its_error() -> None:
    lease = _running()
    error = {
        "code": "train.not_finite",
        "what": "the weights are not finite",
        "where": "step 3",
        "mend": "lower it",
    }
    assert queue.fail(lease.job_id, error, token=lease.token).error == error
    assert queue.events(lease.job_id)[-1].level == "error"


def test_a_running_job_is_asked_and_cancel_wins_over_pause() -> None:
    lease = _running()
    assert queue.request_stop(lease.job_id, "pause").stop_requested == "pause"
    assert leases.stop_request(lease) == "pause"
    assert queue.request_stop(lease.job_id, "cancel").stop_requested == "cancel"
    noted: list[str] = []
    with pytest.raises(JobError, match="being cancelled") as caught:
        queue.request_stop(lease.job_id, "pause", noted=lambda _connection, job_id: noted.append(job_id))
    assert caught.value.code == "job.illegal_transition" and noted == []
    assert queue.request_stop(lease.job_id, "cancel").stop_requested == "cancel"


def test_a_pause_that_was_not_carried_out_can_be_withdrawn() -> None:
    lease = _running()
    queue.request_stop(lease.job_id, "pause")
    assert queue.resume(lease.job_id).stop_requested is None
    assert leases.stop_request(lease) is None


def test_stopping_a_job_whose_worker_is_dead_takes_effect_at_once() -> None:
    job = queue.create_job("selftest", {})
    assert leases.claim(job.id, "elsewhere:1:x", lease_s=-1)
    assert queue.request_stop(job.id, "cancel").status == "cancelled"


def test_an_unknown_job_is_named() -> None:
    for call in (queue.get_job, queue.last_seq, queue.resume):
        with pytest.raises(JobError) as caught:
            call("ftjob-missing")
        assert caught.value.code == "job.unknown"
