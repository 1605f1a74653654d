"""Each command on this machine's own data and over a server on the same data: the same JSON, the same exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import tiny

from honekit import deploy, fine_tuning, jobs, registry
from honekit.api import auth
from honekit.api.engines import Engines
from honekit.api.server import running
from honekit.cli import watching
from honekit.cli.main import main
from honekit.fine_tuning import Start
from honekit.jobs import queue
from honekit.store import files

Run = Callable[..., tuple[int, Any]]
OWNER = "default"
TEXT = "\n".join(json.dumps(one) for one in tiny.conversations(12)).encode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same-json") / "home"


@pytest.fixture(autouse=True)
def own_home(hone_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One home for all: the server outlives a test."""
    monkeypatch.setenv("HONE_HOME", str(home))


@pytest.fixture(scope="module")
def server(home: Path, small_base: Path) -> Iterator[tuple[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(home))
        key = auth.create_key("admin", scope="admin")[0]
        with running(Engines(device="cpu", extra_bases={"tiny": str(small_base)})) as url:
            yield url, key


@pytest.fixture(params=["here", "on the server"])
def one_place(request: pytest.FixtureRequest, server: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    _go(monkeypatch, server if request.param == "on the server" else None)


@pytest.fixture
def twice(
    server: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[tuple[int, Any]]]:
    """Run a command over the server and here: exit codes and documents. A list of arguments for each, or one for both."""

    def run(first: list[str], second: list[str] | None = None) -> list[tuple[int, Any]]:
        done = []
        for place, arguments in ((server, first), (None, second or first)):
            _go(monkeypatch, place)
            capsys.readouterr()
            code = main([*arguments, "--json"])
            done.append((code, json.loads(capsys.readouterr().out)))
        return done

    return run


def _go(monkeypatch: pytest.MonkeyPatch, place: tuple[str, str] | None) -> None:
    for name, value in zip(("HONE_BASE_URL", "HONE_API_KEY"), place or (None, None), strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


def new_file() -> str:
    return files.create(OWNER, "train.jsonl", "fine-tune", [TEXT]).id


def new_job(base: Path, suffix: str = "twin", **given: Any) -> str:
    return fine_tuning.create(OWNER, Start("tiny", str(base)), new_file(), suffix=suffix, seed=7, **given)[0].id


def new_model(base: Path, folder: Path, suffix: str = "gone") -> str:
    job = new_job(base, suffix)
    jobs.transition(job, "running", message="Running")
    jobs.add_event(job, "info", "Step 1", {"step": 1, "total_steps": 2, "train_loss": 0.5, "path": "/x"}, type="metrics")
    for step in (1, 2):
        queue.add_checkpoint(job, step, str(folder), {"full_valid_loss": 0.25}, model=jobs.Model(folder, f"f{step}"))
    queue.add_checkpoint(job, 3, str(folder), {})
    jobs.finish(job, {"trained_tokens": 70})
    found = fine_tuning.asked(OWNER, job)
    assert found is not None
    name = found[1].model_name
    return registry.create_version(suffix, job, str(base), "b", folder, f"a{job}", name=name).name


@pytest.fixture(scope="module")
def data(server: tuple[str, str], home: Path, small_base: Path) -> dict[str, str]:
    """What the commands name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONE_HOME", str(home))
        old, new = (new_model(small_base, home, "twin") for _ in range(2))
        for name in (old, new):
            deploy.promote("twin@production", name, "better")
        waiting = new_job(small_base, metadata={"team": "pumps"})
        job = registry.get_version(new).job_id
        made = files.create(OWNER, "notes.txt", "user_data", [b"a"], expires_after_s=7200).id
        key = auth.create_key("other", scope="read")[1].id
        events = jobs.latest_events(job, limit=None)
        saved = jobs.checkpoints(job)
        return {
            "job": job, "waiting": waiting, "model": new, "old": old, "file": made, "key": key,
            "event": events[1].id, "checkpoint": saved[1].id, "ckpt_model": f"{new}:ckpt-step-1",
        }  # fmt: skip


def plain(value: Any) -> Any:
    """Without what differs from one object to another of the same kind: random ids, times, and the base's local name."""
    if isinstance(value, dict):
        return {name: type(one).__name__ if name.endswith("_at") else plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, str):
        text = re.sub(r"(file-|ftjob-|ftevent-|ftckpt_|key_|part_)[0-9A-Za-z]{24}", r"\1", value)
        return re.sub(r"hone-[0-9A-Za-z]+|:[a-z2-7]{8}\b", "-", text)
    return value


LOOKS = [
    "jobs list", "jobs list --limit 1", "jobs list --after {waiting}", "jobs list --limit 1 --after {job}",
    "jobs list --metadata team=pumps", "jobs list --metadata team=other",
    "jobs show {job}", "jobs show {waiting}",
    "jobs events {job}", "jobs events {job} --limit 2", "jobs events {job} --after {event}",
    "jobs events {job} --limit 1 --after {event}",
    "jobs checkpoints {job}", "jobs checkpoints {job} --limit 1", "jobs checkpoints {job} --after {checkpoint}",
    "jobs checkpoints {waiting}",
    "models list --project twin", "models list --project other",
    "models show {model}", "models show {old}", "models show twin@production", "models show {ckpt_model}",
    "files list", "files list --limit 1", "files list --after {file}", "files list --purpose user_data", "files show {file}",
    "keys list",
]  # fmt: skip


@pytest.mark.parametrize("command", LOOKS)
def test_what_is_there_is_shown_alike(twice: Any, data: dict[str, str], command: str) -> None:
    there, here = twice(command.format(**data).split())
    # The key that the server was just asked with may have been used since.
    assert plain(here) == plain(there) if command == "keys list" else here == there
    assert here[0] == 0


def test_every_model_is_listed_alike(twice: Any, data: dict[str, str]) -> None:
    there, here = (document for _, document in twice(["models", "list"]))
    bases = {model["id"] for document in (there, here) for model in document["models"] if model["owned_by"] == "base"}
    for document in (there, here):  # a server may be given bases of its own
        document["models"] = [model for model in document["models"] if model["id"] not in bases]
    assert here == there
    assert {"twin@production", data["old"], data["model"]} <= {model["id"] for model in here["models"]}


CHANGES: dict[str, Callable[[Path, Path], str]] = {
    "jobs cancel": lambda base, _: new_job(base),
    "jobs pause": lambda base, _: new_job(base),
    "jobs resume": lambda base, _: jobs.request_stop(new_job(base), "pause").id,
    "models delete": new_model,
    "files delete": lambda *_: new_file(),
    "keys create --name ci --scope": lambda *_: "read",
    "keys revoke": lambda *_: auth.create_key("gone")[1].id,
}


@pytest.mark.parametrize("command", CHANGES)
def test_what_is_changed_is_told_alike(twice: Any, command: str, small_base: Path, tmp_path: Path) -> None:
    targets = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        targets.append(CHANGES[command](small_base, folder))
    there, here = twice(*([*command.split(), target] for target in targets))
    assert plain(here) == plain(there)
    assert here[0] == 0


def test_a_version_is_shown_with_its_lineage(twice: Any, data: dict[str, str]) -> None:
    there, here = twice(["models", "show", "twin@production"])
    assert here == there
    lineage = here[1]["lineage"]
    assert (lineage["job"], lineage["base"]) == (registry.get_version(data["model"]).job_id, "tiny")
    assert {"base_fingerprint", "adapter_fingerprint", "measured"} <= set(lineage)


def test_a_key_that_is_revoked_again_stays_as_it_was(twice: Any) -> None:
    secret, key = auth.create_key("twice")
    auth.revoke_key(key.id)
    for named in (key.id, secret):
        there, here = twice(["keys", "revoke", named])
        assert here == there
        assert here[0] == 0


def test_what_is_made_is_told_alike(twice: Any, small_base: Path, training: Path) -> None:
    there, here = twice(["files", "upload", str(training), "--expires-after", "2h"])
    assert plain(here) == plain(there)
    assert here[1]["files"][0]["expires_at"] - here[1]["files"][0]["created_at"] == 7200
    create = ["jobs", "create", str(training), "--epochs", "2", "--seed", "3", "--metadata", "a=b", "--model"]
    there, here = twice([*create, "tiny"], [*create, str(small_base)])
    for _, document in (there, here):
        assert document.pop("model") in ("tiny", str(small_base))
    assert plain(here) == plain(there)
    assert here[0] == 0


REFUSED = {
    "jobs show ftjob-none": 2, "jobs events ftjob-none": 2, "jobs checkpoints ftjob-none": 2, "jobs cancel ftjob-none": 2,
    "jobs pause ftjob-none": 2, "jobs resume ftjob-none": 2, "jobs resume ftjob-none --wait": 2,
    "jobs list --after ftjob-none": 2,
    "jobs events {job} --after ftevent-none": 2, "jobs checkpoints {job} --after ftckpt_none": 2,
    "jobs cancel {job}": 1, "jobs pause {job}": 1, "jobs resume {waiting}": 1, "jobs list --limit 0": 2,
    "jobs list --metadata team": 2, "jobs create file-none --model none": 2, "jobs create {file} --model none": 2,
    "models show none": 2, "models show none@production": 2, "models delete none": 2, "models delete {model}": 1,
    "models delete twin@production": 1, "models delete {old}:ckpt-step-9": 2, "models delete {ckpt_model}": 1,
    "files show file-none": 2, "files delete file-none": 2, "files list --after file-none": 2, "files upload none.jsonl": 2,
    "files upload {here} --purpose poetry": 2, "files upload {here} --expires-after 1": 2,
    "keys revoke key_none": 2, "keys create --scope poet": 2, "keys create --project No": 2,
}  # fmt: skip


@pytest.mark.parametrize("command", REFUSED)
def test_what_is_refused_has_one_exit_code(twice: Any, data: dict[str, str], command: str) -> None:
    there, here = twice(command.format(**data, here=__file__).split())
    assert [code for code, _ in (there, here)] == [REFUSED[command]] * 2, (there, here)
    assert [set(document) for _, document in (there, here)] == [{"error"}] * 2


@pytest.mark.usefixtures("one_place")
@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1)])
def test_waiting_for_a_resumed_job_prints_one_document(
    small_base: Path, status: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = jobs.request_stop(new_job(small_base), "pause").id

    def end(*_: Any, **__: Any) -> jobs.Job:
        jobs.transition(job_id, "running", message="Running")
        fault = {"code": "x", "what": "y", "where": None, "mend": None}
        return jobs.finish(job_id, {}) if status == "succeeded" else jobs.fail(job_id, fault)

    follow = watching.follow

    async def ends(client: Any, job: str, shown: Any) -> dict[str, Any]:
        end()
        return await follow(client, job, shown)

    monkeypatch.setattr(jobs, "run_job", end)
    monkeypatch.setattr(watching, "follow", ends)
    assert main(["jobs", "resume", job_id, "--wait", "--json"]) == code
    printed = json.loads(capsys.readouterr().out)
    assert (printed["id"], printed["status"], printed["object"]) == (job_id, status, "fine_tuning.job")


@pytest.mark.usefixtures("one_place")
def test_people_get_a_table_of_checkpoints(data: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "checkpoints", data["job"]]) == 0
    assert data["checkpoint"] in capsys.readouterr().out
    assert main(["jobs", "checkpoints", data["waiting"]]) == 0
    assert "No models of epochs yet" in capsys.readouterr().out
