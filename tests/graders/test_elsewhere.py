"""Models of another server that graders ask: which they are, what is sent, and what is told when that server does not answer."""

from __future__ import annotations

import pytest
from tests.other_server import OtherServer, configure

from honekit import settings
from honekit.errors import SettingsError
from honekit.graders import elsewhere
from honekit.graders.judges import AskFailed
from honekit.graders.run import Means, run_grader
from honekit.graders.schema import LabelModelGrader, SamplingParams, ScoreModelGrader

ASKED = [{"role": "user", "content": "How good is {{sample.output_text}}?"}]


def test_a_named_model_is_asked_there_and_told_by_the_name_that_answered(other: OtherServer) -> None:
    grader = ScoreModelGrader(
        type="score_model", name="j", model="far-judge", input=ASKED,  # type: ignore[arg-type]
        sampling_params=SamplingParams(max_completions_tokens=5, seed=3),
    )  # fmt: skip
    outcome = run_grader(grader, {}, "this", Means(ask=elsewhere.ask))
    assert (outcome.reward, outcome.usage["far-judge-2026"].total_tokens) == (0.75, 9)
    (sent,) = other.seen
    assert other.keys == ["Bearer sk-far"]
    assert sent["messages"][0]["content"].startswith("How good is this?")
    assert {name: sent[name] for name in ("model", "max_completion_tokens", "seed", "temperature")} == {
        "model": "far-judge", "max_completion_tokens": 5, "seed": 3, "temperature": 0.0,
    }  # fmt: skip


def test_labels_are_asked_for_and_not_enforced(other: OtherServer) -> None:
    other.text = "That is good."
    grader = LabelModelGrader(
        type="label_model", name="l", model="far-judge", input=ASKED, labels=["good", "bad"], passing_labels=["good"],  # type: ignore[arg-type]
    )  # fmt: skip
    assert run_grader(grader, {}, "this", Means(ask=elsewhere.ask)).reward == 1
    assert "response_format" not in other.seen[0]


@pytest.mark.parametrize(("status", "told"), [(401, "the status 401"), (500, "the status 500"), (400, "the secret host says no")])
def test_what_went_wrong_there_is_told_without_what_is_the_administrators(other: OtherServer, status: int, told: str) -> None:
    other.status = status
    with pytest.raises(AskFailed, match=told) as caught:
        elsewhere.ask("far-judge", [{"role": "user", "content": "x"}], SamplingParams(), ())
    assert "127.0.0.1" not in str(caught.value)


def test_a_server_that_is_away_or_no_api_is_a_fault_of_grading(other: OtherServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [{"role": "user", "content": "x"}]
    configure(monkeypatch, "http://127.0.0.1:9/v1")
    with pytest.raises(AskFailed, match="cannot be reached"):
        elsewhere.ask("far-judge", asked, SamplingParams(), ())
    monkeypatch.delenv("HONE_JUDGE_URL")
    monkeypatch.delenv("HONE_JUDGE_MODELS")
    with pytest.raises(AskFailed, match="not known here any more"):
        elsewhere.ask("far-judge", asked, SamplingParams(), ())
    assert not elsewhere.is_elsewhere("far-judge")


def test_only_the_named_models_are_there(other: OtherServer) -> None:
    assert [elsewhere.is_elsewhere(name) for name in ("far-judge", "other", "third", "")] == [True, True, False, False]
    assert "sk-far" not in repr(settings.judge_endpoint())


@pytest.mark.parametrize(("url", "models"), [("", "a"), ("http://x/v1", " ,"), ("x/v1", "a")])
def test_half_a_configuration_is_an_error(monkeypatch: pytest.MonkeyPatch, url: str, models: str) -> None:
    monkeypatch.setenv("HONE_JUDGE_URL", url)
    monkeypatch.setenv("HONE_JUDGE_MODELS", models)
    with pytest.raises(SettingsError) as caught:
        settings.judge_endpoint()
    assert caught.value.code == "settings.judge"
