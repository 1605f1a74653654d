"""The job's states against a model: only steps of the table happen, each with one event, and no event is lost."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select
from tests.databases import empty_sqlite

from honekit.jobs import leases, queue
from honekit.jobs.records import Lease
from honekit.jobs.states import FINAL, TRANSITIONS, JobError, Status, StopRequest, check_transition
from honekit.store import database
from honekit.store.tables import job_events, jobs

STATES: list[Status] = list(get_args(Status))


def test_every_state_has_a_row_and_three_are_final() -> None:
    assert set(TRANSITIONS) == set(STATES)
    assert {"succeeded", "failed", "cancelled"} == FINAL


def test_every_state_that_is_not_final_can_be_cancelled() -> None:
    assert all("cancelled" in TRANSITIONS[state] for state in STATES if state not in FINAL)


def test_the_error_of_an_illegal_step_names_what_is_allowed_and_survives_pickling() -> None:
    with pytest.raises(JobError) as caught:
        check_transition("ftjob-1", "paused", "succeeded")
    twin = copy.copy(caught.value)  # by __reduce__, as a pickle would be
    assert (type(twin), twin.code, twin.mend) == (JobError, "job.illegal_transition", caught.value.mend)
    assert "cancelled, queued" in str(caught.value.mend)


class Jobs(RuleBasedStateMachine):
    """What users, workers and the reaper may do to jobs, in any order; the model is a dict of states."""

    ids = Bundle("ids")
    held = Bundle("held")

    @initialize()
    def start(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setenv("HONE_DATABASE_URL", self.empty_database())
        self.states: dict[str, Status] = {}
        self.tokens: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.attempts: dict[str, int] = {}
        self.requests: dict[str, str | None] = {}

    def empty_database(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "a.db"
        file.write_bytes(empty_sqlite())
        return f"sqlite:///{file}"

    def teardown(self) -> None:
        self.patch.undo()
        self.forget_database()

    def forget_database(self) -> None:
        for opened in list(database._open.values()):
            if self.folder.name in opened.where:
                opened.engine.dispose()
        self.folder.cleanup()

    def _moved(self, job_id: str, to: Status) -> None:
        if self.states[job_id] == "running":
            self.tokens.pop(job_id)
        self.states[job_id] = to
        self.requests[job_id] = None
        self.events[job_id] += 1

    @rule(target=ids, validating=st.booleans())
    def create(self, validating: bool) -> str:
        job = queue.create_job("selftest", {"steps": 1}, validating=validating)
        self.states[job.id] = "validating_files" if validating else "queued"
        self.events[job.id] = self.attempts[job.id] = 1
        self.requests[job.id] = None
        return job.id

    @rule(job_id=ids, to=st.sampled_from([state for state in STATES if state != "running"]))
    def move(self, job_id: str, to: Status) -> None:
        if to in TRANSITIONS[self.states[job_id]]:
            queue.transition(job_id, to, message="moved")
            self._moved(job_id, to)
        else:
            with pytest.raises(JobError, match="illegal_transition"):
                queue.transition(job_id, to, message="moved")

    @rule(target=held, job_id=ids)
    def claim(self, job_id: str) -> object:
        lease = leases.claim(job_id, "elsewhere:1:x")
        assert (lease is not None) == (self.states[job_id] == "queued")
        if lease is None:
            return multiple()
        self.states[job_id] = "running"
        self.tokens[job_id] = lease.token
        self.events[job_id] += 1
        return lease

    @rule(lease=held)
    def write_with_a_lease(self, lease: Lease) -> None:
        if self.tokens.get(lease.job_id) == lease.token:
            queue.add_event(lease.job_id, "info", "step", token=lease.token)
            leases.renew(lease)
            self.events[lease.job_id] += 1
        else:
            for refused in (
                lambda: queue.add_event(lease.job_id, "info", "step", token=lease.token),
                lambda: leases.renew(lease),
                lambda: queue.finish(lease.job_id, {}, token=lease.token),
            ):
                with pytest.raises(JobError, match="lease_lost"):
                    refused()

    @rule(lease=consumes(held))
    def worker_ends(self, lease: Lease) -> None:
        if self.tokens.get(lease.job_id) == lease.token:
            queue.finish(lease.job_id, {"ok": True}, token=lease.token)
            self._moved(lease.job_id, "succeeded")

    @rule(lease=held)
    def lease_runs_out(self, lease: Lease) -> None:
        job_id = lease.job_id
        if self.tokens.get(job_id) != lease.token:
            return
        leases.renew(lease, lease_s=-1)
        assert [job.id for job in leases.requeue_expired()] == [job_id]
        request, attempt = self.requests[job_id], self.attempts[job_id]
        if request:
            self._moved(job_id, "cancelled" if request == "cancel" else "paused")
        elif attempt < leases.MAX_ATTEMPTS:
            self._moved(job_id, "queued")
            self.attempts[job_id] += 1
        else:
            self._moved(job_id, "failed")

    @rule(job_id=ids, request=st.sampled_from(["cancel", "pause"]))
    def ask_to_stop(self, job_id: str, request: StopRequest) -> None:
        state = self.states[job_id]
        to: Status = "cancelled" if request == "cancel" else "paused"
        if state == to:
            queue.request_stop(job_id, request)
        elif to not in TRANSITIONS[state] or (request == "pause" and self.requests[job_id] == "cancel"):
            with pytest.raises(JobError, match="illegal_transition"):
                queue.request_stop(job_id, request)
        else:
            queue.request_stop(job_id, request)
            if state != "running":
                self._moved(job_id, to)
            elif self.requests[job_id] != request:
                self.requests[job_id] = request
                self.events[job_id] += 1

    @rule(job_id=ids)
    def resume(self, job_id: str) -> None:
        state = self.states[job_id]
        if state == "paused":
            queue.resume(job_id)
            self._moved(job_id, "queued")
        elif state == "running" and self.requests[job_id] == "pause":
            queue.resume(job_id)
            self.requests[job_id] = None
            self.events[job_id] += 1
        else:
            with pytest.raises(JobError, match="illegal_transition"):
                queue.resume(job_id)

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        with database.open_database().read() as connection:
            rows = {row.id: row for row in connection.execute(select(jobs))}
            said = connection.execute(
                select(job_events.c.job_id, job_events.c.seq, job_events.c.created_at).order_by(job_events.c.seq)
            ).all()
        assert {job_id: (row.status, row.attempt, row.stop_requested) for job_id, row in rows.items()} == {
            job_id: (state, self.attempts[job_id], self.requests[job_id]) for job_id, state in self.states.items()
        }
        for job_id, state in self.states.items():
            assert (rows[job_id].finished_at is not None) == (state in FINAL)
            log = [event for event in said if event.job_id == job_id]
            assert [event.seq for event in log] == list(range(1, self.events[job_id] + 1))
            assert [event.created_at for event in log] == sorted(event.created_at for event in log)


TestJobs = Jobs.TestCase
TestJobs.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_the_states_follow_the_model_on_postgresql(postgresql_url: str) -> None:
    class OnPostgreSQL(Jobs):
        def empty_database(self) -> str:
            return postgresql_url

        def forget_database(self) -> None:
            with database.open_database(postgresql_url).write() as connection:
                connection.execute(delete(jobs))

    run_state_machine_as_test(OnPostgreSQL, settings=TestJobs.settings)
