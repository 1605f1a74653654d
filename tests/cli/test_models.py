"""`hone models`: versions and aliases from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from honekit import registry
from honekit.cli.models import app
from honekit.jobs import CHECKPOINTS, job_dir, queue


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def _version(number: int) -> str:
    return registry.create_version("iot", f"ftjob-{number}", "b", "x", Path("/a"), f"y{number}", {"loss": 0.5}).name


def test_a_version_is_promoted_shown_rolled_back_and_deleted() -> None:
    assert "No models yet" in _run("list")
    old, new = _version(1), _version(2)
    assert _run("promote", old).strip() == f"iot@production -> {old}"
    assert json.loads(_run("promote", new, "--reason", "better", "--json"))["version"] == new
    shown = _run("show", "iot@production")
    assert new in shown
    assert '{"loss": 0.5}' in shown
    lineage = {"job": "ftjob-2", "base": "b", "base_fingerprint": "x", "adapter_fingerprint": "y2", "measured": {"loss": 0.5}}
    assert json.loads(_run("show", new, "--json"))["lineage"] == lineage
    assert "better" in shown
    assert json.loads(_run("rollback", "iot@production", "--json"))["version"] == old
    listed = json.loads(_run("list", "--json"))
    assert [one["id"] for one in listed["models"] if one["owned_by"] == "local"] == ["iot@production", new, old]
    assert listed["aliases"][0]["model"] == old
    assert _run("delete", new).strip() == f"deleted {new}"
    assert [one["id"] for one in json.loads(_run("list", "--project", "iot", "--json"))["models"]] == ["iot@production", old]
    assert json.loads(_run("list", "--project", "other", "--json")) == {"models": [], "aliases": []}


def test_a_list_that_is_piped_breaks_no_name() -> None:
    base = "HuggingFaceTB/SmolLM2-135M"
    name = registry.create_version("iot-diagnostics", "ftjob-1", base, "x", Path("/a"), "y").name
    _run("promote", name)
    assert [line.split()[0] for line in _run("list").splitlines()[1:]] == [name]
    assert "iot-diagnostics@production" in _run("list")


def test_a_version_is_deleted_with_the_states_of_its_job(hone_home: Path) -> None:
    job = queue.create_job("selftest", {})
    queue.transition(job.id, "running", message="")
    queue.finish(job.id, {})
    state = job_dir(job.id) / CHECKPOINTS / "step-1"
    state.mkdir(parents=True)
    version = registry.create_version("iot", job.id, "b", "x", Path("/a"), "y").name
    assert json.loads(_run("delete", version, "--json")) == {"id": version, "object": "model", "deleted": True}
    assert not state.exists()


def test_a_stage_is_promoted_to_another_one() -> None:
    name = _version(1)
    _run("promote", name, "--alias", "iot@staging")
    assert _run("promote", "iot@staging", "--alias", "iot@production").strip() == f"iot@production -> {name}"
    shown = json.loads(_run("show", name, "--json"))
    assert [(one["id"], one["history"][0]["action"]) for one in shown["aliases"]] == [
        ("iot@production", "promote"), ("iot@staging", "promote"),
    ]  # fmt: skip
    assert [one["id"] for one in json.loads(_run("show", "iot@staging", "--json"))["aliases"]] == ["iot@staging"]


def test_the_model_of_any_project_of_this_machine_is_deleted() -> None:
    name = registry.create_version("iot", "ftjob-1", "b", "x", Path("/a"), "y", owner="team-a").name
    assert _run("delete", name).strip() == f"deleted {name}"
    assert registry.list_versions() == []
