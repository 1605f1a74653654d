"""What the requests to each operation need to be answered with 2xx: ids of objects that exist, and a body that is valid."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import openai
from tests import tiny

from honekit.jobs import Model, queue
from honekit.jobs.records import job_dir
from honekit.registry import create_version


@dataclass
class Recipe:
    """One request that works; each call of a recipe makes what the request uses up."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


@dataclass
class Seeds:
    """Objects of the project `default`, made through the API with a key of scope `admin`."""

    client: openai.OpenAI
    folder: Path

    @cached_property
    def training_file(self) -> str:
        lines = "\n".join(json.dumps(record) for record in tiny.conversations(12)).encode()
        return self.client.files.create(file=("train.jsonl", lines), purpose="fine-tune").id

    @cached_property
    def checkpointed_job(self) -> str:
        """A job with one checkpoint, which is noted by hand; no test asks its model anything."""
        job = self.job()
        queue.add_checkpoint(job, 3, str(self.folder), {"train_loss": 1.0}, model=Model(job_dir(job) / "epochs", "f" * 16))
        return job

    @cached_property
    def checkpoint(self) -> str:
        return self.client.fine_tuning.jobs.checkpoints.list(self.checkpointed_job).data[0].fine_tuned_model_checkpoint

    def job(self) -> str:
        return self.client.fine_tuning.jobs.create(model="tiny", training_file=self.training_file).id

    def paused_job(self) -> str:
        return self.client.fine_tuning.jobs.pause(self.job()).id

    def file(self) -> str:
        return self.client.files.create(file=("a.txt", b"a"), purpose="user_data").id

    def upload(self) -> str:
        return self.client.uploads.create(filename="u.txt", purpose="fine-tune", bytes=4, mime_type="text/plain").id

    def part(self, upload: str) -> str:
        return self.client.uploads.parts.create(upload, data=b"four").id

    def permission(self) -> str:
        shared = self.client.fine_tuning.checkpoints.permissions.create(self.checkpoint, project_ids=["another"])
        return shared.data[0].id

    def stored_chat(self) -> str:
        return self.client.chat.completions.create(**_CHAT, store=True, metadata={"team": "a"}).id  # type: ignore[call-overload,no-any-return]

    def stored_response(self) -> str:
        return self.client.responses.create(model="tiny", input="hello", max_output_tokens=16, store=True).id

    def background_response(self) -> str:
        return self.client.responses.create(model="tiny", input="hello", max_output_tokens=16, background=True).id

    def eval(self) -> str:
        return self.client.evals.create(**EVAL).id  # type: ignore[arg-type]

    @cached_property
    def graded(self) -> dict[str, str]:
        """A run whose items are over, with its evaluation and one of its items."""
        eval_id = self.eval()
        run_id = self.client.evals.runs.create(eval_id, **RUN).id  # type: ignore[arg-type]
        while self.client.evals.runs.retrieve(run_id, eval_id=eval_id).status in ("queued", "in_progress"):
            time.sleep(0.02)
        item = self.client.evals.runs.output_items.list(run_id, eval_id=eval_id).data[0]
        return {"eval_id": eval_id, "run_id": run_id, "output_item_id": item.id}

    def run(self) -> dict[str, str]:
        eval_id = self.graded["eval_id"]
        return {"eval_id": eval_id, "run_id": self.client.evals.runs.create(eval_id, **RUN).id}  # type: ignore[arg-type]

    def tuned_model(self) -> str:
        """A registered model of the project, as a finished job leaves one behind, without weights."""
        job = self.client.fine_tuning.jobs.cancel(self.job()).id
        adapter = self.folder / job
        adapter.mkdir()
        return create_version("seeded", job, "tiny", "b" * 16, adapter, job).name


def _complete(seeds: Seeds) -> Recipe:
    upload = seeds.upload()
    return Recipe(path={"upload_id": upload}, body={"part_ids": [seeds.part(upload)]})


def _of_job(make: Callable[[Seeds], str]) -> Callable[[Seeds], Recipe]:
    return lambda seeds: Recipe(path={"fine_tuning_job_id": make(seeds)})


def _only_run(ids: dict[str, str]) -> dict[str, str]:
    return {name: ids[name] for name in ("eval_id", "run_id")}


def _of_chat(**request: Any) -> Callable[[Seeds], Recipe]:
    return lambda seeds: Recipe(path={"completion_id": seeds.stored_chat()}, **request)


def _of_response(seeds: Seeds) -> Recipe:
    return Recipe(path={"response_id": seeds.stored_response()})


_PERMISSIONS = "/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"
_CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_completion_tokens": 2}
_GRADER = {"type": "string_check", "name": "exact", "input": "{{sample.output_text}}", "reference": "fan", "operation": "eq"}
_GRADERS = "/fine_tuning/alpha/graders"
EVAL = {
    "data_source_config": {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True},
    "testing_criteria": [_GRADER],
}
RUN = {
    "data_source": {
        "type": "jsonl",
        "source": {"type": "file_content", "content": [{"item": {"a": "fan"}, "sample": {"output_text": "fan"}}]},
    }
}
_EVAL_RUN = "/evals/{eval_id}/runs/{run_id}"
_UPLOAD = {"filename": "u.txt", "purpose": "fine-tune", "bytes": 4, "mime_type": "text/plain"}

RECIPES: dict[str, Callable[[Seeds], Recipe]] = {
    "POST /chat/completions": lambda seeds: Recipe(body=dict(_CHAT)),
    "GET /chat/completions": lambda seeds: Recipe(query={"limit": 5}),
    "GET /chat/completions/{completion_id}": _of_chat(),
    "POST /chat/completions/{completion_id}": _of_chat(body={"metadata": {"team": "b"}}),
    "DELETE /chat/completions/{completion_id}": _of_chat(),
    "GET /chat/completions/{completion_id}/messages": _of_chat(),
    "POST /responses": lambda seeds: Recipe(body={"model": "tiny", "input": "hello", "max_output_tokens": 16}),
    "GET /responses/{response_id}": _of_response,
    "DELETE /responses/{response_id}": _of_response,
    "POST /responses/{response_id}/cancel": lambda seeds: Recipe(path={"response_id": seeds.background_response()}),
    "GET /responses/{response_id}/input_items": _of_response,
    "POST /completions": lambda seeds: Recipe(body={"model": "tiny", "prompt": "hello", "max_tokens": 2}),
    "POST /embeddings": lambda seeds: Recipe(body={"model": "tiny", "input": "hello"}),
    "GET /files": lambda seeds: Recipe(query={"limit": 5}),
    "POST /files": lambda seeds: Recipe(body={"file": b"content", "purpose": "user_data"}),
    "GET /files/{file_id}": lambda seeds: Recipe(path={"file_id": seeds.training_file}),
    "DELETE /files/{file_id}": lambda seeds: Recipe(path={"file_id": seeds.file()}),
    "GET /files/{file_id}/content": lambda seeds: Recipe(path={"file_id": seeds.training_file}),
    f"POST {_GRADERS}/run": lambda seeds: Recipe(body={"grader": _GRADER, "model_sample": "fan"}),
    f"POST {_GRADERS}/validate": lambda seeds: Recipe(body={"grader": _GRADER}),
    f"GET {_PERMISSIONS}": lambda seeds: Recipe(path={"fine_tuned_model_checkpoint": seeds.checkpoint}),
    f"POST {_PERMISSIONS}": lambda seeds: Recipe(
        path={"fine_tuned_model_checkpoint": seeds.checkpoint}, body={"project_ids": ["another"]}
    ),
    f"DELETE {_PERMISSIONS}/{{permission_id}}": lambda seeds: Recipe(
        path={"fine_tuned_model_checkpoint": seeds.checkpoint, "permission_id": seeds.permission()}
    ),
    "GET /fine_tuning/jobs": lambda seeds: Recipe(query={"limit": 5}),
    "POST /fine_tuning/jobs": lambda seeds: Recipe(body={"model": "tiny", "training_file": seeds.training_file}),
    "GET /fine_tuning/jobs/{fine_tuning_job_id}": _of_job(lambda seeds: seeds.checkpointed_job),
    "POST /fine_tuning/jobs/{fine_tuning_job_id}/cancel": _of_job(Seeds.job),
    "GET /fine_tuning/jobs/{fine_tuning_job_id}/checkpoints": _of_job(lambda seeds: seeds.checkpointed_job),
    "GET /fine_tuning/jobs/{fine_tuning_job_id}/events": _of_job(lambda seeds: seeds.checkpointed_job),
    "POST /fine_tuning/jobs/{fine_tuning_job_id}/pause": _of_job(Seeds.job),
    "POST /fine_tuning/jobs/{fine_tuning_job_id}/resume": _of_job(Seeds.paused_job),
    "GET /evals": lambda seeds: Recipe(query={"limit": 5}),
    "POST /evals": lambda seeds: Recipe(body=dict(EVAL)),
    "GET /evals/{eval_id}": lambda seeds: Recipe(path={"eval_id": seeds.graded["eval_id"]}),
    "POST /evals/{eval_id}": lambda seeds: Recipe(path={"eval_id": seeds.graded["eval_id"]}, body={"name": "other"}),
    "DELETE /evals/{eval_id}": lambda seeds: Recipe(path={"eval_id": seeds.eval()}),
    "GET /evals/{eval_id}/runs": lambda seeds: Recipe(path={"eval_id": seeds.graded["eval_id"]}),
    "POST /evals/{eval_id}/runs": lambda seeds: Recipe(path={"eval_id": seeds.graded["eval_id"]}, body=dict(RUN)),
    f"GET {_EVAL_RUN}": lambda seeds: Recipe(path=_only_run(seeds.graded)),
    f"POST {_EVAL_RUN}": lambda seeds: Recipe(path=_only_run(seeds.graded)),
    f"DELETE {_EVAL_RUN}": lambda seeds: Recipe(path=seeds.run()),
    f"GET {_EVAL_RUN}/output_items": lambda seeds: Recipe(path=_only_run(seeds.graded)),
    f"GET {_EVAL_RUN}/output_items/{{output_item_id}}": lambda seeds: Recipe(path=seeds.graded),
    "GET /models": lambda seeds: Recipe(),
    "GET /models/{model}": lambda seeds: Recipe(path={"model": "tiny"}),
    "DELETE /models/{model}": lambda seeds: Recipe(path={"model": seeds.tuned_model()}),
    "POST /uploads": lambda seeds: Recipe(body=dict(_UPLOAD)),
    "POST /uploads/{upload_id}/cancel": lambda seeds: Recipe(path={"upload_id": seeds.upload()}),
    "POST /uploads/{upload_id}/complete": _complete,
    "POST /uploads/{upload_id}/parts": lambda seeds: Recipe(path={"upload_id": seeds.upload()}, body={"data": b"four"}),
}
"""For every operation of the contract that Hone serves, a request that is answered with 2xx."""


def of_owner(name: str, seeds: Seeds) -> Recipe:
    """The recipe with something that belongs to the project: bases belong to everybody, a tuned model has an owner."""
    return Recipe(path={"model": seeds.tuned_model()}) if name == "GET /models/{model}" else RECIPES[name](seeds)
