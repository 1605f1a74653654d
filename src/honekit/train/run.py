"""What a training worker executes: data and base in, verified adapter out, resumable at every step."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from honekit.errors import HoneError, TrainError
from honekit.jobs import MODEL, JobContext, Model, Stopped
from honekit.models import adapters, attention, bases, fingerprint, kept, lora
from honekit.models.floor import shape_of
from honekit.models.precision import Measured, choose_precision, resolve_device
from honekit.store.atomic import replace_dir, write_atomic
from honekit.train.continuing import read_start
from honekit.train.hooks import JobHooks, best_checkpoint, resume, shown, shown_score
from honekit.train.loop import Interrupted, total_steps, train
from honekit.train.pairs import with_kept_reference
from honekit.train.plan import context_limit, plan
from honekit.train.recipe import Environment, TrainSpec
from honekit.train.state import Progress, TrainState
from honekit.train.task import Task, read_task
from honekit.train.verify import (
    probe_logits,
    require_changed,
    require_finite,
    require_same_answers,
    require_same_from_disk,
)


def run_job(context: JobContext, *, keep_epochs: bool = False) -> dict[str, Any]:
    """Run or go on with one training job. Returns the job's result; raises TrainError with cause and remedy.

    With `keep_epochs` the checkpoints after the last epochs hold an adapter that can be asked.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 11):
        # Read when cuBLAS starts; without it a GPU refuses to compute deterministically. Later torch does not need it, and reads
        # it at every product, which takes three times as long as to begin the product.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    spec = TrainSpec.from_dict(context.spec)
    environment = _environment(context, spec)
    torch.set_num_threads(environment.threads)
    # As `use_deterministic_algorithms(True)`, which would import torch's compiler on top.
    torch.set_deterministic_debug_mode("error")
    # Its safeguard against reading uninitialised memory fills every fresh tensor, which costs about a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    device = torch.device(environment.device)
    dtype = torch.bfloat16 if environment.precision == "bf16" else torch.float32

    base = bases.resolve_base(spec.base)
    bases.require_writer(base)
    base_print = fingerprint.fingerprint_base(base)
    with ThreadPoolExecutor(1) as beside:
        # Both take long in a process that has just begun, and this one leaves Python's lock to the other.
        loading = beside.submit(kept.load_model, base, dtype, device) if spec.recipe.method == "lora" else None
        template = bases.load_template(base, kept.load_tokenizer(base))
        start = read_start(spec, base_print)
        recipe = start.recipe(spec.recipe) if start else spec.recipe
        task = read_task(spec, base, template, context_limit(base, recipe), context, environment)

    names: list[str] = []
    if loading:
        model = loading.result()
        names = lora.inject(
            model, targets=recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout, seed=recipe.seed
        )
    else:
        # A full fine-tuning moves the base's own weights, so it needs them for itself, and transformers to save them.
        model = bases.load_base(base, dtype, device, attention.register())
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
    if task.remember_start:
        task.remember_start(model)
    progress = resume(context, state) or _first_progress(context, model, task, spec, device)

    def adapter_of(snapshot: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return lora.peft_tensors(names, [snapshot[f"master.{name}.lora_{letter}"] for name in names for letter in "ab"])

    def save_model(directory: Path, snapshot: Mapping[str, Tensor]) -> Model:
        tensors = adapter_of(snapshot)
        require_finite(tensors, recipe)
        config = lora.peft_config(base=spec.base, names=names, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout)
        adapters.save_adapter(directory, tensors, config, spec.base, base_print)
        return Model(directory, fingerprint.fingerprint_adapter(directory))

    result_dir = context.dir / MODEL
    epoch_model = save_model if keep_epochs and recipe.method == "lora" else None
    with JobHooks(context, state, total_steps(len(task.training), recipe), progress, epoch_model) as hooks:
        try:
            progress = train(model, state, task.training, task.validation, recipe, progress, hooks, device, task.objective)
        except Interrupted:
            hooks.settle()
            raise Stopped(context.stop_requested() or "pause") from None
        explored = recipe.objective == "reinforcement"
        if progress.best_step != progress.step:
            hooks.settle()
            state.read(best_checkpoint(context, progress.best_step))
            by = "reward" if explored else recipe.select_by
            context.event("info", f"Best on validation ({by}) was step {progress.best_step}; that checkpoint is the result")
        if explored:
            _require_signal(progress)
        context.event("info", "Verifying the trained model")
        saving = hooks.beside(lambda: save_model(result_dir, state.weights())) if recipe.method == "lora" else None
        started = time.perf_counter()
        tuned_logits = probe_logits(model, task.probes, device)
        verify_seconds += time.perf_counter() - started
        hooks.settle()
        try:
            started = time.perf_counter()
            # Before anything can fail: afterwards nothing is written into the folder any more.
            print_of_result = saving.result().fingerprint if saving else ""
            moved = require_changed(start_logits, tuned_logits, recipe)
            if saving:
                require_same_from_disk(adapter_of(state.weights()), result_dir)
                fresh = kept.load_model(base, dtype, device)
                require_same_answers(fresh, result_dir, names, recipe, tuned_logits, task.probes, device)
            verify_seconds += time.perf_counter() - started
        except HoneError:
            # A job that fails leaves no model behind.
            shutil.rmtree(result_dir, ignore_errors=True)
            raise
    if not saving:
        require_finite(dict(zip(state.names, state.masters, strict=True)), recipe)
        _save_full(model, base, result_dir)
        print_of_result = fingerprint.fingerprint_base(result_dir)

    better = progress.best_score is None or progress.base_score is None or progress.best_score > progress.base_score
    if not better:
        found, before = (shown_score(score, recipe) for score in (progress.best_score, progress.base_score))
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
        "operations": flops,
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


def _environment(context: JobContext, spec: TrainSpec) -> Environment:
    file = context.dir / "environment.json"
    if file.exists():
        stored = Environment(**json.loads(file.read_text(encoding="utf-8")))
        if stored.torch_version == torch.__version__:
            return stored
        context.event("warn", f"torch changed from {stored.torch_version} to {torch.__version__} since this job began")
    device = resolve_device(spec.recipe.device)
    # How fast memory is counts only where answers are written.
    measured = kept.measure(device, memory=spec.recipe.objective == "reinforcement")
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


def _first_progress(context: JobContext, model: torch.nn.Module, task: Task, spec: TrainSpec, device: torch.device) -> Progress:
    """Raises: TrainError[train.start_not_finite] where the model gives no numbers before anything is trained."""
    progress = Progress()
    if task.validation:
        # A fresh adapter leaves the base's outputs unchanged (B = 0), so this is the loss of the base, or of the adapter
        # that the job goes on from.
        started = time.perf_counter()
        found = task.objective.validate(model, task.validation, device)
        progress.valid_seconds += time.perf_counter() - started
        progress.base_valid_loss, progress.base_score = found.loss, found.score(spec.recipe)
        if not math.isfinite(found.loss):
            raise TrainError(
                "train.start_not_finite",
                what="the model that training starts from computes no numbers: "
                f"before the first step its validation loss is {found.loss}",
                where=spec.base,
                mend='check its weights, fetch it again or take another base, or set train.precision = "fp32"',
            )
        context.event("info", f"Before training: validation {shown(found.loss, found.accuracy is None)}")
    return progress


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
