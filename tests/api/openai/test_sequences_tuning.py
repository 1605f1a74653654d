"""Files, uploads, jobs and their models in any order: what was made is found until it is deleted, then nothing knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import schemathesis
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from tests import contract, tiny
from tests.api.openai import judging
from tests.api.openai.asking import CHAT, Asking, bind, choice, go_through
from tests.tiers import trials

from honekit.api.auth import create_key
from honekit.jobs import job_dir, worker
from honekit.jobs.kinds import surroundings_of
from honekit.jobs.liveness import DONE
from honekit.models import precision
from honekit.models.precision import Measured
from honekit.store import files

EXAMPLES = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
ENOUGH = 100
"""With so many sequences every operation comes to be answered with 2xx."""
MOST_TRAININGS = 3
"""In one sequence: each takes longer than all of its requests."""
CHANGES = {"queued": {"cancel", "pause"}, "paused": {"cancel", "pause", "resume"}, "cancelled": {"cancel"}, "succeeded": set()}
"""What a job takes in each state; what it is already changes nothing."""
AFTER = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}
PERMISSIONS = "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"
JOB = "/fine_tuning/jobs/{fine_tuning_job_id}"
Change = Literal["cancel", "pause", "resume"]


@dataclass
class Upload:
    size: int
    state: str = "pending"
    parts: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Job:
    model: str
    training_file: str
    state: str = "queued"


@dataclass
class Model:
    job: str
    checkpoints: list[str]


class Tuning(Asking):
    """The client's account: files with their content, uploads, jobs, models, and who may use which checkpoint."""

    lists = ("GET /files", "GET /fine_tuning/jobs")

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes | None] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, Job] = {}
        self.models: dict[str, Model] = {}
        self.trained = 0
        self.lost: list[str] = []
        """Models that were deleted, and their checkpoints."""
        self.shared: dict[str, str] = {}
        """Permissions by the checkpoint that they let the other project use."""
        self.other_project = f"{self.project}-other"
        self.other = create_key(project=self.other_project)[0]

    @initialize(models=st.sampled_from([1, 2, 0]))
    def begin(self, models: int) -> None:
        """Steps drawn one by one would seldom come as far as a model, with a job that waits beside it."""
        for number in range(models + 1):
            self.send_a_file(EXAMPLES)
            self.create_a_job(len(self.files) - 1, False)
            if number < models:
                self.train(0)

    @rule(content=st.sampled_from([EXAMPLES, EXAMPLES, b"", b"notes"]))
    def send_a_file(self, content: bytes) -> None:
        purpose = "fine-tune" if content == EXAMPLES else "user_data"
        made = self.get("POST /files", body={"file": content, "purpose": purpose})
        assert (made["bytes"], made["purpose"]) == (len(content), purpose)
        self.files[made["id"]] = content

    @precondition(lambda self: self.files)
    @rule(number=st.integers(0, 99))
    def read_a_file(self, number: int) -> None:
        file_id = choice(self.files, number)
        content = self.get("GET /files/{file_id}/content", {"file_id": file_id})
        assert content.startswith("step,") if self.files[file_id] is None else content.encode() == self.files[file_id]

    @precondition(lambda self: self.files)
    @rule(number=st.integers(0, 99))
    def delete_a_file(self, number: int) -> None:
        """Also one that a job is still to read: the job keeps its content."""
        file_id = choice(self.files, number)
        self.delete("DELETE /files/{file_id}", {"file_id": file_id}, "GET /files/{file_id}", "GET /files/{file_id}/content")
        del self.files[file_id]
        self.refuse(400, "POST /fine_tuning/jobs", body={"model": "tiny", "training_file": file_id})

    @rule(size=st.integers(1, 3))
    def begin_an_upload(self, size: int) -> None:
        body = {"filename": "u.txt", "purpose": "fine-tune", "bytes": 4 * size, "mime_type": "text/plain"}
        self.uploads[self.get("POST /uploads", body=body)["id"]] = Upload(4 * size)

    @precondition(lambda self: self.uploads)
    @rule(number=st.integers(0, 99))
    def send_a_part(self, number: int) -> None:
        upload_id = choice(self.uploads, number)
        upload, content = self.uploads[upload_id], b"%04d" % number
        if upload.state != "pending" or len(content) + sum(map(len, upload.parts.values())) > upload.size:
            self.refuse(400, "POST /uploads/{upload_id}/parts", {"upload_id": upload_id}, {"data": content})
            return
        part = self.get("POST /uploads/{upload_id}/parts", {"upload_id": upload_id}, {"data": content})
        assert part["upload_id"] == upload_id
        upload.parts[part["id"]] = content

    @precondition(lambda self: any(upload.parts for upload in self.uploads.values()))
    @rule(number=st.integers(0, 99))
    def complete_an_upload(self, number: int) -> None:
        """With its parts in the order opposite to how they came."""
        upload_id = choice([one for one, upload in self.uploads.items() if upload.parts], number)
        upload, path = self.uploads[upload_id], {"upload_id": upload_id}
        parts = list(upload.parts)[::-1]
        content = b"".join(upload.parts[part] for part in parts)
        if upload.state == "cancelled" or (upload.state == "pending" and len(content) != upload.size):
            self.refuse(400, "POST /uploads/{upload_id}/complete", path, {"part_ids": parts})
            return
        if upload.state not in ("pending", *self.files):  # its file was deleted
            self.refuse(400, "POST /uploads/{upload_id}/complete", path, {"part_ids": parts})
            return
        made = self.get("POST /uploads/{upload_id}/complete", path, {"part_ids": parts})
        assert made["status"] == "completed"
        assert upload.state in ("pending", made["file"]["id"])
        if upload.state == "pending":
            self.files[made["file"]["id"]] = content
        upload.state = made["file"]["id"]

    @precondition(lambda self: self.uploads)
    @rule(number=st.integers(0, 99))
    def cancel_an_upload(self, number: int) -> None:
        upload_id = choice(self.uploads, number)
        if self.uploads[upload_id].state not in ("pending", "cancelled"):
            self.refuse(400, "POST /uploads/{upload_id}/cancel", {"upload_id": upload_id})
            return
        assert self.get("POST /uploads/{upload_id}/cancel", {"upload_id": upload_id})["status"] == "cancelled"
        self.uploads[upload_id].state = "cancelled"

    @precondition(lambda self: self.files)
    @rule(number=st.integers(0, 99), from_tuned=st.booleans())
    def create_a_job(self, number: int, from_tuned: bool) -> None:
        file_id = choice(self.files, number)
        model = choice(self.models, number) if from_tuned and self.models else "tiny"
        body = {"model": model, "training_file": file_id, "hyperparameters": {"n_epochs": 1, "batch_size": 12}, "seed": number}
        if self.files[file_id] != EXAMPLES:
            self.refuse(400, "POST /fine_tuning/jobs", body=body)
            return
        made = self.get("POST /fine_tuning/jobs", body=body)
        assert (made["model"], made["training_file"], made["status"]) == (model, file_id, "queued")
        self.jobs[made["id"]] = Job(model, file_id)

    @precondition(lambda self: self.lost and EXAMPLES in self.files.values())
    @rule(number=st.integers(0, 99))
    def a_job_cannot_start_from_what_was_deleted(self, number: int) -> None:
        file_id = next(one for one, content in self.files.items() if content == EXAMPLES)
        body = {"model": choice(self.lost, number), "training_file": file_id}
        self.refuse(404, "POST /fine_tuning/jobs", body=body)

    @precondition(lambda self: self.jobs)
    @rule(number=st.integers(0, 99), how=st.sampled_from(["cancel", "pause", "resume"]))
    def change_a_job(self, number: int, how: Change) -> None:
        job_id = choice(self.jobs, number)
        job, path = self.jobs[job_id], {"fine_tuning_job_id": job_id}
        before = self.get(f"GET {JOB}/events", path, query={"limit": 100})["data"]
        if how in CHANGES[job.state]:
            made = self.get(f"POST {JOB}/{how}", path)
            assert made["status"] == AFTER[how]
            moved, job.state = job.state != made["status"], made["status"]
        else:
            self.refuse(400, f"POST {JOB}/{how}", path)
            moved = False
        after = self.get(f"GET {JOB}/events", path, query={"limit": 100})["data"]
        assert after[moved:] == before

    @precondition(lambda self: self.trained < MOST_TRAININGS and any(job.state == "queued" for job in self.jobs.values()))
    @rule(number=st.integers(0, 99))
    def train(self, number: int) -> None:
        """A worker takes a job; it is in this process, where no other thread computes meanwhile."""
        job_id = choice([one for one, job in self.jobs.items() if job.state == "queued"], number)
        with surroundings_of("fine_tuning"):
            assert worker.work_on(job_id) == DONE
        job, path = self.jobs[job_id], {"fine_tuning_job_id": job_id}
        done = self.get(f"GET {JOB}", path)
        assert (done["status"], done["error"]) == ("succeeded", None)
        job.state, self.trained = "succeeded", self.trained + 1
        for file_id in done["result_files"]:
            assert self.get("GET /files/{file_id}", {"file_id": file_id})["purpose"] == "fine-tune-results"
            self.files[file_id] = None
        said = [event["message"] for event in self.get(f"GET {JOB}/events", path, query={"limit": 100})["data"]]
        assert (said[0], said[-1]) == ("The job has completed", "Job created")
        saved = self.get(f"GET {JOB}/checkpoints", path)["data"]
        assert saved
        assert {one["fine_tuning_job_id"] for one in saved} == {job_id}
        self.models[done["fine_tuned_model"]] = Model(job_id, [one["fine_tuned_model_checkpoint"] for one in saved])

    @precondition(lambda self: self.models)
    @rule(number=st.integers(0, 99))
    def ask_a_model(self, number: int) -> None:
        names = [name for model, made in self.models.items() for name in (model, *made.checkpoints)]
        name = choice(names, number)
        assert self.get("GET /models/{model}", {"model": name})["id"] == name
        assert self.get("POST /chat/completions", body={**CHAT, "model": name})["model"] == name
        status = 200 if name in self.shared else 404
        self.refuse(status, "POST /chat/completions", body={**CHAT, "model": name}, key=self.other)

    @precondition(lambda self: self.models)
    @rule(number=st.integers(0, 99))
    def share_a_checkpoint_or_not_any_more(self, number: int) -> None:
        name = choice(self.models[choice(self.models, number)].checkpoints, number)
        path = {"fine_tuned_model_checkpoint": name}
        if name in self.shared:
            self.delete(f"DELETE {PERMISSIONS}/{{permission_id}}", {**path, "permission_id": self.shared.pop(name)})
        else:
            made = self.get(f"POST {PERMISSIONS}", path, {"project_ids": [self.other_project]})
            self.shared[name] = made["data"][0]["id"]
        known = [self.shared[name]] if name in self.shared else []
        assert self.listed(f"GET {PERMISSIONS}", path) == known

    @precondition(lambda self: self.models)
    @rule(number=st.integers(0, 99))
    def delete_a_model(self, number: int) -> None:
        name = choice(self.models, number)
        waiting = [job for job in self.jobs.values() if job.model == name and job.state in ("queued", "paused")]
        if waiting:
            self.refuse(400, "DELETE /models/{model}", {"model": name})
            return
        self.delete("DELETE /models/{model}", {"model": name}, "GET /models/{model}")
        model = self.models.pop(name)
        self.lost += [name, *model.checkpoints]
        for checkpoint in model.checkpoints:
            self.refuse(404, "GET /models/{model}", {"model": checkpoint})
            self.refuse(404, f"GET {PERMISSIONS}", {"fine_tuned_model_checkpoint": checkpoint})
            self.shared.pop(checkpoint, None)
        assert self.get(f"GET {JOB}/checkpoints", {"fine_tuning_job_id": model.job})["data"] == []
        assert list(job_dir(model.job).rglob("*.safetensors")) == []

    @precondition(lambda self: self.lost)
    @rule(number=st.integers(0, 99), others=st.booleans())
    def a_deleted_model_answers_nobody(self, number: int, others: bool) -> None:
        body = {**CHAT, "model": choice(self.lost, number)}
        self.refuse(404, "POST /chat/completions", body=body, key=self.other if others else self.key)

    @rule()
    def everything_is_listed(self) -> None:
        assert self.listed("GET /files") == list(self.files)[::-1]
        assert self.listed("GET /fine_tuning/jobs") == list(self.jobs)[::-1]
        names = {one["id"] for one in self.get("GET /models")["data"]}
        assert set(self.models) <= names
        assert not names & set(self.lost)
        for job_id, job in self.jobs.items():
            assert self.get(f"GET {JOB}", {"fine_tuning_job_id": job_id})["status"] == job.state

    def teardown(self) -> None:
        self.everything_is_listed()


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return judging.load()


@trials(small=8, gate=120, night=5000)
def test_what_was_made_is_found_until_it_is_deleted(api: Any, server: str, trials: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "measure", lambda threads=None, device="cpu", memory=True: Measured(50.0, 1.0, 10.0, 1))
    reached = go_through(Tuning, api, server, trials)
    of_these = ("/files", "/uploads", "/fine_tuning/jobs", "/fine_tuning/checkpoints", "/models")
    wanted = {name for name in contract.operations() if name.split(" ")[1].startswith(of_these)}
    assert trials < ENOUGH or wanted <= reached, wanted - reached


def test_a_deletion_without_effect_would_be_noticed(api: Any, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    client = bind(Tuning, api, server)()
    client.send_a_file(b"notes")
    monkeypatch.setattr(files, "remove", lambda owner, file_id: True)
    with pytest.raises(AssertionError, match="DELETE /files"):
        client.delete_a_file(0)
