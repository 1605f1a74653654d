"""Whole training jobs on a tiny base: what they leave, how they go on after a kill, and how they fail."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tests import tiny

from honekit import fine_tuning, jobs
from honekit.errors import TrainError
from honekit.fine_tuning import RequestFault
from honekit.inference import Request, SamplingParams
from honekit.inference.engine import load_engine
from honekit.jobs import Event, Job, JobContext, leases, worker
from honekit.jobs.liveness import pid_of
from honekit.models.adapters import WEIGHTS, merge_adapter
from honekit.models.bases import load_base
from honekit.models.fingerprint import fingerprint_base
from honekit.project import TrainSection
from honekit.train import training_job
from honekit.train.loop import SUPERVISED, Supervised, ValidationResult
from honekit.train.task import tokenise


def job_for(
    base: Path, folder: Path, records: list[dict[str, Any]] | None = None, validation: list[dict[str, Any]] | None = None,
    project: str = "tiny", **changes: Any,
) -> Job:  # fmt: skip
    """A queued job; by default on twelve conversations with a rule, and ten more to validate on.

    Another `project` makes it another job with the same training.
    """
    settings = {"base": str(base), "rank": 4, "alpha": 8, "learning_rate": 0.01, "epochs": 2, "batch_size": 4,
                "precision": "fp32", "device": "cpu", "checkpoint_steps": 2}  # fmt: skip
    training = tiny.write_jsonl(folder / "train.jsonl", tiny.conversations(12) if records is None else records)
    held_out = tiny.write_jsonl(folder / "valid.jsonl", validation or tiny.conversations(10, seed=1))
    recipe = TrainSection(**{**settings, **changes})
    return training_job(training, held_out, recipe, project=project, base_fingerprint=fingerprint_base(base))


def here(job: Job) -> Job:
    """Run the job's worker in this process, to its end."""
    assert worker.main([job.id]) == 0
    return jobs.get_job(job.id)


def messages(job: Job, level: str | None = None) -> list[str]:
    return [e.message for e in jobs.events(job.id) if e.type == "message" and level in (None, e.level)]


def adapter_bytes(job: Job) -> bytes:
    return (jobs.job_dir(job.id) / "model" / WEIGHTS).read_bytes()


def curve(job: Job) -> list[Any]:
    assert job.result
    names = ("step", "train_loss", "grad_norm", "learning_rate", "valid_loss", "train_mean_token_accuracy")
    return [[row.get(name) for name in names] for row in job.result["history"]]


def test_a_job_leaves_a_better_model_and_the_whole_record_of_how_it_came_about(tiny_base: Path, tmp_path: Path) -> None:
    job = here(job_for(tiny_base, tmp_path, epochs=4))
    assert job.status == "succeeded", job.error
    result = job.result
    assert result is not None
    assert result["held_out_loss"] < 0.7 * result["base_held_out_loss"]
    assert not result["worse_than_base"]
    assert result["largest_logit_change"] > 0
    assert result["steps"] == 12
    assert result["best_step"] in (3, 6, 9, 12)
    assert 0 < result["operations"] == pytest.approx(result["floor_seconds"] * result["environment"]["gflops"] * 1e9)

    steps = [e.data for e in jobs.events(job.id) if e.type == "metrics" and e.data]
    assert [s["step"] for s in steps] == list(range(1, 13))
    assert [s["train_loss"] for s in steps] == [row["train_loss"] for row in result["history"]]

    folder = jobs.job_dir(job.id)
    rows = list(csv.DictReader((folder / "result.csv").read_text().splitlines()))
    assert list(rows[0]) == ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"]
    assert [float(row["train_loss"]) for row in rows] == [s["train_loss"] for s in steps]
    assert [bool(row["valid_loss"]) for row in rows] == [False, False, True] * 4
    logged = [json.loads(line) for line in (folder / "example_losses.jsonl").read_text().splitlines()]
    assert sorted(entry["line"] for entry in logged) == sorted(list(range(1, 13)) * 4)

    plain, tuned = load_base(tiny_base, torch.float32), load_base(tiny_base, torch.float32)
    assert merge_adapter(tuned, Path(result["model_dir"])) == 14
    ids = torch.tensor([tiny.token_ids(20)])
    with torch.no_grad():
        assert not torch.allclose(plain(ids).logits, tuned(ids).logits, atol=1e-2)


def test_prompts_with_completions_are_learnt_as_the_texts_that_they_are(tiny_base: Path, tmp_path: Path) -> None:
    def texts(count: int) -> list[dict[str, Any]]:
        return [{"prompt": f"Item {number}: ", "completion": "red"} for number in range(count)]

    job = here(job_for(tiny_base, tmp_path, texts(12), texts(3)))
    assert job.status == "succeeded" and job.result
    assert job.result["trained_tokens"] == 2 * 12 * len("red.")  # two epochs; the end counts as the bytes do
    assert job.result["held_out_loss"] < job.result["base_held_out_loss"]


def test_plain_peft_loads_the_result(tiny_base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    job = here(job_for(tiny_base, tmp_path))
    assert job.result
    merged = load_base(tiny_base, torch.float32)
    merge_adapter(merged, Path(job.result["model_dir"]))
    theirs = PeftModel.from_pretrained(load_base(tiny_base, torch.float32), job.result["model_dir"]).eval()
    ids = torch.tensor([tiny.token_ids(20)])
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, merged(ids).logits, rtol=1e-4, atol=1e-5)


def test_a_full_fine_tuning_leaves_a_base_directory_of_its_own(tiny_base: Path, tmp_path: Path) -> None:
    job = here(job_for(tiny_base, tmp_path, method="full", learning_rate=1e-3))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["held_out_loss"] < job.result["base_held_out_loss"]
    directory = Path(job.result["model_dir"])
    assert fingerprint_base(directory) == job.result["fingerprint"] != fingerprint_base(tiny_base)
    assert {"tokenizer.json", "chat_template.jinja", "config.json"} <= {f.name for f in directory.iterdir()}
    # Asked for as a version is: by the base's name and what the job left.
    engine = load_engine("no/such-base", directory, device="cpu", precision="fp32")
    assert engine.fingerprint == job.result["fingerprint"]
    assert engine.generate([Request(tiny.token_ids(9), SamplingParams(3))])[0].token_ids


def test_a_model_that_was_tuned_whole_is_no_adapter_to_go_on_from(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "config.json").write_text("{}")
    with pytest.raises(RequestFault, match="ft:x is not available for fine-tuning: it was tuned whole") as refused:
        fine_tuning.create("default", fine_tuning.Start("ft:x", "tiny", whole), "file-none")
    assert refused.value.code == "fine_tuning.model_not_available"


def test_the_result_is_that_of_the_best_epoch(tiny_base: Path, tmp_path: Path) -> None:
    other = tiny.conversations(10, shuffled=True)
    for record in other:  # learnt at first with all that is common to text, then contradicted ever more surely
        record["messages"][2]["content"] = "Is it a box?"
    job = here(
        job_for(
            tiny_base, tmp_path, epochs=6, validation=other, learning_rate=0.05, schedule="constant",
            early_stopping_patience=0, checkpoint_steps=1,
        )
    )  # fmt: skip
    assert job.result
    by_epoch = {row["step"]: row["valid_loss"] for row in job.result["history"] if "valid_loss" in row}
    best = min(by_epoch, key=lambda step: by_epoch[step])
    assert job.result["best_step"] == best < job.result["steps"] == 18
    assert any(f"step {best}; that checkpoint is the result" in m for m in messages(job))
    state = safetensors.torch.load_file(jobs.job_dir(job.id) / "checkpoints" / f"step-{best}" / "state.safetensors")
    saved = safetensors.torch.load_file(Path(job.result["model_dir"]) / WEIGHTS)
    name = "model.layers.1.mlp.down_proj"
    assert torch.equal(saved[f"base_model.model.{name}.lora_B.weight"], state[f"master.{name}.lora_b"])


def test_a_damaged_best_checkpoint_is_no_result(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validated = SUPERVISED.validate
    losses = iter([9.0, 1.0, 2.0])  # of the base, and after each epoch: the first is the best

    def validate(self: Supervised, *args: Any) -> ValidationResult:
        return replace(validated(*args), loss=next(losses))

    def damage_the_first(context: JobContext, step: int, path: Path, *args: Any) -> Any:
        if step == 3:
            (path / "state.safetensors").write_bytes((path / "state.safetensors").read_bytes()[:-1])
        return note(context, step, path, *args)

    note = JobContext.checkpoint
    monkeypatch.setattr(Supervised, "validate", validate)
    monkeypatch.setattr(JobContext, "checkpoint", damage_the_first)
    error = failed(job_for(tiny_base, tmp_path, checkpoint_steps=100))
    assert error["code"] == "train.checkpoint_damaged"


def kill_at(step: int, log: list[Event]) -> Any:
    """A callback that ends the worker with SIGKILL once, when it reports `step`."""
    pending = [step]

    def on_event(event: Event) -> None:
        log.append(event)
        if pending and event.type == "metrics" and event.data and event.data["step"] >= pending[0]:
            pending.clear()
            pid = pid_of(leases.lease_holder(event.job_id) or "")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

    return on_event


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_is_resumed_to_the_same_bits(tiny_base: Path, tmp_path: Path) -> None:
    # Enough steps that the kill lands between checkpoints, well before the end.
    settings: dict[str, Any] = {"records": tiny.conversations(40), "epochs": 3, "batch_size": 2, "checkpoint_steps": 3}
    whole = here(job_for(tiny_base, tmp_path, **settings))
    log: list[Event] = []
    killed = jobs.run_job(job_for(tiny_base, tmp_path, project="again", **settings).id, kill_at(10, log))
    assert killed.status == "succeeded", killed.error
    assert killed.attempt == 2
    resumed = [e.message for e in log if e.message.startswith("Resumed at step")]
    assert len(resumed) == 1
    assert 9 <= int(resumed[0].split()[-1]) < 60
    assert adapter_bytes(killed) == adapter_bytes(whole)
    assert curve(killed) == curve(whole)
    assert loss_log(killed) == loss_log(whole)


def loss_log(job: Job) -> str:
    return (jobs.job_dir(job.id) / "example_losses.jsonl").read_text()


def failed(job: Job) -> dict[str, Any]:
    done = here(job)
    assert done.status == "failed"
    assert done.error
    assert done.error["mend"]
    assert messages(done, "error")
    assert not (jobs.job_dir(job.id) / "model").exists()
    return done.error


def test_a_rate_far_too_high_fails_as_not_finite(tiny_base: Path, tmp_path: Path) -> None:
    error = failed(job_for(tiny_base, tmp_path, learning_rate=1e30))
    assert error["code"] == "train.not_finite"


def test_a_base_that_computes_no_numbers_is_not_blamed_on_the_rate(tiny_base: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "spoilt"))
    weights = safetensors.torch.load_file(base / "model.safetensors")
    next(tensor for name, tensor in weights.items() if "mlp" in name)[0, 0] = math.nan
    safetensors.torch.save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    error = failed(job_for(base, tmp_path))
    assert (error["code"], error["where"]) == ("train.start_not_finite", str(base))


def test_a_single_step_at_such_a_rate_fails_too(tiny_base: Path, tmp_path: Path) -> None:
    error = failed(job_for(tiny_base, tmp_path, learning_rate=1e30, epochs=1, batch_size=12))
    assert error["code"] == "train.not_finite"


def test_a_rate_that_moves_nothing_fails_as_unchanged(tiny_base: Path, tmp_path: Path) -> None:
    error = failed(job_for(tiny_base, tmp_path, learning_rate=1e-45))
    assert error["code"] == "train.unchanged"
    assert "train.learning_rate" in error["mend"]


def test_examples_cut_before_their_answers_fail_with_their_lines(tiny_base: Path, tmp_path: Path) -> None:
    error = failed(job_for(tiny_base, tmp_path, max_length=16))
    assert error["code"] == "train.all_truncated"
    assert error["what"].startswith("all examples")
    assert error["where"].endswith("lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12")
    records = tiny.conversations(12)
    for line in (3, 7):
        records[line - 1]["messages"][1]["content"] = "long " * 60
    error = failed(job_for(tiny_base, tmp_path, records, max_length=150))
    assert error["code"] == "train.all_truncated"
    assert error["where"].endswith("lines 3, 7")


def test_examples_that_are_only_cut_short_are_named_in_a_warning(tiny_base: Path, tmp_path: Path) -> None:
    records = tiny.conversations(12)
    records[4]["messages"][2]["content"] = "It is a very long answer. " * 20
    job = here(job_for(tiny_base, tmp_path, records, max_length=200, epochs=1))
    assert job.status == "succeeded", job.error
    assert any("lines [5]" in message for message in messages(job, "warn"))


def test_examples_whose_messages_all_have_weight_0_fail_with_their_lines(tiny_base: Path, tmp_path: Path) -> None:
    records = tiny.conversations(12)
    for line in (2, 9):
        records[line - 1]["messages"][2]["weight"] = 0
    error = failed(job_for(tiny_base, tmp_path, records))
    assert error["code"] == "data.weight.all_zero"  # the check of the file comes before any token
    assert "2" in error["what"] + error["where"]
    assert "9" in error["what"] + error["where"]


def test_examples_without_a_token_to_learn_are_named(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file check refuses such lines already; this is what the tokens themselves say should it let one through."""
    import msgspec

    from honekit.chat.messages import Message
    from honekit.data import ChatExample
    from honekit.models.bases import load_template
    from honekit.train import supervised

    def examples(_: Path, **__: Any) -> list[ChatExample]:
        records = tiny.conversations(4)
        records[1]["messages"][2]["weight"] = 0
        return [ChatExample(msgspec.convert(r["messages"], list[Message]), None, i + 1) for i, r in enumerate(records)]

    monkeypatch.setattr(supervised, "holds_completions", lambda _: False)
    monkeypatch.setattr(supervised, "read_chat_file", examples)
    with pytest.raises(TrainError) as refused:
        tokenise(tmp_path / "x.jsonl", load_template(tiny_base), 512, None)  # type: ignore[arg-type]
    assert refused.value.code == "train.no_trained_tokens"
    assert (refused.value.where or "").endswith("line 2")


@pytest.mark.parametrize("damage", ["one bit", "cut off"])
def test_an_adapter_damaged_on_its_way_to_the_disk_fails_the_job(
    damage: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = safetensors.torch.save_file

    def damaged(tensors: Any, path: Any, *args: Any, **kwargs: Any) -> None:
        write(tensors, path, *args, **kwargs)
        if Path(path).name == WEIGHTS:
            content = bytearray(Path(path).read_bytes())
            content[-5] ^= 1
            Path(path).write_bytes(content if damage == "one bit" else content[:-100])

    monkeypatch.setattr(safetensors.torch, "save_file", damaged)
    done = here(job_for(tiny_base, tmp_path))
    assert done.status == "failed"
    assert done.error
    assert done.error["code"] == "train.reload_differs"


@pytest.mark.parametrize("select_by", ["loss", "accuracy"])
def test_a_model_that_got_worse_by_what_chooses_checkpoints_says_so_loudly(
    tiny_base: Path, tmp_path: Path, select_by: str
) -> None:
    """Training data teaches noise at a high rate, validation asks for something else."""
    records = tiny.conversations(12, shuffled=True)
    for number, record in enumerate(records):
        record["messages"][2]["content"] = "".join(chr(200 + (number * 7 + i) % 50) for i in range(9))
    job = here(job_for(tiny_base, tmp_path, records, learning_rate=0.3, schedule="constant", epochs=2, select_by=select_by))
    assert job.status == "succeeded", job.error
    assert job.result
    assert job.result["worse_than_base"] is True
    warnings = [message for message in messages(job, "warn") if message.startswith("WORSE THAN THE BASE")]
    assert len(warnings) == 1
    best = next(row for row in job.result["history"] if row["step"] == job.result["best_step"])
    assert f"{select_by} {best[f'valid_{select_by}']:.4f}" in warnings[0]


def test_the_same_data_and_recipe_are_the_same_job_and_another_recipe_is_not(tiny_base: Path, tmp_path: Path) -> None:
    first = job_for(tiny_base, tmp_path)
    assert job_for(tiny_base, tmp_path).id == first.id
    assert job_for(tiny_base, tmp_path, learning_rate=0.02).id != first.id
    assert job_for(tiny_base, tmp_path, tiny.conversations(12, seed=5)).id != first.id


def test_editing_the_file_later_does_not_change_a_queued_job(tiny_base: Path, tmp_path: Path) -> None:
    job = job_for(tiny_base, tmp_path)
    (tmp_path / "train.jsonl").write_text("not even JSON\n")
    assert here(job).status == "succeeded"


def test_a_pause_is_heard_and_the_job_goes_on_to_the_same_bits(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = here(job_for(tiny_base, tmp_path))
    job = job_for(tiny_base, tmp_path, project="again")
    report = JobContext.metrics

    def ask_at_step_3(context: JobContext, step: int, *values: Any) -> None:
        if step == 3:
            jobs.request_stop(context.job_id, "pause")
            while context.stop_requested() is None:  # the heartbeat brings it
                time.sleep(0.01)
        report(context, step, *values)

    with monkeypatch.context() as patch:
        patch.setattr(JobContext, "metrics", ask_at_step_3)
        assert here(job).status == "paused"
    jobs.resume(job.id)
    done = here(job)
    assert done.status == "succeeded", done.error
    assert "Resumed at step 3" in messages(done)
    assert adapter_bytes(done) == adapter_bytes(whole)
    assert curve(done) == curve(whole)
