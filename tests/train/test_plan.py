"""What a job is said to need, against what it then does; and refusals before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests import tiny
from tests.train.test_preference_job import preferences
from tests.train.test_reinforcement_job import prompts, reinforcement_job

from honekit import jobs
from honekit.errors import TrainError
from honekit.jobs import worker
from honekit.models.fingerprint import fingerprint_base
from honekit.models.precision import Measured
from honekit.project import TrainSection
from honekit.train import training_job
from honekit.train.estimate import Estimate, check_room
from honekit.train.plan import plan
from honekit.train.recipe import TrainSpec

MEASURED = Measured(fp32_gflops=50.0, bf16_gflops=10.0, memory_gb_s=10.0, threads=1)


def recipe_of(base: Path, **changes: Any) -> TrainSection:
    settings = {"base": str(base), "epochs": 2, "batch_size": 4, "precision": "fp32", "device": "cpu", "rank": 4}
    return TrainSection(**{**settings, **changes})


def test_the_plan_counts_the_steps_and_tokens_that_the_job_then_computes(tiny_base: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(14))
    held_out = tiny.write_jsonl(tmp_path / "valid.jsonl", tiny.conversations(10, seed=1))
    recipe = recipe_of(tiny_base)
    planned = plan(recipe, training, held_out, tiny_base, MEASURED)
    job = training_job(training, held_out, recipe, project="tiny", base_fingerprint=fingerprint_base(tiny_base))
    assert worker.main([job.id]) == 0
    result = jobs.get_job(job.id).result
    assert result is not None
    assert planned.optimizer_steps == result["steps"] == 8
    # A batch may by chance share a little more than what all conversations begin with.
    assert 0.9 * planned.unique_tokens <= result["unique_tokens"] <= planned.unique_tokens
    assert planned.seconds > 0
    assert planned.memory_bytes > 600_000_000


def test_tokens_behind_the_limit_are_not_counted(tiny_base: Path, tmp_path: Path) -> None:
    records = tiny.conversations(14)
    for record in records:
        record["messages"][-1]["content"] = "long " * 100
    training = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    whole, cut = (
        plan(recipe_of(tiny_base, max_length=limit), training, None, tiny_base, MEASURED).unique_tokens for limit in (None, 200)
    )
    assert cut <= 2 * 14 * 200 < whole


def test_examples_cut_before_their_answers_are_refused_where_the_user_wrote_them(tiny_base: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(14))
    recipe = recipe_of(tiny_base, max_length=16)
    with pytest.raises(TrainError) as caught:
        plan(recipe, training, None, tiny_base, MEASURED, in_two_forms)
    assert (caught.value.code, caught.value.where) == ("train.all_truncated", "own.jsonl: lines 1, 2, 3, 4, 5, 6, 7")
    assert caught.value.what.startswith("all examples are longer")


def test_examples_that_are_cut_short_are_told_as_the_user_wrote_them(tiny_base: Path, tmp_path: Path) -> None:
    records = tiny.conversations(14)
    for line in (3, 10):
        records[line - 1]["messages"][2]["content"] = "It is a very long answer. " * 20
    training = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    recipe = recipe_of(tiny_base, max_length=200)
    told = plan(recipe, training, None, tiny_base, MEASURED, in_two_forms).warnings
    assert told == ["1 example is longer than 200 tokens and cut there: own.jsonl: line 3"]
    assert plan(recipe, training, None, tiny_base, MEASURED).warnings[0].endswith(f"{training}: lines 3, 10")


def in_two_forms(_path: Path, lines: Sequence[int]) -> dict[Path, list[int]]:
    return {Path("own.jsonl"): list(dict.fromkeys((line - 1) % 7 + 1 for line in lines))}


def test_more_epochs_full_training_and_a_slower_machine_take_longer(tiny_base: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", tiny.conversations(14))

    def seconds(measured: Measured = MEASURED, **changes: Any) -> float:
        return plan(recipe_of(tiny_base, **changes), training, None, tiny_base, measured).seconds

    assert seconds(epochs=4) == pytest.approx(2 * seconds())
    assert seconds(method="full") == pytest.approx(1.5 * seconds())
    assert seconds(Measured(25.0, 10.0, 10.0, 1)) == pytest.approx(2 * seconds())
    slow_to_begin = Measured(1e6, 1e6, 1e3, 1, "cuda", launch_us=500.0)
    assert (
        seconds(slow_to_begin) > seconds(Measured(1e6, 1e6, 1e3, 1, "cuda", launch_us=5.0)) > seconds(Measured(1e6, 1e6, 1e3, 1))
    )
    assert seconds(precision="bf16") == pytest.approx(5 * seconds())


def test_a_plan_for_preferences_counts_what_the_job_then_computes(tiny_base: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "pairs.jsonl", preferences(14))
    held_out = tiny.write_jsonl(tmp_path / "valid.jsonl", preferences(10, seed=1))
    recipe = recipe_of(tiny_base, objective="dpo")
    planned = plan(recipe, training, held_out, tiny_base, MEASURED)
    job = training_job(training, held_out, recipe, project="tiny", base_fingerprint=fingerprint_base(tiny_base))
    assert worker.main([job.id]) == 0
    result = jobs.get_job(job.id).result
    assert result is not None
    assert planned.optimizer_steps == result["steps"] == 8
    # The order of the epochs decides which pairs share a row.
    assert planned.unique_tokens == pytest.approx(result["unique_tokens"], rel=0.05)
    shorter = tiny.write_jsonl(tmp_path / "shorter.jsonl", preferences(10))
    assert plan(recipe, shorter, held_out, tiny_base, MEASURED).seconds < planned.seconds
    once = plan(recipe_of(tiny_base, objective="dpo", epochs=1), training, held_out, tiny_base, MEASURED)
    # The reference is computed once, however many epochs there are.
    assert once.seconds > 0.5 * planned.seconds


@pytest.mark.parametrize(("field", "code"), [("memory_bytes", "train.no_memory"), ("disk_bytes", "train.no_disk")])
def test_a_job_that_cannot_fit_is_refused_with_the_sizes(field: str, code: str) -> None:
    small = {"seconds": 1.0, "memory_bytes": 1, "disk_bytes": 1, "optimizer_steps": 1, "unique_tokens": 1}
    check_room(Estimate(**small))  # type: ignore[arg-type]
    with pytest.raises(TrainError) as refused:
        check_room(Estimate(**{**small, field: 10**16}))  # type: ignore[arg-type]
    assert refused.value.code == code
    assert "free" in refused.value.what


def test_a_reinforcement_job_takes_no_more_than_planned(tiny_base: Path, tmp_path: Path) -> None:
    explore = {"max_new_tokens": 12, "group_size": 4, "kl_weight": 0.02, "eval_interval": 2}
    job = reinforcement_job(tiny_base, tmp_path, explore=explore)
    spec = TrainSpec.from_dict(job.spec)
    assert spec.validation_file
    planned = plan(spec.recipe, Path(spec.training_file), Path(spec.validation_file), tiny_base, MEASURED)
    assert worker.main([job.id]) == 0
    done = jobs.get_job(job.id)
    assert done.status == "succeeded" and done.result
    assert planned.optimizer_steps == done.result["steps"] == 6
    assert 0 < done.result["unique_tokens"] <= planned.unique_tokens
    told = [event for event in jobs.events(job.id) if event.message.startswith("At most about")]
    assert [event.data["most_memory_bytes"] > 600_000_000 for event in told if event.data] == [True]


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"max_new_tokens": 8}, {"max_new_tokens": 64}),
        ({"group_size": 4}, {"group_size": 16}),
        ({"updates": 1}, {"updates": 3}),
        ({"kl_weight": 0}, {"kl_weight": 0.1}),
        ({"eval_samples": 2}, {"eval_samples": 8}),
        ({"eval_interval": 3}, {"eval_interval": 1}),
    ],
)
def test_more_exploring_takes_longer(tiny_base: Path, tmp_path: Path, less: dict[str, Any], more: dict[str, Any]) -> None:
    training = tiny.write_jsonl(tmp_path / "train.jsonl", prompts(12))
    held_out = tiny.write_jsonl(tmp_path / "valid.jsonl", prompts(6, seed=1))

    def seconds(explore: dict[str, Any]) -> float:
        recipe = recipe_of(tiny_base, objective="reinforcement", reinforcement=explore)
        return plan(recipe, training, held_out, tiny_base, MEASURED).seconds

    assert seconds(less) < seconds(more)
