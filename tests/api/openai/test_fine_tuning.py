"""Fine-tuning jobs over HTTP, up to the point where a worker takes them: the server of these tests runs none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tests import tiny
from tests.other_server import configure
from tests.train.test_preference_job import preferences
from tests.train.test_reinforcement_job import prompts

from honekit import fine_tuning, jobs
from honekit.api.auth import Scope, create_key
from honekit.api.engines import Engines
from honekit.api.openai.job_faults import MENDS
from honekit.api.server import running
from honekit.fine_tuning import Start
from honekit.fine_tuning.permissions import share
from honekit.jobs import Model, leases, queue
from honekit.jobs.records import job_dir
from honekit.registry import create_version

pytestmark = pytest.mark.both_databases


def upload(client: openai.OpenAI, records: list[Any] | None = None, purpose: str = "fine-tune") -> str:
    lines = "\n".join(json.dumps(record) for record in (tiny.conversations(12) if records is None else records)).encode()
    return client.files.create(file=("train.jsonl", lines), purpose=purpose).id  # type: ignore[arg-type]


def create(client: openai.OpenAI, **options: Any) -> Any:
    return client.fine_tuning.jobs.create(**{"model": "tiny", "training_file": upload(client), **options})


def unread_adapter(folder: Path) -> Path:
    """What stands for an adapter until a job runs."""
    (folder / "adapter_model.safetensors").write_bytes(b"not looked into before the job runs")
    (folder / "adapter_config.json").write_text("{}")
    return folder


@pytest.fixture
def another(client: openai.OpenAI) -> Iterator[openai.OpenAI]:
    """A client of another project."""
    with openai.OpenAI(base_url=client.base_url, api_key=create_key(project="another")[0], max_retries=0) as other:
        yield other


@pytest.mark.conformance("POST /v1/fine_tuning/jobs")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "model", "training_file")
def test_what_is_auto_is_decided_and_shown(client: openai.OpenAI) -> None:
    job = create(client)
    assert job.hyperparameters.model_dump() == {"n_epochs": 8, "batch_size": 4, "learning_rate_multiplier": 1.0}
    assert job.method.type == "supervised"
    assert 0 <= job.seed < 2**31
    assert (job.object, job.status, job.error, job.result_files, job.trained_tokens) == (
        "fine_tuning.job",
        "queued",
        None,
        [],
        None,
    )


def test_a_tuned_model_carries_the_name_that_its_base_is_served_by(client: openai.OpenAI, tmp_path: Path) -> None:
    training, named, base = upload(client), "gpt-4o-mini-2024-07-18", str(tmp_path / "some-base")
    adapter = unread_adapter(tmp_path)
    job, asked = fine_tuning.create("default", Start(named, base), training, suffix="pumps")
    assert asked.model_name.startswith(f"ft:{named}:local:pumps:")
    version = create_version("pumps", job.id, base, "b", adapter, "f", name=asked.model_name)
    assert version.name == asked.model_name
    again = fine_tuning.create("default", Start(version.name, base, adapter), training)[1]
    assert again.model_name.startswith(f"ft:{named}:local::")
    by_alias = fine_tuning.create("default", Start("pumps@production", base, adapter, version.name), training)[1]
    assert by_alias.model_name.startswith(f"ft:{named}:local::")
    unnamed = fine_tuning.create("default", Start("pumps@production", base, adapter), training)[1]
    assert unnamed.model_name.startswith("ft:some-base:local::")


def test_an_encoder_is_refused_before_a_job_of_it_is_queued(key: str, tmp_path: Path) -> None:
    served = Engines(device="cpu", extra_bases={"encoder": str(tiny.save_encoder(tmp_path / "encoder"))})
    with running(served) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        before = client.fine_tuning.jobs.list().data
        with pytest.raises(openai.BadRequestError, match="encoder is not available for fine-tuning: this is") as caught:
            create(client, model="encoder")
        assert (caught.value.param, caught.value.code) == ("model", "model_not_available")
        judge = {"type": "score_model", "name": "j", "model": "encoder", "input": [{"role": "user", "content": "good?"}]}
        with pytest.raises(openai.BadRequestError, match="embedding model") as caught:
            create(client, model="encoder", method=reinforcement(judge))
        assert caught.value.param == "method.reinforcement.grader.model"
        assert client.fine_tuning.jobs.list().data == before


def test_all_keys_of_the_contract_are_there_when_nothing_is_known_yet(server: str, key: str, client: openai.OpenAI) -> None:
    job = create(client)
    raw = httpx.get(f"{server}/v1/fine_tuning/jobs/{job.id}", headers={"Authorization": f"Bearer {key}"}).json()
    needed = {"id", "object", "created_at", "error", "fine_tuned_model", "finished_at", "hyperparameters", "model"}
    needed |= {"organization_id", "result_files", "status", "trained_tokens", "training_file", "validation_file", "seed"}
    assert needed <= set(raw)


@pytest.mark.parametrize(
    ("options", "status", "param"),
    [
        ({"model": "no-such-model"}, 404, "model"),
        ({"training_file": "file-none"}, 400, "training_file"),
        ({"validation_file": "file-none"}, 400, "validation_file"),
        ({"suffix": ""}, 400, "suffix"),
        ({"suffix": "x" * 65}, 400, "suffix"),
        ({"seed": -1}, 400, "seed"),
        ({"seed": 2**31}, 400, "seed"),
        ({"metadata": {str(i): "" for i in range(17)}}, 400, "metadata"),
        ({"metadata": {"k": "x" * 513}}, 400, "metadata.k"),
        ({"hyperparameters": {"n_epochs": 0}}, 400, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": 51}}, 400, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": 257}}, 400, "hyperparameters.batch_size"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, 400, "hyperparameters.learning_rate_multiplier"),
        ({"method": {"type": "magic"}}, 400, "method.type"),
        (
            {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "all"}}}},
            400,
            "method.supervised.hyperparameters.n_epochs",
        ),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, 400, "integrations"),
        ({"extra_body": {"colour": "red"}}, 400, "colour"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(client: openai.OpenAI, options: dict[str, Any], status: int, param: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, **options)
    assert (caught.value.status_code, caught.value.param) == (status, param), caught.value
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"hyperparameters": {"n_epochs": 51}}, "less than or equal to 50"),
        ({"hyperparameters": {"n_epochs": "many"}}, "should be 'auto' or a valid integer."),
        ({"hyperparameters": {"batch_size": 0}}, "greater than or equal to 1"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.5}}}}, "less than or equal to 2"),
        ({"suffix": "x" * 65}, "at most 64 characters, not 65"),
        ({"suffix": ""}, "at least 1 character, not 0"),
    ],
)
def test_a_value_out_of_bounds_is_told_its_bound(client: openai.OpenAI, options: dict[str, Any], told: str) -> None:
    with pytest.raises(openai.BadRequestError, match=told):
        create(client, **options)


@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "method.dpo")
def test_a_preference_job_shows_its_own_hyperparameters(client: openai.OpenAI) -> None:
    training = upload(client, preferences(12))
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3}}, "supervised": {"anything": "is not read"}}
    job = create(client, training_file=training, method=method)
    shown = {"n_epochs": 8, "batch_size": 4, "learning_rate_multiplier": 1.0, "beta": 0.3}
    assert job.method.type == "dpo"
    assert job.method.dpo.hyperparameters.model_dump() == shown
    for wrong in (0, 2.1):
        with pytest.raises(openai.BadRequestError) as caught:
            create(client, training_file=training, method={"type": "dpo", "dpo": {"hyperparameters": {"beta": wrong}}})
        assert caught.value.param == "method.dpo.hyperparameters.beta"
    with pytest.raises(openai.BadRequestError, match=r"Lines 1, 2, .*: ") as caught:
        create(client, method={"type": "dpo"})  # chat examples where preferences are needed
    assert caught.value.code == "invalid_training_file"


def test_a_faulty_file_is_refused_with_its_lines(client: openai.OpenAI) -> None:
    records = tiny.conversations(12)
    records[6] = {"messages": [{"role": "user", "content": "no answer"}]}
    with pytest.raises(openai.BadRequestError, match=r"Line 7: .*no assistant message") as caught:
        create(client, training_file=upload(client, records))
    assert (caught.value.code, caught.value.param) == ("invalid_training_file", "training_file")
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, validation_file=upload(client, [records[6]]))
    assert (caught.value.code, caught.value.param) == ("invalid_validation_file", "validation_file")


def test_what_is_odd_in_a_file_is_told_by_the_first_events(client: openai.OpenAI) -> None:
    records = tiny.conversations(10)
    said = records[0]["messages"]
    twice = {"messages": [*said[:-1], {"role": "user", "content": "and?"}, said[-1]]}
    training = upload(client, [*records, twice, records[1], records[2]])
    job = create(client, training_file=training, validation_file=upload(client, [twice]))
    events = list(client.fine_tuning.jobs.list_events(job.id))[::-1]
    at = f"messages[{len(said) - 1}].role: two user messages follow each other"
    assert [(event.level, event.message) for event in events] == [
        ("info", "Job created"),
        ("warn", f"Training file: Line 11: {at}"),
        ("warn", "Training file: Line 12: the same conversation as on line 2; the like on line 13"),
        ("warn", f"Validation file: Line 1: {at}"),
    ]


def test_hyperparameters_in_both_places_are_taken_together_and_may_not_contradict(client: openai.OpenAI) -> None:
    training = upload(client, preferences(12))
    method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3, "batch_size": 6, "learning_rate_multiplier": "auto"}}}
    legacy: Any = {"n_epochs": 2, "batch_size": 6, "learning_rate_multiplier": 0.5}
    job = create(client, training_file=training, method=method, hyperparameters=legacy)
    shown = {"n_epochs": 2, "batch_size": 6, "learning_rate_multiplier": 0.5, "beta": 0.3}
    assert job.method.dpo.hyperparameters.model_dump() == shown
    with pytest.raises(openai.BadRequestError, match=r"'batch_size' .*method.dpo.hyperparameters") as caught:
        create(client, training_file=training, method=method, hyperparameters={"batch_size": 5})
    assert (caught.value.code, caught.value.param) == ("invalid_value", "hyperparameters")


def test_prompts_with_completions_are_checked_line_by_line_too(client: openai.OpenAI) -> None:
    texts: list[Any] = [{"prompt": f"{number} + 1 =", "completion": f" {number + 1}"} for number in range(10)]
    training = upload(client, [*texts, {**texts[3], "topics": "sums"}])
    job = create(client, training_file=training, validation_file=upload(client, texts[:1]))
    assert job.hyperparameters.n_epochs == 9
    events = [event.message for event in client.fine_tuning.jobs.list_events(job.id)]
    assert 'Training file: Line 11: topics: the key "topics" means nothing here' in events
    with pytest.raises(openai.BadRequestError, match="Line 11: completion: `completion` is not a text") as caught:
        create(client, training_file=upload(client, [*texts, {"prompt": "a", "completion": 1}]))
    assert caught.value.code == "invalid_training_file"
    with pytest.raises(openai.BadRequestError, match="Line 1: messages: the key `messages` is missing"):
        create(client, validation_file=upload(client, [{"prompt": "a"}]))
    with pytest.raises(openai.BadRequestError, match=r"Lines 1, 2, .*prompt/completion record"):
        create(client, training_file=training, method={"type": "dpo"})


def test_what_is_passed_over_or_written_twice_is_told_by_the_first_events(client: openai.OpenAI) -> None:
    lines = [json.dumps(record) for record in tiny.conversations(10)]
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": json.dumps("{}")}}
    lines[3:3] = ["", json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [call]}]})]
    sent = client.files.create(file=("train.jsonl", "\n".join([*lines, "", ""]).encode()), purpose="fine-tune")
    job = create(client, training_file=sent.id)
    told = [event.message for event in client.fine_tuning.jobs.list_events(job.id) if event.level == "warn"]
    assert sorted(message.partition(":")[2][:50] for message in told) == [
        " Line 4: the line is blank, and passed over",
        " Line 5: messages[1].tool_calls[0].function.argume",
    ]


def test_an_empty_id_of_a_validation_file_is_no_file(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, validation_file="")
    assert (caught.value.code, caught.value.param) == ("file_not_found", "validation_file")


def test_nine_examples_are_too_few_for_training_and_enough_for_validation(client: openai.OpenAI) -> None:
    few = upload(client, tiny.conversations(9))
    with pytest.raises(openai.BadRequestError, match=r"has 9 example\(s\), but must have at least 10") as caught:
        create(client, training_file=few)
    assert caught.value.code == "invalid_n_examples"
    assert create(client, validation_file=few).validation_file == few


def test_only_files_for_training_are_trained_on(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, training_file=upload(client, purpose="user_data"))
    assert caught.value.code == "invalid_purpose"


@pytest.mark.conformance("GET /v1/fine_tuning/jobs")
@pytest.mark.conformance("GET /v1/fine_tuning/jobs", "limit", "after", "metadata")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs", "metadata")
def test_jobs_are_listed_in_pages_and_by_metadata(another: openai.OpenAI) -> None:
    training = upload(another)
    made = [create(another, training_file=training, metadata={"n": str(i), "all": "yes"}).id for i in range(3)]
    plain = create(another, training_file=training).id
    assert [job.id for job in another.fine_tuning.jobs.list(limit=2)] == [plain, *made[::-1]]
    assert [job.id for job in another.fine_tuning.jobs.list(metadata={"n": "1", "all": "yes"})] == [made[1]]
    for null in ("null", ""):  # as the contract writes it, and as the Node client does
        raw = another.get(f"/fine_tuning/jobs?metadata={null}", cast_to=httpx.Response).json()
        assert [job["id"] for job in raw["data"]] == [plain]
    for wrong in ("metadata=false", "metadata[]=x", f"metadata[{'k' * 65}]=x"):
        with pytest.raises(openai.BadRequestError) as caught:
            another.get(f"/fine_tuning/jobs?{wrong}", cast_to=httpx.Response)
        assert (caught.value.code, caught.value.param) == ("invalid_value", "metadata")


@pytest.mark.parametrize("name", ["ù", 'a"b', "a.b", "a\\b", "a]b", "0", "$", "a\tb"])
def test_jobs_are_found_by_any_key_of_their_metadata(client: openai.OpenAI, name: str) -> None:
    with openai.OpenAI(base_url=client.base_url, api_key=create_key(project="keys")[0], max_retries=0) as own:
        made = create(own, metadata={name: "é"}).id
        found = own.fine_tuning.jobs.list(extra_query={f"metadata[{name}]": "é"})
        assert [job.id for job in found] == [made]
        assert own.fine_tuning.jobs.list(extra_query={f"metadata[{name}]": "e"}).data == []


@pytest.mark.conformance("POST /v1/fine_tuning/jobs/{fine_tuning_job_id}/pause")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs/{fine_tuning_job_id}/resume")
@pytest.mark.conformance("POST /v1/fine_tuning/jobs/{fine_tuning_job_id}/cancel")
def test_a_queued_job_can_be_paused_resumed_and_cancelled(client: openai.OpenAI) -> None:
    job = create(client)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    done = client.fine_tuning.jobs.cancel(job.id)
    assert done.status == "cancelled" and done.finished_at
    for call in (client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
        with pytest.raises(openai.BadRequestError):
            call(job.id)


@pytest.mark.conformance("GET /v1/fine_tuning/jobs/{fine_tuning_job_id}/events")
@pytest.mark.conformance("GET /v1/fine_tuning/jobs/{fine_tuning_job_id}/events", "limit", "after")
def test_events_come_newest_first_in_pages_and_name_no_path(client: openai.OpenAI) -> None:
    job = create(client)
    client.fine_tuning.jobs.pause(job.id)
    jobs.add_event(job.id, "info", "saved", {"step": 1, "path": "/secret/place"})
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=1))
    assert [event.message for event in events] == ["saved", "Job paused", "Job created"]
    assert events[0].data == {"step": 1}


def test_an_empty_after_asks_for_the_first_page_of_every_list(server: str, tmp_path: Path) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=create_key(scope="admin")[0], max_retries=0) as admin:
        job, name = checkpointed(admin, tmp_path)
        admin.fine_tuning.checkpoints.permissions.create(name, project_ids=["another"])
        headers = {"Authorization": f"Bearer {admin.api_key}"}
    own = "/organization/projects/default/api_keys"
    at = f"/fine_tuning/jobs/{job.id}"
    lists = (
        "/files",
        "/fine_tuning/jobs",
        f"{at}/events",
        f"{at}/checkpoints",
        f"/fine_tuning/checkpoints/{name}/permissions",
        own,
    )
    for path in lists:
        first, empty = (httpx.get(f"{server}/v1{path}{query}", headers=headers).json() for query in ("", "?after="))
        assert first["data"] and empty == first, path


def test_a_job_that_is_being_cancelled_is_not_paused(client: openai.OpenAI) -> None:
    job = create(client)
    assert leases.claim(job.id, "elsewhere:1:x")
    assert client.fine_tuning.jobs.cancel(job.id).status == "running"
    with pytest.raises(openai.BadRequestError, match="being cancelled does not take 'pause'") as caught:
        client.fine_tuning.jobs.pause(job.id)
    assert caught.value.code == "invalid_state"


@pytest.mark.parametrize("code", [*MENDS, "data.empty"])
def test_a_failed_job_is_mended_with_what_a_request_has(client: openai.OpenAI, code: str) -> None:
    job = create(client)
    lease = leases.claim(job.id, "elsewhere:1:x")
    assert lease is not None
    error = {"code": code, "what": "it failed", "where": None, "mend": "as data says"}
    queue.fail(job.id, error, token=lease.token)
    told = client.fine_tuning.jobs.retrieve(job.id).error
    assert told is not None and told.message == f"it failed. To mend it: {MENDS.get(code, 'as data says')}"
    assert "train." not in told.message


def test_a_retried_creation_is_one_job(server: str, client: openai.OpenAI, key: str) -> None:
    body = {"model": "tiny", "training_file": upload(client)}

    def post(count: int) -> str:
        headers = {"Authorization": f"Bearer {key}", "x-stainless-retry-count": str(count)}
        answer = httpx.post(f"{server}/v1/fine_tuning/jobs", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    first = post(0)
    assert post(1) == first == post(2)
    assert post(0) != first


def checkpointed(client: openai.OpenAI, tmp_path: Path) -> tuple[Any, str]:
    """A job with one checkpoint that holds a model, noted by hand."""
    job = create(client)
    queue.add_checkpoint(job.id, 3, str(tmp_path), {"train_loss": 1.0}, model=Model(job_dir(job.id) / "epochs", "f" * 16))
    return job, client.fine_tuning.jobs.checkpoints.list(job.id).data[0].fine_tuned_model_checkpoint


@pytest.mark.parametrize("step", ["03", "+3", "\N{FULLWIDTH DIGIT THREE}", "3.0", "003"])
def test_a_checkpoint_has_one_name(client: openai.OpenAI, tmp_path: Path, step: str) -> None:
    other = f"{checkpointed(client, tmp_path)[1][:-1]}{step}"
    permissions = client.with_options(api_key=create_key(scope="admin")[0]).fine_tuning.checkpoints.permissions
    for use in (partial(client.models.retrieve, other), partial(permissions.create, other, project_ids=["team"])):
        with pytest.raises(openai.NotFoundError):
            use()


def test_permissions_can_be_taken_back_while_they_are_listed(client: openai.OpenAI, tmp_path: Path) -> None:
    shared = checkpointed(client, tmp_path)[1]
    permissions = client.with_options(api_key=create_key(scope="admin")[0]).fine_tuning.checkpoints.permissions
    given = [one.id for one in permissions.create(shared, project_ids=[f"team-{number}" for number in range(5)])]
    seen = []
    for one in permissions.list(shared, limit=2):
        permissions.delete(one.id, fine_tuned_model_checkpoint=shared)
        seen.append(one.id)
    assert sorted(seen) == sorted(given)
    assert [one.id for one in permissions.list(shared, after=given[0], order="ascending")] == []
    with pytest.raises(openai.BadRequestError) as caught:
        permissions.list(shared, after="cp_none")
    assert caught.value.param == "after"


def test_the_estimated_finish_is_that_of_a_running_job_and_never_past(client: openai.OpenAI) -> None:
    job = create(client).id

    def estimated() -> int | None:
        found: int | None = client.fine_tuning.jobs.retrieve(job).estimated_finish
        return found

    jobs.transition(job, "running", message="Running")
    now = time.time()
    for finish_at in (now + 100, now - 100):
        queue.set_progress(job, {"step": 1, "total_steps": 9, "eta_s": 100.0, "finish_at": finish_at})
        assert int(max(finish_at, now)) <= (estimated() or 0) <= max(finish_at, time.time())
    jobs.transition(job, "paused", message="Paused")
    assert estimated() is None
    for status in ("queued", "running"):
        jobs.transition(job, status, message="")  # type: ignore[arg-type]
    assert estimated() is None  # until it has shown anew how fast it is
    assert jobs.get_job(job).progress == {"step": 1, "total_steps": 9}
    jobs.fail(job, {"code": "x", "what": "y", "where": None, "mend": None})


@pytest.mark.conformance("POST /v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions")
@pytest.mark.conformance("POST /v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions", "project_ids")
@pytest.mark.conformance("GET /v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions")
@pytest.mark.conformance(
    "GET /v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions", "limit", "after", "order", "project_id"
)
@pytest.mark.conformance("DELETE /v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions/{permission_id}")
def test_a_checkpoint_is_shared_with_other_projects_by_admins_alone(
    client: openai.OpenAI, another: openai.OpenAI, tmp_path: Path
) -> None:
    _, name = checkpointed(client, tmp_path)
    assert name.endswith(":ckpt-step-3")
    permissions = client.fine_tuning.checkpoints.permissions
    with pytest.raises(openai.PermissionDeniedError):
        permissions.create(name, project_ids=["another"])
    with openai.OpenAI(base_url=client.base_url, api_key=create_key(scope="admin")[0], max_retries=0) as admin:
        permissions = admin.fine_tuning.checkpoints.permissions
        with pytest.raises(openai.NotFoundError):
            another.models.retrieve(name)
        made = permissions.create(name, project_ids=["another", "third"]).data
        assert [one.project_id for one in made] == ["another", "third"]
        assert another.models.retrieve(name).id == name
        listed = list(permissions.list(name, limit=1, order="ascending"))
        assert [one.id for one in listed] == [one.id for one in made]
        assert [one.id for one in permissions.list(name, project_id="third")] == [made[1].id]
        assert permissions.delete(made[0].id, fine_tuned_model_checkpoint=name).deleted
        with pytest.raises(openai.NotFoundError):
            another.models.retrieve(name)
        with pytest.raises(openai.NotFoundError):
            permissions.create("ft:none:local::x:ckpt-step-1", project_ids=["a"])


def test_a_checkpoint_of_a_job_that_made_no_model_is_deleted_by_its_own_project(
    client: openai.OpenAI, another: openai.OpenAI, tmp_path: Path
) -> None:
    job, name = checkpointed(client, tmp_path)
    share(name, ["another"])
    for caller, code in ((client, "model_in_use"), (another, "model_is_shared")):
        with pytest.raises(openai.APIStatusError) as caught:
            caller.models.delete(name)
        assert (caught.value.code, caught.value.param) == (code, "model")
    client.fine_tuning.jobs.cancel(job.id)
    assert client.models.delete(name).deleted
    assert client.fine_tuning.jobs.checkpoints.list(job.id).data == []
    for caller in (client, another):
        with pytest.raises(openai.NotFoundError):
            caller.models.delete(name)


def test_a_checkpoint_of_a_tuned_model_goes_with_it(client: openai.OpenAI, tmp_path: Path) -> None:
    job, name = checkpointed(client, tmp_path)
    client.fine_tuning.jobs.cancel(job.id)
    tuned = create_version("", job.id, "tiny", "b", unread_adapter(tmp_path), "f", name=name.rsplit(":", 1)[0])
    with pytest.raises(openai.BadRequestError, match=tuned.name) as caught:
        client.models.delete(name)
    assert caught.value.code == "not_a_tuned_model"
    assert client.models.delete(tuned.name).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.delete(name)


@pytest.mark.conformance("GET /v1/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints", "limit", "after")
def test_checkpoints_are_listed_in_pages(client: openai.OpenAI, tmp_path: Path) -> None:
    job, _ = checkpointed(client, tmp_path)
    queue.add_checkpoint(job.id, 6, str(tmp_path), {"train_loss": 0.5}, model=Model(job_dir(job.id) / "later", "e" * 16))
    first = client.fine_tuning.jobs.checkpoints.list(job.id, limit=1)
    assert first.has_more and [one.step_number for one in first.data] == [6]
    assert [one.step_number for one in client.fine_tuning.jobs.checkpoints.list(job.id, after=first.data[0].id)] == [3]


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_a_key_may_do_what_its_scope_says(server: str, client: openai.OpenAI, scope: Scope) -> None:
    with openai.OpenAI(base_url=client.base_url, api_key=create_key(scope=scope)[0], max_retries=0) as own:
        assert own.models.list().data and own.files.list() is not None
        answer = own.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "x"}], max_tokens=1)
        assert answer.choices
        if scope == "read":
            with pytest.raises(openai.PermissionDeniedError, match="needs 'write'") as caught:
                upload(own)
            assert caught.value.type == "permission_error"
        else:
            assert upload(own)


def test_a_base_is_not_deleted_through_the_api(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("tiny")
    with pytest.raises(openai.NotFoundError):
        client.models.delete("ft:none:local::x")


CHECK = {"type": "string_check", "name": "says", "operation": "like", "input": "{{sample.output_text}}",
         "reference": "{{item.wanted}}"}  # fmt: skip


def reinforcement(grader: Any = CHECK, **options: Any) -> dict[str, Any]:
    return {"type": "reinforcement", "reinforcement": {"grader": grader, **options}}


def judge(model: str) -> dict[str, Any]:
    return {"type": "score_model", "name": "j", "model": model, "input": [{"role": "user", "content": "{{item.wanted}}"}]}


def test_a_reinforcement_job_shows_its_grader_and_what_was_decided(client: openai.OpenAI) -> None:
    training = upload(client, prompts(40))
    wanted = {"compute_multiplier": 0.5, "eval_samples": 2, "batch_size": "auto"}
    job = create(client, training_file=training, method=reinforcement(hyperparameters=wanted))
    shown = job.method.to_dict()
    assert shown["type"] == "reinforcement"
    assert shown["reinforcement"]["grader"] == CHECK
    assert shown["reinforcement"]["hyperparameters"] == {
        "n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1.0, "compute_multiplier": 0.5, "eval_interval": 10,
        "eval_samples": 2, "reasoning_effort": "default",
    }  # fmt: skip
    spec = jobs.get_job(job.id).spec
    assert spec["grader"] == CHECK
    assert spec["recipe"]["reinforcement"]["group_size"] == 4
    assert spec["recipe"]["objective"] == "reinforcement"
    asked = create(client, training_file=training, method=reinforcement(judge("tiny")))
    assert jobs.get_job(asked.id).spec["judges"] == {"tiny": None}


def test_a_reinforcement_job_may_ask_a_model_of_a_configured_server(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, "http://127.0.0.1:9/v1")
    job = create(client, training_file=upload(client, prompts(12)), method=reinforcement(judge("far-judge")))
    assert jobs.get_job(job.id).spec["judges"] is None
    assert job.method.reinforcement.grader.model == "far-judge"


@pytest.mark.parametrize(
    ("method", "code", "param"),
    [
        ({"type": "reinforcement"}, "missing_required_parameter", ""),
        ({"type": "reinforcement", "reinforcement": {}}, "missing_required_parameter", "grader"),
        (reinforcement({**CHECK, "operation": "is"}), "invalid_value", "grader.operation"),
        (reinforcement({**CHECK, "input": "{{item"}), "invalid_value", "grader.input"),
        (reinforcement({**CHECK, "input": "{{sample.text}}"}), "invalid_value", "grader"),
        (reinforcement({**CHECK, "type": "magic"}), "invalid_value", "grader.type"),
        (reinforcement(judge("nobody")), "model_not_found", "grader.model"),
        (reinforcement(judge("smollm2-135m")), "invalid_grader", "grader.model"),
        (reinforcement({"type": "multi", "name": "m", "graders": {"a": CHECK, "b": judge("smollm2-135m")},
                        "calculate_output": "a + b"}), "invalid_grader", "grader.graders.b.model"),
        (reinforcement({"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}), "python_not_allowed",
         "grader"),
        (reinforcement(response_format={"type": "json_object"}), "unsupported_value", "response_format"),
        (reinforcement(hyperparameters={"reasoning_effort": "high"}), "unsupported_value", "hyperparameters.reasoning_effort"),
        (reinforcement(hyperparameters={"reasoning_effort": "huge"}), "invalid_value", "hyperparameters.reasoning_effort"),
        (reinforcement(hyperparameters={"compute_multiplier": 0.00001}), "invalid_value", "hyperparameters.compute_multiplier"),
        (reinforcement(hyperparameters={"compute_multiplier": 10.1}), "invalid_value", "hyperparameters.compute_multiplier"),
        (reinforcement(hyperparameters={"eval_interval": 0}), "invalid_value", "hyperparameters.eval_interval"),
        (reinforcement(hyperparameters={"eval_samples": 0}), "invalid_value", "hyperparameters.eval_samples"),
        (reinforcement(hyperparameters={"beta": 0.1}), "unknown_parameter", "hyperparameters.beta"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_reinforcement_request_is_named(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, method: dict[str, Any], code: str, param: str
) -> None:
    monkeypatch.delenv("HONE_PYTHON_GRADERS", raising=False)
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, training_file=upload(client, prompts(12)), method=method)
    assert (caught.value.code, caught.value.param) == (code, f"method.reinforcement.{param}".rstrip(".")), caught.value


def test_that_meteor_is_without_wordnet_is_told_by_the_jobs_events(client: openai.OpenAI) -> None:
    alike = {"type": "text_similarity", "name": "like", "evaluation_metric": "meteor", "input": "{{sample.output_text}}",
             "reference": "{{item.wanted}}"}  # fmt: skip
    job = create(client, training_file=upload(client, prompts(12)), method=reinforcement(alike))
    told = [event.message for event in client.fine_tuning.jobs.list_events(job.id) if event.level == "warn"]
    assert told == ["Grader: METEOR is computed without WordNet: equal words and words of one stem match, synonyms do not"]


def test_a_file_has_to_hold_what_the_grader_names(client: openai.OpenAI) -> None:
    training = upload(client, prompts(12))
    other = {**CHECK, "reference": "{{item.wamted}}"}
    with pytest.raises(openai.BadRequestError, match=r"Lines 1, 2, .*: wamted: .*did you mean") as caught:
        create(client, training_file=training, method=reinforcement(other))
    assert (caught.value.code, caught.value.param) == ("invalid_training_file", "training_file")
    records = prompts(12)
    del records[4]["wanted"]
    with pytest.raises(openai.BadRequestError, match=r"Line 5: wanted") as caught:
        create(client, training_file=training, validation_file=upload(client, records), method=reinforcement())
    assert caught.value.code == "invalid_validation_file"
    with pytest.raises(openai.BadRequestError, match=r"Lines 1, 2, .*role assistant") as caught:
        create(client, method=reinforcement())  # chat examples, which end with an answer
    assert caught.value.code == "invalid_training_file"


def test_a_model_that_a_job_goes_on_from_stays_until_the_job_is_over(client: openai.OpenAI, tmp_path: Path) -> None:
    adapter = unread_adapter(tmp_path)
    made = jobs.get_job(create(client).id)
    version = create_version("", made.id, made.spec["base"], "b", adapter, "f", owner=made.owner)
    client.fine_tuning.jobs.cancel(made.id)
    going_on = create(client, model=version.name)
    with pytest.raises(openai.BadRequestError) as caught:
        client.models.delete(version.name)
    assert (caught.value.code, caught.value.param) == ("model_in_use", "model")
    client.fine_tuning.jobs.cancel(going_on.id)
    assert client.models.delete(version.name).deleted
