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
    assert "better" in shown
    assert json.loads(_run("rollback", "iot@production", "--json"))["version"] == old
    listed = json.loads(_run("list", "--json"))
    assert [version["name"] for version in listed["versions"]] == [new, old]
    assert listed["aliases"][0]["version"] == old
    assert _run("delete", new).strip() == f"deleted {new}"
    assert [version["name"] for version in json.loads(_run("list", "--project", "iot", "--json"))["versions"]] == [old]


def test_a_version_is_deleted_with_the_states_of_its_job(hone_home: Path) -> None:
    job = queue.create_job("selftest", {})
    queue.transition(job.id, "running", message="")
    queue.finish(job.id, {})
    state = job_dir(job.id) / CHECKPOINTS / "step-1"
    state.mkdir(parents=True)
    version = registry.create_version("iot", job.id, "b", "x", Path("/a"), "y").name
    assert json.loads(_run("delete", version, "--json"))["deleted"]["name"] == version
    assert not state.exists()


def test_a_stage_is_promoted_to_another_one() -> None:
    name = _version(1)
    _run("promote", name, "--alias", "iot@staging")
    assert _run("promote", "iot@staging", "--alias", "iot@production").strip() == f"iot@production -> {name}"
    assert [change["alias"] for change in json.loads(_run("show", name, "--json"))["history"]] == [
        "iot@production",
        "iot@staging",
    ]
