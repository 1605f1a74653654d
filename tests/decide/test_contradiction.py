"""A record says where interview and measurement differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honekit.cli.main import main
from honekit.decide.contradiction import arms_of, contradiction

SAYS = "Hone recommends"


def measurement(choice: str | None, **arms: tuple[float, str, float]) -> dict[str, Any]:
    """arms: score, standing and cost by name."""
    standings = [
        {"arm": name, "score": score, "status": status, "cost": cost, "complete": name != "constrained"}
        for name, (score, status, cost) in arms.items()
    ]
    best = max(standings, key=lambda one: float(one["score"]))["arm"]  # type: ignore[arg-type]
    shape = {"scores": {"accuracy": 0.5}, "intervals": {"accuracy": [0.4, 0.6]}}
    return {
        "choice": choice,
        "primary_metric": "accuracy",
        "margin": 0.05,
        "requests": 1000,
        "currency": "USD",
        "selection": {"best": best, "standings": standings},
        "arms": {
            name: {"validation": shape, "test": shape, "cost": {"over_requests": 1.0, "per_1000_requests": 1.0, "training": 0.0}}
            for name in arms
        },
        "command": "hone decide measure",
        "created_at": "2026-11-25T10:00:00Z",
        "data": "d",
        "base": {"id": "b"},
        "reasons": [],
        "confirmation": None,
        "examples": {"validation": 10, "test": 10},
        "learning_curve": None,
    }


def test_arms_belong_to_options() -> None:
    names = dict.fromkeys(
        (
            "zero_shot",
            "prompt",
            "few_shot_retrieved",
            "few_shot_rag",
            "constrained",
            "classical",
            "tuned_50",
            "tuned_rag",
            "api_rag",
        )
    )
    assert arms_of("prompt", names) == ["zero_shot", "prompt", "constrained"]
    assert arms_of("few-shot", names) == ["few_shot_retrieved"] and arms_of("classical", names) == ["classical"]
    assert arms_of("rag", names) == ["few_shot_rag", "api_rag"] and arms_of("other-model", names) == ["api_rag"]
    assert (arms_of("fine-tune", names), arms_of("fine-tune+rag", names)) == (["tuned_50"], ["tuned_rag"])


def test_what_the_measurement_chose_contradicts_nothing() -> None:
    found = measurement("few_shot", few_shot=(0.8, "not worse", 1.0), tuned=(0.8, "not worse", 5.0))
    assert contradiction(SAYS, "few-shot", found) is None
    assert contradiction(SAYS, "nothing", found) is None


def test_worse_dearer_open_and_never_measured_are_told_apart() -> None:
    found = measurement(
        "few_shot",
        few_shot=(0.8, "not worse", 1.0),
        tuned=(0.82, "not worse", 5.0),
        prompt=(0.5, "worse", 0.5),
        zero_shot=(0.4, "worse", 0.5),
        classical=(0.78, "open", 0.1),
    )
    worse = contradiction(SAYS, "prompt", found)
    assert worse and "worse than the best by more than 0.05" in worse and "prompt 0.500 and zero_shot 0.400" in worse
    assert worse.endswith("against tuned 0.820; the measurement chose few_shot.")
    assert "5.00 against 1.00 USD for 1,000 requests" in str(contradiction(SAYS, "fine-tune", found))
    assert "leaves open" in str(contradiction(SAYS, "classical", found))
    assert "no arm was measured" in str(contradiction(SAYS, "rag", found))
    assert "no arm is of" in str(contradiction("The team chose", "not-yet", found))


def test_arms_that_answer_a_part_only_cannot_be_what_is_recommended() -> None:
    found = measurement("few_shot", few_shot=(0.8, "not worse", 1.0), constrained=(0.9, "not worse", 0.1))
    assert "constrained cannot answer all fields" in str(contradiction(SAYS, "prompt", found))


def test_a_measurement_that_settles_nothing_contradicts_only_what_it_shows_to_be_worse() -> None:
    found = measurement(None, few_shot=(0.8, "open", 1.0), prompt=(0.5, "worse", 0.5))
    assert contradiction(SAYS, "few-shot", found) is None and contradiction(SAYS, "rag", found) is None
    assert str(contradiction(SAYS, "prompt", found)).endswith("the measurement chose none.")


def test_a_record_names_the_contradiction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = tmp_path / "a.json"
    answers.write_text(json.dumps({"missing": ["skill"], "prompting": "thorough", "examples_soon": 200}))
    (tmp_path / "hone.toml").write_text("")
    file = tmp_path / ".hone" / "measure" / "result.json"
    file.parent.mkdir(parents=True)
    found = measurement("few_shot", few_shot=(0.8, "not worse", 1.0), tuned=(0.6, "worse", 5.0), prompt=(0.5, "worse", 1.0))
    file.write_text(json.dumps(found))
    command = ["decide", "record", "--answers", str(answers), "--project", str(tmp_path), "--replace"]
    assert main([*command, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["recommendation"] == "fine-tune" and len(said["contradictions"]) == 1
    assert f"- **Interview and measurement differ.** {said['contradictions'][0]}\n" in said["page"]
    assert main([*command, "--chosen", "prompt"]) == 0
    assert "The team chose prompt, but measured it is worse" in capsys.readouterr().err
    assert main([*command, "--chosen", "few-shot", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["contradictions"]) == 1  # the interview still says otherwise
    file.write_text(json.dumps({**found, "choice": "tuned"}))
    assert main([*command, "--json"]) == 0
    assert "differ" not in json.loads(capsys.readouterr().out)["page"]
