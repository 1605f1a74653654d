"""`hone decide measure`: what is refused before anything is computed, what --resume goes on with, what is printed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import honekit.pipeline.measure as pipeline
from honekit.cli.decide_measure import _print, payback_told
from honekit.cli.main import main
from honekit.project import Project, load_project
from honekit.settings import examples_dir


class Begun(BaseException):
    """The measurement computes."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an arm at a provider; where computing would begin, its base and device are raised."""
    folder = tmp_path / "project"
    shutil.copytree(examples_dir() / "support-routing", folder, ignore=shutil.ignore_patterns(".hone"))
    toml = folder / "hone.toml"
    provider = '[decide.measure]\nendpoint = "http://127.0.0.1:9/v1"\nmodel = "m"\napi_key_env = "MEASURE_KEY"\n'
    toml.write_text(toml.read_text() + "\n" + provider)

    def start(project: Project, *_: Any) -> None:
        raise Begun(project.train.base, project.train.device, project.decide.measure.seeds)

    monkeypatch.setattr(pipeline, "_start", start)
    monkeypatch.delenv("MEASURE_KEY", raising=False)
    monkeypatch.setenv("HONE_DEVICE", "cpu")
    return folder


def begun(project: Path, *arguments: str) -> tuple[str, str, int]:
    with pytest.raises(Begun) as caught:
        main(["decide", "measure", str(project), *arguments])
    return caught.value.args[0], caught.value.args[1], caught.value.args[2]


def refused(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str) -> dict[str, str]:
    capsys.readouterr()
    assert main(["decide", "measure", str(project), "--json", *arguments]) != 0
    error: dict[str, str] = json.loads(capsys.readouterr().out)["error"]
    return error


def test_resume_goes_on_with_the_base_and_the_device_and_refuses_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--arms", "few_shot,tuned", "--seeds", "2")
    assert begun(project, *asked, "--base", "other", "--device", "cpu") == ("other", "cpu", 2)
    assert begun(project, "--resume") == ("other", "cpu", 2)
    assert begun(project, "--resume", "--base", "other", "--device", "cpu") == ("other", "cpu", 2)
    told = refused(capsys, project, "--resume", "--base", "third")
    assert told["code"] == "decide.resume" and "has --base other, not third" in told["what"]
    assert refused(capsys, project, "--resume", "--device", "cuda")["where"] == "--device"


def test_settings_that_were_kept_before_bases_were_are_resumed(project: Path) -> None:
    file = project / ".hone" / "measure" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"arms": ["few_shot", "tuned"], "limit": None}))
    assert begun(project, "--resume", "--base", "third")[0] == "third"


def test_no_arms_are_not_all_arms(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("", " , "):
        told = refused(capsys, project, "--arms", given)
        assert (told["code"], told["what"]) == ("decide.arm", "no arm is named")


def test_a_classical_model_that_does_not_predict_the_primary_metric_is_no_arm() -> None:
    loaded = load_project(examples_dir() / "iot-diagnostics")
    assert "classical" in pipeline.all_arms(loaded)
    other = loaded.task.model_copy(update={"primary_metric": "schema_validity"})
    assert "classical" not in pipeline.all_arms(loaded.model_copy(update={"task": other}))


def test_a_providers_key_is_asked_for_before_anything_is_computed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(capsys, project, "--arms", "few_shot,api_few_shot")["code"] == "eval.endpoint_key"
    assert begun(project, "--arms", "few_shot,tuned")  # no provider, no key
    monkeypatch.setenv("MEASURE_KEY", "k")
    assert begun(project, "--arms", "few_shot,api_few_shot")


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, "tuned_50 few_shot"),  # what is right most often, on both sides
        ("tuned", "tuned few_shot"),
        ("prompt", "tuned_50 prompt"),
        ("classical", "tuned_50 few_shot"),  # it cost no less upfront: nothing to pay back against it
    ],
)
def test_one_sentence_tells_when_a_training_pays(choice: str | None, told: str) -> None:
    rates = {"prompt": 0.5, "few_shot": 0.7, "classical": 0.9, "tuned_50": 0.9, "tuned": 0.8}
    document = {
        "choice": choice,
        "arms": {name: {"test": {"correct_rate": rate}} for name, rate in rates.items()},
        "payback": {
            name: [{"against": rival, "sentence": f"{name} {rival}"} for rival in ("prompt", "few_shot")]
            for name in ("tuned_50", "tuned")
        },
    }
    assert payback_told(document) == told
    assert payback_told({**document, "payback": {}}) is None and payback_told({**document, "payback": {"tuned": []}}) is None


def test_sections_of_the_project_file_are_printed_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    part = {"scores": {"accuracy": 0.5}, "intervals": {"accuracy": [0.4, 0.6]}, "correct_rate": 0.5}
    cost = {"per_1000_requests": 1.0, "per_1000_correct": 2.0, "training": 0.0, "over_requests": 9.0, "price_from": None}
    note = "One size shows no curve; add `shares` under [decide.measure]."
    document = {
        "choice": None, "settled": False, "reasons": [], "confirmation": None, "primary_metric": "accuracy", "noise": [],
        "selection": {"standings": [{"arm": "prompt", "status": "open", "complete": True}]},
        "arms": {"prompt": {"validation": part, "test": part, "cost": cost, "seconds_per_request": None}},
        "examples": {"validation": 4, "test": 4}, "currency": "USD", "requests": 100, "seeds": None, "payback": {},
        "learning_curve": {"gains": [], "note": note}, "report": "a [b] report.html",
    }  # fmt: skip
    _print(document, Path("result.json"))
    shown = capsys.readouterr().out
    assert note in shown and "a [b] report.html" in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--arms", "zero_shot,magic"), "decide.arm"),
        (("--arms", "zero_shot"), "decide.arm"),
        (("--resume", "--limit", "9"), "decide.resume"),
        (("--resume", "--seeds", "2"), "decide.resume"),
        (("--arms", "zero_shot,classical", "--seeds", "2"), "decide.seeds"),
        (("--resume",), "decide.nothing_to_resume"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_computed(
    arguments: tuple[str, ...], code: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decide", "measure", str(project), "--json", *arguments]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
