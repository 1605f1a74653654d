"""What a misspelt name of a model is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import tiny

from honekit import deploy, registry
from honekit.cli.known_names import base_from, base_names, did_you_mean, find_model
from honekit.cli.main import main
from honekit.errors import ModelError, ServeError


@pytest.fixture
def alias() -> str:
    version = registry.create_version("tickets", "ftjob-1", "tiny", "x", Path("/a"), "y").name
    return deploy.promote("tickets@production", version, "test").alias


@pytest.mark.parametrize(
    ("given", "question"),
    [
        ("b", "did you mean base or tab? "),
        ("BASE", "did you mean base? "),
        ("bsae", "did you mean base? "),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_names_are_near_that_hold_what_was_given_or_differ_little(given: str, question: str) -> None:
    assert did_you_mean(given, ["base", "tab", "tune"]) == question


def test_bases_of_the_hubs_cache_are_known_by_their_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "models--owner--a--b").mkdir()
    assert base_names()[0] == "smollm2-135m"
    assert base_names()[-1] == "owner/a--b"


@pytest.mark.parametrize(("given", "near"), [("tickets", "tickets@production"), ("smollm2-135", "smollm2-135m")])
def test_a_model_that_there_is_not_is_told_with_near_ones(alias: str, given: str, near: str) -> None:
    with pytest.raises(ServeError) as caught:
        find_model(given)
    assert caught.value.code == "serve.unknown_model"
    assert f"did you mean {near}" in str(caught.value.mend)


def test_a_projects_folder_is_not_taken_for_a_model(alias: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tickets").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServeError) as caught:
        find_model("tickets")
    assert "did you mean tickets@production" in str(caught.value.mend)


def test_a_job_for_such_a_model_is_told_the_same(alias: str, training: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "create", str(training), "--model", "tickets"]) == 2
    told = capsys.readouterr().err
    assert "where  --model: tickets" in told
    assert "did you mean tickets@production" in told


def test_a_directory_is_found_wherever_it_is_asked_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny.save_base(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    found = find_model("base")
    assert (found.name, found.base_ref) == ("base", str(base))


@pytest.mark.parametrize("command", [["bases", "show"], ["data", "stats", "train.jsonl", "--base"], ["serve", "--base"]])
def test_every_command_that_takes_a_base_says_which_is_near(
    training: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(training.parent)
    assert main([*command, "smollm2-135"]) == 2
    told = capsys.readouterr().err
    assert ("where  BASE" if command[0] == "bases" else "where  --base") in told
    assert "did you mean smollm2-135m" in told


@pytest.mark.parametrize(
    ("ref", "asked"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", False),
        ("HuggingFaceTB/SmolLM2-135M-Instrukt", True),
        ("HuggingFaceTB/SmolLM2-135M-Instruct@main", False),
        (".", False),
    ],
)
def test_a_base_of_the_catalogue_is_not_asked_whether_another_one_is_meant(ref: str, asked: bool) -> None:
    fault = ModelError("model.hub_unreachable", what="the Hub cannot be reached", mend="check the network")
    with pytest.raises(ModelError), base_from("--base", ref):
        raise fault
    assert ("did you mean" in str(fault.mend)) == asked
