"""Whole reinforcement jobs on a tiny base: what they learn, how they go on after a kill, and how they fail."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.other_server import OtherServer
from tests.train.test_preference_job import measured
from tests.train.test_run import adapter_bytes, here, kill_at, messages

from honekit import jobs
from honekit.jobs import Event, Job
from honekit.models.fingerprint import fingerprint_base
from honekit.project import TrainSection
from honekit.train import training_job

SHORT = {"group_size": 8, "max_new_tokens": 4, "eval_samples": 2, "kl_weight": 0.0}
SAYS_A = {"type": "string_check", "name": "says", "operation": "like", "input": "{{sample.output_text}}",
          "reference": "{{item.wanted}}"}  # fmt: skip


def prompts(count: int, seed: int = 0, wanted: Sequence[str] = ("e",)) -> list[dict[str, Any]]:
    """Questions whose answer should contain a letter."""
    draw = random.Random(seed)
    return [
        {"messages": [{"role": "system", "content": "Say the letter."}, {"role": "user", "content": f"{draw.random():.3f}?"}],
         "wanted": wanted[index % len(wanted)]}
        for index in range(count)
    ]  # fmt: skip


def reinforcement_job(
    base: Path, folder: Path, grader: dict[str, Any] | None = None, records: list[dict[str, Any]] | None = None,
    project: str = "tiny", explore: dict[str, Any] | None = None, judges: dict[str, str | None] | None = None,
    held_out: bool = True, start_from: Path | None = None, **changes: Any,
) -> Job:  # fmt: skip
    settings = {"base": str(base), "objective": "reinforcement", "rank": 4, "alpha": 8, "learning_rate": 0.02, "epochs": 2,
                "batch_size": 4, "precision": "fp32", "device": "cpu", "checkpoint_steps": 2,
                "reinforcement": {**SHORT, **(explore or {})}}  # fmt: skip
    training = tiny.write_jsonl(folder / "prompts.jsonl", records or prompts(12))
    validation = tiny.write_jsonl(folder / "valid-prompts.jsonl", prompts(6, seed=1)) if held_out else None
    return training_job(
        training, validation, TrainSection(**{**settings, **changes}), project=project,
        base_fingerprint=fingerprint_base(base), grader=grader or SAYS_A, judges=judges, start_from=start_from,
    )  # fmt: skip


def test_a_job_learns_to_write_what_the_grader_asks_for(tiny_base: Path, tmp_path: Path) -> None:
    job = here(reinforcement_job(tiny_base, tmp_path, epochs=8, early_stopping_patience=0, explore={"eval_interval": 2}))
    assert job.status == "succeeded", job.error
    result = job.result
    assert result is not None
    assert result["objective"] == "reinforcement"
    assert result["base_held_out_reward"] < 0.5
    assert result["held_out_reward"] > result["base_held_out_reward"] + 0.3
    assert not result["worse_than_base"]
    assert result["held_out_loss"] is None
    history = result["history"]
    assert history[-1]["train_reward_mean"] > history[0]["train_reward_mean"] + 0.3
    names = {"train_loss", "train_reward_mean", "train_signal_share", "train_completion_tokens", "train_grader_faults"}
    assert names <= history[0].keys()
    assert "train_mean_token_accuracy" not in history[0]
    # After each epoch of three steps, and every two steps in between.
    assert [row["step"] for row in history if "valid_reward_mean" in row] == [
        step for step in range(1, 25) if step % 3 == 0 or step % 2 == 0
    ]
    best = next(row for row in history if row["step"] == result["best_step"])
    assert best["valid_reward_mean"] == result["held_out_reward"] == max(row.get("valid_reward_mean", 0) for row in history)
    assert any("validation reward" in message for message in messages(job))
    rows = list(csv.DictReader((jobs.job_dir(job.id) / "result.csv").read_text().splitlines()))
    assert [float(row["train_reward_mean"]) for row in rows] == [row["train_reward_mean"] for row in history]


def test_cosine_compares_the_embeddings_of_the_base(tiny_base: Path, tmp_path: Path) -> None:
    similar = {"type": "text_similarity", "name": "like", "evaluation_metric": "cosine", "input": "{{sample.output_text}}",
               "reference": "{{item.wanted}}"}  # fmt: skip
    job = here(reinforcement_job(tiny_base, tmp_path, similar, epochs=1))
    assert job.status == "succeeded" and job.result
    rewards = [row["train_reward_mean"] for row in job.result["history"]]
    # One letter shares no word with what a random model writes: by word counts all of this would be 0.
    assert all(0 < reward < 1 for reward in rewards)
    assert all(row["train_grader_faults"] == 0 for row in job.result["history"])


@pytest.mark.slow
@pytest.mark.parametrize("explore", [{}, {"updates": 3, "kl_weight": 0.1, "eval_interval": 4}])
def test_a_killed_job_is_resumed_to_the_same_bits(tiny_base: Path, tmp_path: Path, explore: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"records": prompts(40), "epochs": 2, "batch_size": 2, "checkpoint_steps": 3, "explore": explore}
    whole = here(reinforcement_job(tiny_base, tmp_path, **settings))
    assert whole.status == "succeeded", whole.error
    log: list[Event] = []
    killed = jobs.run_job(reinforcement_job(tiny_base, tmp_path, project="again", **settings).id, kill_at(10, log))
    assert killed.status == "succeeded", killed.error
    assert killed.attempt == 2
    assert len([e for e in log if e.message.startswith("Resumed at step")]) == 1
    assert adapter_bytes(killed) == adapter_bytes(whole)
    assert measured(killed) == measured(whole)


def failed(job: Job) -> dict[str, Any]:
    done = here(job)
    assert done.status == "failed"
    assert done.error and done.error["what"] and done.error["mend"]
    assert not (jobs.job_dir(job.id) / "model").exists()
    return done.error


def test_a_faulty_grader_ends_the_job_with_its_cause(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = {
        "type": "score_model",
        "name": "judge",
        "model": "tiny",
        "input": [{"role": "user", "content": "How good is this? " * 100 + "{{sample.output_text}}"}],
    }
    # More than the judge can read.
    error = failed(reinforcement_job(tiny_base, tmp_path, asks, judges={"tiny": None}, project="parse"))
    assert error["code"] == "train.grader_failed"
    assert "reads at most" in error["what"]
    assert failed(reinforcement_job(tiny_base, tmp_path, asks, project="who"))["code"] == "train.judge_unknown"
    monkeypatch.delenv("HONE_PYTHON_GRADERS", raising=False)
    code = {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}
    assert failed(reinforcement_job(tiny_base, tmp_path, code, project="code"))["code"] == "graders.python_not_allowed"
    assert failed(reinforcement_job(tiny_base, tmp_path, {"type": "magic"}, project="magic"))["code"] == "train.grader_invalid"


def test_a_python_grader_that_raises_ends_the_job_with_its_traceback(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from honekit.errors import GraderError
    from honekit.graders import sandbox

    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.require()
    except GraderError as fault:
        pytest.skip(f"no isolation here: {fault.what}")
    source = "def grade(sample, item):\n    return len(sample['output_text']) / item['no_such_key']\n"
    error = failed(reinforcement_job(tiny_base, tmp_path, {"type": "python", "name": "p", "source": source}))
    assert error["code"] == "train.grader_failed"
    assert "no_such_key" in error["what"]


def test_a_python_grader_teaches_too(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from honekit.errors import GraderError
    from honekit.graders import sandbox

    monkeypatch.setenv("HONE_PYTHON_GRADERS", "1")
    try:
        sandbox.require()
    except GraderError as fault:
        pytest.skip(f"no isolation here: {fault.what}")
    source = "def grade(sample, item):\n    return len(set(sample['output_text'] + item['wanted']))\n"
    grader = {"type": "python", "name": "p", "source": source}
    job = here(reinforcement_job(tiny_base, tmp_path, grader, held_out=False, epochs=1, explore={"group_size": 4}))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["held_out_reward"] is None
    assert sum(row["train_reward_mean"] for row in job.result["history"]) > 0


def test_a_job_without_any_signal_says_so(tiny_base: Path, tmp_path: Path) -> None:
    error = failed(reinforcement_job(tiny_base, tmp_path, records=prompts(12, wanted=["never written"]), epochs=1))
    assert error["code"] == "train.no_signal"


def test_a_file_without_the_graders_fields_and_a_prompt_without_room_fail_with_their_lines(
    tiny_base: Path, tmp_path: Path
) -> None:
    records = prompts(12)
    del records[6]["wanted"]
    error = failed(reinforcement_job(tiny_base, tmp_path, records=records, project="item"))
    assert error["code"] == "data.reinforcement.item"
    assert ":7 " in error["where"]
    records = prompts(12)
    records[3]["messages"][1]["content"] = "long " * 40
    error = failed(reinforcement_job(tiny_base, tmp_path, records=records, project="long", max_length=150))
    assert error["code"] == "train.prompt_too_long"
    assert error["where"].endswith("lines 4")


def test_a_judge_may_be_a_model_of_a_configured_server(tiny_base: Path, tmp_path: Path, other: OtherServer) -> None:
    asks = {"type": "score_model", "name": "judge", "model": "far-judge", "input": [{"role": "user", "content": "Rate this."}]}
    error = failed(reinforcement_job(tiny_base, tmp_path, asks, epochs=1, held_out=False))
    assert (error["code"], "their mean was 0.75" in error["what"]) == ("train.no_signal", True)  # it likes all alike
    assert {asked["model"] for asked in other.seen} == {"far-judge"}


def test_a_judge_answers_as_the_model_that_it_is(tiny_base: Path) -> None:
    from pydantic import TypeAdapter

    from honekit.graders.schema import Grader, SamplingParams
    from honekit.inference.engine import load_engine
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams as Sampling
    from honekit.train.judges import judge_of

    raw = {"type": "score_model", "name": "j", "model": "tiny", "input": [{"role": "user", "content": "{{item.a}}"}]}
    ask = judge_of(str(tiny_base), TypeAdapter[Grader](Grader).validate_python(raw), {"tiny": None}, "cpu", "fp32")
    assert ask is not None
    asked = [{"role": "user", "content": "How good?"}]
    engine = load_engine(str(tiny_base), device="cpu", precision="fp32")
    expected = engine.generate([Request(engine.template.prompt_ids(asked), Sampling(9))])[0]
    answer = ask("tiny", asked, SamplingParams(max_completions_tokens=9), ())
    assert (answer.text, answer.usage.completion_tokens) == (expected.text, len(expected.token_ids))
    assert judge_of(str(tiny_base), TypeAdapter[Grader](Grader).validate_python(SAYS_A), None, "cpu", "fp32") is None


def test_a_judge_that_is_asked_for_a_label_can_write_nothing_else(tiny_base: Path) -> None:
    from pydantic import TypeAdapter

    from honekit.graders.run import Means, run_grader
    from honekit.graders.schema import Grader, SamplingParams
    from honekit.train.judges import judge_of

    raw = {"type": "label_model", "name": "j", "model": "tiny", "labels": ["good", "not good", 'say "so"', "ünklar"],
           "passing_labels": ["good"], "input": [{"role": "user", "content": "{{sample.output_text}}"}]}  # fmt: skip
    grader = TypeAdapter[Grader](Grader).validate_python(raw)
    ask = judge_of(str(tiny_base), grader, {"tiny": None}, "cpu", "fp32")
    assert ask is not None
    said = set()
    for seed in range(12):
        drawn = SamplingParams(temperature=1.5, seed=seed)
        said.add(json.loads(ask("tiny", [{"role": "user", "content": "Good?"}], drawn, raw["labels"]).text))
    assert said <= set(raw["labels"]) and len(said) > 1
    outcome = run_grader(grader, {}, "some answer", Means(ask=ask))
    assert outcome.reward in (0.0, 1.0) and not outcome.details


def test_grader_and_exploration_make_the_job_another_one(tiny_base: Path, tmp_path: Path) -> None:
    job = reinforcement_job(tiny_base, tmp_path)
    assert reinforcement_job(tiny_base, tmp_path).id == job.id
    assert reinforcement_job(tiny_base, tmp_path, {**SAYS_A, "operation": "ilike"}).id != job.id
    assert reinforcement_job(tiny_base, tmp_path, explore={"kl_weight": 0.5}).id != job.id


def test_what_does_not_go_together_is_refused() -> None:
    for bad in (
        {"objective": "reinforcement", "field_weights": {"a": 2}}, {"objective": "reinforcement", "select_by": "accuracy"},
        {"reinforcement": {}}, {"objective": "reinforcement", "reinforcement": {"group_size": 1}},
        {"objective": "reinforcement", "reinforcement": {"clip": 1}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"field_weights|select_by|reinforcement"):
            TrainSection(**bad)
    assert TrainSection(objective="reinforcement").exploring.group_size == 8
