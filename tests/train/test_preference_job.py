"""Whole jobs on preference files, and jobs that go on from an adapter."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tests import tiny
from tests.train.test_run import adapter_bytes, here, job_for, kill_at, messages

from honekit import jobs
from honekit.jobs import Event, Job
from honekit.models.adapters import CONFIG, ORIGIN, WEIGHTS
from honekit.models.fingerprint import fingerprint_adapter, fingerprint_base
from honekit.project import TrainSection
from honekit.train import training_job
from honekit.train.recipe import TrainSpec

COLOURS = ("red", "blue", "green", "white")


def preferences(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """The preferred answer repeats the colour of the question, the rejected one names another."""
    records = []
    for record in tiny.conversations(count, seed):
        *asked, preferred = record["messages"]
        said = preferred["content"].split()[-1].rstrip(".")
        other = COLOURS[(COLOURS.index(said) + 1) % len(COLOURS)]
        rejected = {"role": "assistant", "content": f"It is {other}."}
        records.append({"input": {"messages": asked}, "preferred_output": [preferred], "non_preferred_output": [rejected]})
    return records


def preference_job(
    base: Path, folder: Path, records: list[dict[str, Any]] | None = None, project: str = "tiny",
    start_from: Path | None = None, **changes: Any,
) -> Job:  # fmt: skip
    settings = {"base": str(base), "objective": "dpo", "beta": 0.3, "rank": 4, "alpha": 8, "learning_rate": 0.01, "epochs": 2,
                "batch_size": 4, "precision": "fp32", "device": "cpu", "checkpoint_steps": 2}  # fmt: skip
    training = tiny.write_jsonl(folder / "pairs.jsonl", records or preferences(12))
    held_out = tiny.write_jsonl(folder / "valid-pairs.jsonl", preferences(10, seed=1))
    return training_job(
        training, held_out, TrainSection(**{**settings, **changes}), project=project,
        base_fingerprint=fingerprint_base(base), start_from=start_from,
    )  # fmt: skip


def measured(job: Job) -> list[dict[str, Any]]:
    """The history without what a clock says."""
    assert job.result
    return [{name: value for name, value in row.items() if name != "tokens_per_s"} for row in job.result["history"]]


def test_a_job_learns_which_answer_is_preferred(tiny_base: Path, tmp_path: Path) -> None:
    job = here(preference_job(tiny_base, tmp_path, preferences(32), epochs=4, early_stopping_patience=0))
    assert job.status == "succeeded", job.error
    result = job.result
    assert result is not None
    assert result["objective"] == "dpo"
    assert result["base_held_out_loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert result["held_out_loss"] < 0.6 * math.log(2)
    assert result["held_out_reward_accuracy"] >= 0.9
    assert result["held_out_reward_margin"] > 0
    steps = [e.data for e in jobs.events(job.id) if e.type == "metrics" and e.data]
    assert {"train_loss", "train_mean_token_accuracy", "train_reward_margin", "train_reward_accuracy"} <= steps[0].keys()
    assert any("reward accuracy" in message for message in messages(job))
    logged = [json.loads(line) for line in (jobs.job_dir(job.id) / "example_losses.jsonl").read_text().splitlines()]
    assert sorted(entry["line"] for entry in logged) == sorted(list(range(1, 33)) * 4)


@pytest.mark.slow
def test_a_killed_job_is_resumed_to_the_same_bits(tiny_base: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"records": preferences(40), "epochs": 3, "batch_size": 2, "checkpoint_steps": 3}
    whole = here(preference_job(tiny_base, tmp_path, **settings))
    log: list[Event] = []
    killed = jobs.run_job(preference_job(tiny_base, tmp_path, project="again", **settings).id, kill_at(10, log))
    assert killed.status == "succeeded", killed.error
    assert killed.attempt == 2
    assert len([e for e in log if e.message.startswith("Resumed at step")]) == 1
    assert adapter_bytes(killed) == adapter_bytes(whole)
    assert measured(killed) == measured(whole)


def test_a_reference_that_was_kept_is_the_one_that_is_used(tiny_base: Path, tmp_path: Path) -> None:
    plain = here(preference_job(tiny_base, tmp_path))
    kept = json.loads((jobs.job_dir(plain.id) / "reference.json").read_text())
    assert [len(rows) for rows in kept] == [12, 10]
    job = preference_job(tiny_base, tmp_path, project="again")
    shifted = [[[preferred - 3.0, rejected] for preferred, rejected in rows] for rows in kept]
    jobs.job_dir(job.id).mkdir(parents=True, exist_ok=True)
    (jobs.job_dir(job.id) / "reference.json").write_text(json.dumps(shifted))
    done = here(job)
    assert done.result and plain.result
    expected = plain.result["history"][0]["train_reward_margin"] + 0.3 * 3.0
    assert done.result["history"][0]["train_reward_margin"] == pytest.approx(expected, abs=1e-4)


def test_the_whole_model_can_learn_preferences_too_and_without_validation(tiny_base: Path, tmp_path: Path) -> None:
    training = tiny.write_jsonl(tmp_path / "pairs.jsonl", preferences(12))
    recipe = TrainSection(base=str(tiny_base), objective="dpo", method="full", learning_rate=1e-3, epochs=3, batch_size=4,
                          precision="fp32", device="cpu", dropout=0.1)  # fmt: skip
    print_of_base = fingerprint_base(tiny_base)
    job = here(training_job(training, None, recipe, project="p", base_fingerprint=print_of_base))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["held_out_loss"] is None
    assert job.result["history"][-1]["train_loss"] < job.result["history"][0]["train_loss"]
    assert fingerprint_base(Path(job.result["model_dir"])) == job.result["fingerprint"] != print_of_base


def test_a_project_has_no_pairs_to_prefer(tmp_path: Path) -> None:
    from honekit.errors import SettingsError
    from honekit.project import load_project

    lines = [
        '[project]\nname = "mail"', '[task]\ninstructions = "system.txt"\nformat = "text"\nprimary_metric = "topic_macro_f1"',
        '[[task.fields]]\nname = "topic"\ntype = "enum"\nvalues = ["bill", "bug"]\nscore = "macro_f1"',
        '[data]\ntrain = "a.jsonl"\nvalidation = "b.jsonl"\ntest = "c.jsonl"',
    ]  # fmt: skip
    (tmp_path / "hone.toml").write_text("\n".join(lines))
    assert load_project(tmp_path).train.objective == "supervised"
    (tmp_path / "hone.toml").write_text("\n".join([*lines, '[train]\nobjective = "dpo"']))
    with pytest.raises(SettingsError, match="pairs of answers") as refused:
        load_project(tmp_path)
    assert refused.value.code == "settings.project_invalid"


def test_pairs_cut_before_their_answers_fail_with_their_lines(tiny_base: Path, tmp_path: Path) -> None:
    records = preferences(12)
    records[6]["input"]["messages"][1]["content"] = "long " * 60
    done = here(preference_job(tiny_base, tmp_path, records, max_length=150))
    assert done.error
    assert done.error["code"] == "train.all_truncated"
    assert done.error["where"].endswith("line 7")


def test_a_chat_file_is_no_preference_file(tiny_base: Path, tmp_path: Path) -> None:
    done = here(preference_job(tiny_base, tmp_path, tiny.conversations(12)))
    assert done.error
    assert done.error["code"] == "data.preference.input"


def test_answers_within_the_prompt_are_not_learnt(tiny_base: Path) -> None:
    import msgspec

    from honekit.chat.messages import Message
    from honekit.data import PreferenceExample
    from honekit.models.bases import load_template
    from honekit.train.pairs import pair_of

    turns = [("user", "a?"), ("assistant", "first"), ("user", "b?"), ("assistant", "good"), ("assistant", "bad")]
    *asked, good, bad = (msgspec.convert({"role": r, "content": c}, Message) for r, c in turns)
    template = load_template(tiny_base)
    pair, is_cut = pair_of(PreferenceExample(asked, None, good, bad, 1), template, 512)
    assert not is_cut
    for example, text in ((pair.preferred, "good<|im_end|>"), (pair.rejected, "bad<|im_end|>")):
        learnt = [t for t, w in zip(example.token_ids, example.weights, strict=True) if w > 0]
        assert template.tokenizer.decode(learnt, skip_special_tokens=False) == text
        assert example.token_ids[: example.first_label] == template.prompt_ids(asked)


@pytest.fixture(scope="session")
def first_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with an effect, as a job leaves it, on the disk for all tests."""
    from honekit.models import adapters, attention, bases, lora

    model = bases.load_base(tiny_base, torch.float32, torch.device("cpu"), attention.register())
    names = lora.inject(model, targets=("q_proj", "v_proj"), rank=3, alpha=12, dropout=0, seed=5)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b.normal_(std=0.4, generator=torch.Generator().manual_seed(9))
    tensors = lora.peft_tensors(names, [v for _, layer in lora.layers(model) for v in (layer.lora_a, layer.lora_b)])
    config = lora.peft_config(base=str(tiny_base), names=names, rank=3, alpha=12, dropout=0)
    folder = tmp_path_factory.mktemp("first") / "adapter"
    return adapters.save_adapter(folder, tensors, config, str(tiny_base), fingerprint_base(tiny_base))


def continued(base: Path, folder: Path, start: Path, **changes: Any) -> Job:
    """A supervised job that goes on from `start`."""
    settings = {"base": str(base), "rank": 8, "alpha": 8, "learning_rate": 0.01, "epochs": 2, "batch_size": 4,
                "precision": "fp32", "device": "cpu"}  # fmt: skip
    training = tiny.write_jsonl(folder / "train.jsonl", tiny.conversations(12))
    held_out = tiny.write_jsonl(folder / "valid.jsonl", tiny.conversations(10, seed=1))
    recipe = TrainSection(**{**settings, **changes})
    return training_job(training, held_out, recipe, project="p", base_fingerprint=fingerprint_base(base), start_from=start)


def loss_under(base: Path, adapter: Path, folder: Path) -> float:
    """Mean cross-entropy of the validation answers under the adapter as plain PEFT loads it."""
    from peft import PeftModel

    from honekit.data import read_chat_file
    from honekit.models import bases

    model = PeftModel.from_pretrained(bases.load_base(base, torch.float32), adapter).eval()
    template = bases.load_template(base)
    total = weight = 0.0
    for example in read_chat_file(folder / "valid.jsonl"):
        ids = template.training_ids(example.messages)
        tokens = torch.tensor([ids.token_ids])
        with torch.no_grad():
            each = model(tokens).logits[0, :-1].log_softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]
        weights = torch.tensor(ids.weights[1:])
        total, weight = total - float((each * weights).sum()), weight + float(weights.sum())
    return total / weight


def test_with_next_to_no_rate_a_continued_job_stays_at_the_adapter(tiny_base: Path, first_adapter: Path, tmp_path: Path) -> None:
    job = here(continued(tiny_base, tmp_path, first_adapter, learning_rate=1e-7))
    assert job.status == "succeeded", job.error
    assert job.result
    there = loss_under(tiny_base, first_adapter, tmp_path)
    plain = here(job_for(tiny_base, tmp_path, epochs=1)).result
    assert plain and abs(plain["base_held_out_loss"] - there) > 1e-2
    assert job.result["base_held_out_loss"] == pytest.approx(there, rel=1e-5)
    assert job.result["held_out_loss"] == pytest.approx(there, rel=1e-4)
    assert 0 < job.result["largest_logit_change"] < 1e-2
    assert job.result["start_fingerprint"] == fingerprint_adapter(first_adapter)
    config = json.loads((Path(job.result["model_dir"]) / CONFIG).read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (3, 12, ["q_proj", "v_proj"])
    before, after = (safetensors.torch.load_file(d / WEIGHTS) for d in (first_adapter, Path(job.result["model_dir"])))
    assert before.keys() == after.keys()
    assert all((before[name] - after[name]).abs().max() < 1e-5 for name in before)
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_rank_stabilised_adapter_keeps_its_scale(tiny_base: Path, first_adapter: Path, tmp_path: Path) -> None:
    stabilised = tmp_path / "rslora"
    shutil.copytree(first_adapter, stabilised)
    config = json.loads((stabilised / CONFIG).read_text())
    (stabilised / CONFIG).write_text(json.dumps({**config, "use_rslora": True, "lora_alpha": 20}))
    job = here(continued(tiny_base, tmp_path, stabilised, learning_rate=1e-7, epochs=1))
    assert job.status == "succeeded", job.error
    assert job.result
    there = loss_under(tiny_base, stabilised, tmp_path)
    assert abs(there - loss_under(tiny_base, first_adapter, tmp_path)) > 1e-2
    assert job.result["base_held_out_loss"] == pytest.approx(there, rel=1e-5)
    # The result is a plain LoRA of the same scale.
    assert loss_under(tiny_base, Path(job.result["model_dir"]), tmp_path) == pytest.approx(there, rel=1e-4)


def test_a_continued_job_learns_and_its_result_is_an_adapter_of_the_base(
    tiny_base: Path, first_adapter: Path, tmp_path: Path
) -> None:
    job = here(continued(tiny_base, tmp_path, first_adapter, epochs=4))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["held_out_loss"] < 0.9 * job.result["base_held_out_loss"]
    directory = Path(job.result["model_dir"])
    assert loss_under(tiny_base, directory, tmp_path) == pytest.approx(job.result["held_out_loss"], rel=1e-5)
    assert json.loads((directory / ORIGIN).read_text())["base_fingerprint"] == fingerprint_base(tiny_base)


def test_the_masters_take_the_adapter_unrounded_when_computing_in_bf16(
    tiny_base: Path, first_adapter: Path, tmp_path: Path
) -> None:
    """A rate too small to move a bf16 weight: rounded masters would end a rounding away from the start."""
    job = here(continued(tiny_base, tmp_path, first_adapter, learning_rate=1e-6, epochs=1, precision="bf16"))
    # So small a change does not show in bf16 outputs, and the job says so; the checkpoint has the masters.
    states = sorted((jobs.job_dir(job.id) / "checkpoints").glob("step-*"))
    state = safetensors.torch.load_file(states[-1] / "state.safetensors")
    start = safetensors.torch.load_file(first_adapter / WEIGHTS)
    name = "model.layers.0.self_attn.q_proj"
    a = start[f"base_model.model.{name}.lora_A.weight"]
    assert (state[f"master.{name}.lora_a"] - a).abs().max() < 1e-5
    assert (a.bfloat16().float() - a).abs().max() > 1e-4


def test_preferences_on_an_adapter_are_measured_from_that_adapter(tiny_base: Path, first_adapter: Path, tmp_path: Path) -> None:
    job = here(preference_job(tiny_base, tmp_path, preferences(24), start_from=first_adapter, epochs=3))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["base_held_out_loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert job.result["history"][0]["train_reward_margin"] == pytest.approx(0, abs=1e-4)
    assert job.result["held_out_loss"] < 0.95 * math.log(2)
    other = here(preference_job(tiny_base, tmp_path, preferences(24), rank=3, alpha=12, targets=("q_proj", "v_proj"), epochs=1))
    kept = [json.loads((jobs.job_dir(j.id) / "reference.json").read_text()) for j in (job, other)]
    assert abs(kept[0][0][0][0] - kept[1][0][0][0]) > 1e-2


def refusal(job: Job) -> dict[str, Any]:
    done = here(job)
    assert done.status == "failed"
    assert done.error and done.error["what"] and done.error["where"] and done.error["mend"]
    assert not (jobs.job_dir(job.id) / "model").exists()
    return done.error


def test_an_adapter_of_another_base_is_refused(tiny_base: Path, first_adapter: Path, tmp_path: Path) -> None:
    other = tiny.save_base(tmp_path / "other", seed=1)
    error = refusal(continued(other, tmp_path, first_adapter))
    assert error["code"] == "train.start_wrong_base"
    assert str(tiny_base) in error["mend"]
    assert fingerprint_base(other) in error["what"]


def test_an_adapter_that_changed_since_the_job_was_made_is_refused(tiny_base: Path, first_adapter: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(first_adapter, copy)
    job = continued(tiny_base, tmp_path, copy)
    config = json.loads((copy / CONFIG).read_text())
    (copy / CONFIG).write_text(json.dumps({**config, "lora_alpha": 13}))
    assert refusal(job)["code"] == "train.start_changed"


def test_an_adapter_of_some_blocks_alone_and_a_full_fine_tuning_are_refused(
    tiny_base: Path, first_adapter: Path, tmp_path: Path
) -> None:
    assert refusal(continued(tiny_base, tmp_path, first_adapter, method="full"))["code"] == "train.start_method"
    part = tmp_path / "part"
    shutil.copytree(first_adapter, part)
    tensors = safetensors.torch.load_file(part / WEIGHTS)
    safetensors.torch.save_file({n: t for n, t in tensors.items() if ".layers.0." in n}, part / WEIGHTS)
    assert refusal(continued(tiny_base, tmp_path, part))["code"] == "train.start_mismatch"
    thin = tmp_path / "thin"
    shutil.copytree(first_adapter, thin)
    safetensors.torch.save_file({n: t[:, :5].contiguous() for n, t in tensors.items()}, thin / WEIGHTS)
    assert refusal(continued(tiny_base, tmp_path, thin))["code"] == "train.start_mismatch"


def test_the_start_is_a_part_of_what_the_job_is_and_its_place_is_not(
    tiny_base: Path, first_adapter: Path, tmp_path: Path
) -> None:
    job = continued(tiny_base, tmp_path, first_adapter)
    copy = tmp_path / "elsewhere"
    shutil.copytree(first_adapter, copy)
    assert continued(tiny_base, tmp_path, copy).id == job.id
    assert job_for(tiny_base, tmp_path).id != job.id
    assert preference_job(tiny_base, tmp_path).id != preference_job(tiny_base, tmp_path, beta=0.2).id


def test_a_spec_from_before_loads_and_keeps_its_key() -> None:
    old = {
        "training_file": "/t", "training_sha256": "aa", "validation_file": None, "validation_sha256": None, "base": "b",
        "project": "p",
    }  # fmt: skip
    recipe = TrainSection().model_dump(mode="json")
    del recipe["objective"], recipe["beta"], recipe["reinforcement"]
    spec = TrainSpec.from_dict({**old, "recipe": recipe})
    assert (spec.start_from, spec.recipe.objective) == (None, "supervised")
    identity = {name: value for name, value in old.items() if not name.endswith("_file")} | {"recipe": recipe}
    assert spec.identity() == identity
    assert TrainSpec.from_dict(spec.as_dict()) == spec
    # The key that such a job was stored under, computed as it was then.
    then = hashlib.sha256(json.dumps({**identity, "base_fingerprint": "f"}, sort_keys=True).encode()).hexdigest()
    now = hashlib.sha256(json.dumps({**spec.identity(), "base_fingerprint": "f"}, sort_keys=True).encode()).hexdigest()
    assert now == then


def test_beta_and_what_does_not_go_with_dpo_are_checked() -> None:
    for bad in ({"beta": 0}, {"beta": 2.1}, {"objective": "kto"}, {"objective": "dpo", "field_weights": {"a": 2}}):
        with pytest.raises(ValueError, match=r"beta|objective|field_weights"):
            TrainSection(**bad)
    assert TrainSection(objective="dpo", beta=2).beta == 2
