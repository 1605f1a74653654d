"""What a training worker executes: data and base in, verified adapter out, resumable at every step."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from honekit import jobs
from honekit.chat.template import ChatTemplate
from honekit.data import read_chat_file
from honekit.data.suspects.losses import LOSS_LOG
from honekit.errors import TrainError
from honekit.graders.schema import Grader
from honekit.jobs import JobContext, Model, Stopped
from honekit.models import adapters, attention, bases, fingerprint, kept, lora
from honekit.models.floor import shape_of
from honekit.models.precision import Measured, choose_precision, resolve_device
from honekit.store.atomic import fsync_path, replace_dir, verify_dir, write_atomic
from honekit.train.batching import TokenExample
from honekit.train.continuing import read_start
from honekit.train.cuts import report_cuts
from honekit.train.dpo import Preference
from honekit.train.emphasis import emphasise
from honekit.train.grpo import GroupPolicy
from honekit.train.judges import embedder_of, judge_of
from honekit.train.loop import SUPERVISED, Interrupted, Objective, Rows, total_steps, train
from honekit.train.pairs import tokenise_pairs, with_kept_reference
from honekit.train.plan import context_limit, plan
from honekit.train.prompts import tokenise_prompts
from honekit.train.recipe import Environment, TrainSpec
from honekit.train.rewards import Rewarder
from honekit.train.rollouts import Writer
from honekit.train.state import Progress, TrainState
from honekit.train.verify import (
    probe_logits,
    require_changed,
    require_finite,
    require_same_answers,
    require_same_from_disk,
)

PROBES = 4
"""Held-out conversations whose outputs must move, and must be the same after a reload."""
KEPT_EPOCHS = 3
"""Models of so many last epochs are kept, when they are asked for."""


def run_job(context: JobContext, *, keep_epochs: bool = False) -> dict[str, Any]:
    """Run or go on with one training job. Returns the job's result; raises TrainError with cause and remedy.

    With `keep_epochs` the checkpoints after the last epochs hold an adapter that can be asked.
    """
    # Read when cuBLAS starts; without it a GPU refuses to compute deterministically.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    spec = TrainSpec.from_dict(context.spec)
    environment = _environment(context, spec)
    torch.set_num_threads(environment.threads)
    torch.use_deterministic_algorithms(True)
    # Its safeguard against reading uninitialised memory fills every fresh tensor, which costs about a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    device = torch.device(environment.device)
    dtype = torch.bfloat16 if environment.precision == "bf16" else torch.float32

    base = bases.resolve_base(spec.base)
    base_print = fingerprint.fingerprint_base(base)
    template = bases.load_template(base, kept.load_tokenizer(base))
    start = read_start(spec, base_print)
    recipe = start.recipe(spec.recipe) if start else spec.recipe
    task = _task(spec, base, template, context_limit(base, recipe), context, environment)

    # A full fine-tuning moves the base's own weights, so it needs them for itself.
    load = kept.load_base if recipe.method == "lora" else bases.load_base
    model = load(base, dtype, device, attention.register())
    names: list[str] = []
    if recipe.method == "lora":
        names = lora.inject(
            model, targets=recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout, seed=recipe.seed
        )
    else:
        model.requires_grad_(True)
    torch.manual_seed(recipe.seed)
    state = TrainState(model, recipe)
    if start:
        start.load(model, state)
        context.event("info", f"Going on from the adapter {start.fingerprint} in {start.directory}")
    # Everything that is held against the start is computed before a checkpoint moves the model.
    started = time.perf_counter()
    start_logits = probe_logits(model, task.probes, device)
    verify_seconds = time.perf_counter() - started
    if recipe.objective == "dpo":
        training, validation = with_kept_reference(context.dir, model, [task.training, task.validation], device)
        task = replace(task, training=training, validation=validation)
    if isinstance(task.objective, GroupPolicy):
        task.objective.remember_start(model)
    progress = _resume(context, state) or _first_progress(context, model, task, device)

    def save_model(directory: Path) -> Model:
        tensors = lora.peft_tensors(names, _masters_of(state, model))
        require_finite(tensors, recipe)
        config = lora.peft_config(base=spec.base, names=names, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout)
        adapters.save_adapter(directory, tensors, config, spec.base, base_print)
        return Model(directory, fingerprint.fingerprint_adapter(directory))

    epoch_model = save_model if keep_epochs and recipe.method == "lora" else None
    hooks = _JobHooks(context, state, total_steps(len(task.training), recipe), progress, epoch_model)
    try:
        progress = train(model, state, task.training, task.validation, recipe, progress, hooks, device, task.objective)
    except Interrupted:
        raise Stopped(context.stop_requested() or "pause") from None

    if progress.best_step != progress.step:
        state.read(_best_checkpoint(context, progress.best_step))
        context.event(
            "info", f"Best on validation ({recipe.select_by}) was step {progress.best_step}; that checkpoint is the result"
        )
    explored = recipe.objective == "reinforcement"
    if explored:
        _require_signal(progress)
    context.event("info", "Verifying the trained model")
    started = time.perf_counter()
    tuned_logits = probe_logits(model, task.probes, device)
    verify_seconds += time.perf_counter() - started
    moved = require_changed(start_logits, tuned_logits, recipe)
    result_dir = context.dir / "model"
    if recipe.method == "lora":
        print_of_result = save_model(result_dir).fingerprint
        require_same_from_disk(lora.peft_tensors(names, _masters_of(state, model)), result_dir)
        fresh = kept.load_base(base, dtype, device, attention.register())
        started = time.perf_counter()
        require_same_answers(fresh, result_dir, names, recipe, tuned_logits, task.probes, device)
        verify_seconds += time.perf_counter() - started
    else:
        require_finite(dict(zip(state.names, state.masters, strict=True)), recipe)
        _save_full(model, base, result_dir)
        print_of_result = fingerprint.fingerprint_base(result_dir)

    better = progress.best_valid_loss is None or progress.best_valid_loss < (progress.base_valid_loss or float("inf"))
    if not better:
        found, before = _shown(progress.best_valid_loss, explored), _shown(progress.base_valid_loss, explored)
        context.event(
            "warn",
            f"{'NOT BETTER' if explored else 'WORSE'} THAN THE {'START' if start else 'BASE'} ON VALIDATION: {found} against "
            f"{before}. Likely causes: the learning rate is too high, "
            f"{'the grader rates what the model cannot reach' if explored else 'labels contradict each other'}, "
            "or validation is another task",
        )
    best = next((row for row in progress.history if row["step"] == progress.best_step), {})
    shape = shape_of(base)
    flops = shape.training_flops(progress.unique_tokens, progress.trained_tokens, lora=recipe.method == "lora")
    if explored:
        # What is learnt from had to be written first.
        flops += shape.forward_flops(progress.unique_tokens, progress.trained_tokens)
    rewards = [None if loss is None else -loss for loss in (progress.best_valid_loss, progress.base_valid_loss)]
    _write_result_csv(context.dir / "result.csv", progress, explored)
    hooks.publish_loss_log()
    return {
        "model_dir": str(result_dir),
        "objective": recipe.objective,
        "method": recipe.method,
        "fingerprint": print_of_result,
        "base": spec.base,
        "base_fingerprint": base_print,
        "start_from": spec.start_from,
        "start_fingerprint": start.fingerprint if start else None,
        "template_fingerprint": template.fingerprint,
        "training_sha256": spec.training_sha256,
        "trained_tokens": progress.trained_tokens,
        "unique_tokens": progress.unique_tokens,
        "train_seconds": progress.train_seconds,
        "valid_seconds": progress.valid_seconds,
        "verify_seconds": verify_seconds,
        "tokens_per_s": progress.unique_tokens / max(progress.train_seconds, 1e-9),
        "floor_seconds": flops / (environment.gflops * 1e9),
        "steps": progress.step,
        "epochs": progress.epoch,
        "best_step": progress.best_step,
        "held_out_loss": None if explored else progress.best_valid_loss,
        "base_held_out_loss": None if explored else progress.base_valid_loss,
        "held_out_reward": rewards[0] if explored else None,
        "base_held_out_reward": rewards[1] if explored else None,
        "worse_than_base": not better,
        "held_out_reward_accuracy": best.get("valid_reward_accuracy"),
        "held_out_reward_margin": best.get("valid_reward_margin"),
        "largest_logit_change": moved,
        "history": progress.history,
        "environment": environment.as_dict(),
    }


@dataclass(frozen=True)
class _Task:
    """What a job learns from, in the kind of example that its objective takes."""

    training: list[Any]
    validation: list[Any]
    objective: Objective[Any]
    probes: list[TokenExample]


def _task(
    spec: TrainSpec, base: Path, template: ChatTemplate, limit: int, context: JobContext, environment: Environment
) -> _Task:
    recipe, training_file = spec.recipe, Path(spec.training_file)
    held_out = Path(spec.validation_file) if spec.validation_file else None
    if recipe.objective == "dpo":
        pairs = tokenise_pairs(training_file, template, limit, context, least=10)
        valid_pairs = tokenise_pairs(held_out, template, limit, context) if held_out else []
        probes = [pair.preferred for pair in (valid_pairs or pairs)[:PROBES]]
        return _Task(pairs, valid_pairs, Preference(recipe.beta), probes)
    if recipe.objective == "reinforcement":
        grader = _grader(spec)
        writer = Writer.of(base, template, limit, recipe.exploring.max_new_tokens)
        prompts = tokenise_prompts(training_file, template, limit, grader, least=10)
        valid_prompts = tokenise_prompts(held_out, template, limit, grader) if held_out else []
        ask = judge_of(spec.base, grader, spec.judges, environment.device, environment.precision)
        rewarder = Rewarder(grader, ask, embedder_of(spec.base, grader, environment.device, environment.precision))
        rewarder.check()
        probes = [prompt.probe(writer.stop_ids[0]) for prompt in (valid_prompts or prompts)[:PROBES]]
        return _Task(prompts, valid_prompts, GroupPolicy(writer, rewarder, recipe.exploring, recipe.seed), probes)
    training = tokenise(training_file, template, limit, context, least=10, field_weights=recipe.field_weights)
    validation = tokenise(held_out, template, limit, context) if held_out else []
    return _Task(training, validation, SUPERVISED, (validation or training)[:PROBES])


def _grader(spec: TrainSpec) -> Grader:
    try:
        return TypeAdapter[Grader](Grader).validate_python(spec.grader)
    except ValidationError as fault:
        first = fault.errors()[0]
        raise TrainError(
            "train.grader_invalid",
            what=f"the job has no grader that can be used: {first['msg']}",
            where=".".join(["grader", *map(str, first["loc"])]),
            mend="make the job anew with a grader as in docs/graders.md",
        ) from fault


def _require_signal(progress: Progress) -> None:
    """Raises: TrainError[train.no_signal] when no group of any step had rewards that differ."""
    if not any(row.get("train_signal_share") for row in progress.history):
        raise TrainError(
            "train.no_signal",
            what="in no step did two answers to a prompt get different rewards (their mean was "
            f"{progress.history[-1]['train_reward_mean']:.4g} at the end), so there was nothing to learn from",
            where="the grader and the training file",
            mend="use a grader that gives part marks, easier prompts, or start from a model that is right now and then",
        )


def tokenise(
    path: Path,
    template: ChatTemplate,
    limit: int,
    context: JobContext,
    least: int = 1,
    field_weights: Mapping[str, float] | None = None,
) -> list[TokenExample]:
    """Conversations as tokens, cut to `limit`.

    Raises: TrainError[train.all_truncated | train.no_trained_tokens], naming the lines.
    """
    examples, cut, empty = [], [], []
    for index, example in enumerate(read_chat_file(path, least=least)):
        ids = template.training_ids(example.messages, example.tools)
        weights = ids.weights
        if field_weights:
            weights = emphasise(ids.token_ids, weights, field_weights, template.tokenizer)
        tokens = TokenExample(index, example.line, ids.token_ids[:limit], weights[:limit])
        if len(ids.token_ids) > limit:
            cut.append(example.line)
        if tokens.trained_tokens == 0:
            empty.append(example.line)
        examples.append(tokens)
    report_cuts(path, len(examples), limit, cut, empty, context)
    return examples


class _JobHooks:
    """The loop's reports as events, checkpoints and a log of per-example losses."""

    def __init__(
        self,
        context: JobContext,
        state: TrainState,
        steps: int,
        progress: Progress,
        save_model: Callable[[Path], Model] | None,
    ) -> None:
        """`save_model` writes the present adapter; None where the models of single epochs are not wanted."""
        self._context, self._state, self._steps = context, state, steps
        self._save_model, self._epochs_saved = save_model, progress.epoch
        self._log = _own_loss_log(context, progress)
        for left_over in context.dir.glob(".checkpoint*.tmp"):
            shutil.rmtree(left_over, ignore_errors=True)
        self._clock = (time.monotonic(), progress.step)

    def on_step(self, metrics: dict[str, float | int]) -> None:
        step = int(metrics["step"])
        started, first = self._clock
        per_step = (time.monotonic() - started) / max(1, step - first)
        eta = per_step * (self._steps - step)
        progress = {"step": step, "total_steps": self._steps, "eta_s": eta, "finish_at": time.time() + eta}
        self._context.metrics(step, {**metrics, "eta_s": eta}, progress)

    def on_example_losses(self, step: int, rows: Rows) -> None:
        with open(self._log, "a", encoding="utf-8") as file:
            for example, loss in rows:
                file.write(
                    json.dumps({"step": step, "line": example.line, "loss": loss, "tokens": example.trained_tokens}) + "\n"
                )

    def on_validation(self, progress: Progress, valid_loss: float, is_best: bool) -> None:
        row = progress.history[-1]
        note = " (best so far)" if is_best else ""
        more = {name: value for name, value in row.items() if name.startswith("valid_") and name != "valid_accuracy"}
        if "valid_accuracy" not in row:
            text = f"Step {progress.step}: validation {_shown(valid_loss, True)}"
        else:
            ranked = f", reward accuracy {row['valid_reward_accuracy']:.4f}" if "valid_reward_accuracy" in row else ""
            text = f"Epoch {progress.epoch}: validation loss {valid_loss:.4f}, token accuracy {row['valid_accuracy']:.4f}{ranked}"
            more["valid_mean_token_accuracy"] = row["valid_accuracy"]
        self._context.event("info", f"{text}{note}", {"step": progress.step, **more})

    def save(self, progress: Progress) -> None:
        fsync_path(self._log)
        progress.loss_log, progress.loss_log_bytes = self._log.name, self._log.stat().st_size
        temporary = self._context.dir / f".checkpoint.{self._context.turn}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        self._state.write(temporary, progress)
        final = _checkpoint_dir(self._context, progress.step)
        replace_dir(temporary, final)
        model = None
        if self._save_model and progress.epoch > self._epochs_saved:
            model = self._save_model(self._context.dir / "epochs" / f"step-{progress.step}")
            self._epochs_saved = progress.epoch
        self._context.checkpoint(progress.step, final, _checkpoint_metrics(progress), model)
        if model:
            self._forget_old_models()
        keep = {final.name, _checkpoint_dir(self._context, progress.best_step).name}
        older = sorted(final.parent.glob("step-*"), key=lambda p: int(p.name.split("-")[1]))
        for directory in older[:-2]:
            if directory.name not in keep:
                shutil.rmtree(directory, ignore_errors=True)

    def _forget_old_models(self) -> None:
        with_model = [found for found in jobs.checkpoints(self._context.job_id) if found.model]
        for found in with_model[KEPT_EPOCHS:]:
            assert found.model
            jobs.forget_model(found.job_id, found.step)
            shutil.rmtree(found.model.path, ignore_errors=True)

    def publish_loss_log(self) -> None:
        """Give the log its name; workers of earlier attempts have no more use for theirs."""
        write_atomic(self._context.dir / LOSS_LOG, self._log.read_bytes())
        for log in self._context.dir.glob("example_losses.*.jsonl"):
            log.unlink(missing_ok=True)

    def should_stop(self) -> bool:
        return self._context.stop_requested() is not None


def _own_loss_log(context: JobContext, progress: Progress) -> Path:
    """A log that no other worker writes to, one that woke up after it was given up for dead included."""
    earlier = context.dir / progress.loss_log
    if not earlier.exists():
        earlier = context.dir / LOSS_LOG  # the attempt had come as far as to publish it
    kept = earlier.read_bytes()[: progress.loss_log_bytes] if progress.loss_log_bytes else b""
    own = context.dir / f"example_losses.{context.turn}.jsonl"
    write_atomic(own, kept)
    return own


def _checkpoint_metrics(progress: Progress) -> dict[str, float]:
    """Under the API's names; validation covers the whole validation file."""
    last = progress.history[-1]
    kept = ("step", "train_loss", "train_mean_token_accuracy", "train_reward_mean", "valid_reward_mean")
    metrics: dict[str, float] = {name: last[name] for name in kept if name in last}
    whole_file = {"valid_loss": "full_valid_loss", "valid_accuracy": "full_valid_mean_token_accuracy"}
    return metrics | {shown: last[name] for name, shown in whole_file.items() if name in last}


def _shown(loss: float | None, explored: bool) -> str:
    """A validation loss in words; of a job that explores it is the reward with its sign turned."""
    value = 0.0 if loss is None else loss
    return f"reward {-value:.4f}" if explored else f"loss {value:.4f}"


def _environment(context: JobContext, spec: TrainSpec) -> Environment:
    file = context.dir / "environment.json"
    if file.exists():
        stored = Environment(**json.loads(file.read_text(encoding="utf-8")))
        if stored.torch_version == torch.__version__:
            return stored
        context.event("warn", f"torch changed from {stored.torch_version} to {torch.__version__} since this job began")
    device = resolve_device(spec.recipe.device)
    measured = kept.measure()
    precision = choose_precision(measured, spec.recipe.precision, device)
    environment = Environment(
        precision=precision,
        threads=measured.threads,
        device=str(device),
        gflops=measured.gflops(precision),
        torch_version=torch.__version__,
    )
    write_atomic(file, json.dumps(environment.as_dict()))
    context.event(
        "info",
        f"Computing in {precision} on {device} with {measured.threads} threads "
        f"(measured {measured.fp32_gflops:.0f} GFLOP/s in fp32, {measured.bf16_gflops:.0f} in bf16)",
    )
    if spec.recipe.objective == "reinforcement":
        _tell_plan(context, spec, measured)
    return environment


def _tell_plan(context: JobContext, spec: TrainSpec, measured: Measured) -> None:
    """How long it may take: a step of exploring is long, and before the first one nothing else tells."""
    held_out = Path(spec.validation_file) if spec.validation_file else None
    needed = plan(spec.recipe, Path(spec.training_file), held_out, bases.resolve_base(spec.base), measured)
    context.event(
        "info",
        f"At most about {needed.seconds / 60:.1f} min and {needed.memory_bytes / 1e9:.1f} GB of memory, should every answer "
        f"have {spec.recipe.exploring.max_new_tokens} tokens",
        {"most_seconds": needed.seconds, "most_memory_bytes": needed.memory_bytes},
    )


def _first_progress(context: JobContext, model: torch.nn.Module, task: _Task, device: torch.device) -> Progress:
    progress = Progress()
    if task.validation:
        # A fresh adapter leaves the base's outputs unchanged (B = 0), so this is the loss of the base, or of the adapter
        # that the job goes on from.
        started = time.perf_counter()
        found = task.objective.validate(model, task.validation, device)
        progress.valid_seconds += time.perf_counter() - started
        progress.base_valid_loss = found.loss
        context.event("info", f"Before training: validation {_shown(found.loss, found.accuracy is None)}")
    return progress


def _resume(context: JobContext, state: TrainState) -> Progress | None:
    found = context.last_checkpoint()
    if found is None:
        return None
    progress = state.read(found.path)
    context.event("info", f"Resumed at step {progress.step}")
    return progress


def _checkpoint_dir(context: JobContext, step: int) -> Path:
    return context.dir / "checkpoints" / f"step-{step}"


def _best_checkpoint(context: JobContext, step: int) -> Path:
    directory = _checkpoint_dir(context, step)
    if not verify_dir(directory):
        raise TrainError(
            "train.checkpoint_damaged",
            what=f"the checkpoint at step {step}, the best on validation, is damaged or gone",
            where=str(directory),
            mend="check the disk, then start a new job",
        )
    return directory


def _masters_of(state: TrainState, model: torch.nn.Module) -> list[torch.Tensor]:
    """fp32 masters in the order A, B, A, B, ... of the wrapped layers."""
    by_name = dict(zip(state.names, state.masters, strict=True))
    return [by_name[f"{name}.lora_{letter}"] for name, _ in lora.layers(model) for letter in "ab"]


def _save_full(model: Any, base: Path, directory: Path) -> None:
    temporary = directory.with_name(f".{directory.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    for file in base.iterdir():
        if file.suffix in (".json", ".jinja", ".txt", ".model") and not (temporary / file.name).exists():
            shutil.copy(file, temporary / file.name)
    replace_dir(temporary, directory)


def _write_result_csv(path: Path, progress: Progress, explored: bool) -> None:
    """Columns of the hosted service's result file, and the rewards of a job that explores; cells of what was not measured at a
    step are empty."""
    columns = {"step": "step", "train_loss": "train_loss", "train_accuracy": "train_mean_token_accuracy"}
    columns |= {"valid_loss": "valid_loss", "valid_mean_token_accuracy": "valid_accuracy"}
    if explored:
        columns |= {"train_reward_mean": "train_reward_mean", "valid_reward_mean": "valid_reward_mean"}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in progress.history:
        writer.writerow([row.get(name, "") for name in columns.values()])
    write_atomic(path, out.getvalue())
