"""What the training loop reports, as a job keeps it: events, checkpoints, a log of per-example losses."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from honekit import jobs
from honekit.data.suspects.losses import LOSS_LOG
from honekit.errors import TrainError
from honekit.jobs import CHECKPOINTS, EPOCHS, JobContext, Model
from honekit.project import TrainSection
from honekit.store.atomic import fsync_path, replace_dir, verify_dir, write_atomic
from honekit.train.loop import Rows
from honekit.train.state import Progress, TrainState, write_state

KEPT_EPOCHS = 3
"""Models of so many last epochs are kept, when they are asked for."""


SaveModel = Callable[[Path, Mapping[str, Tensor]], Model]
"""Writes the adapter of a snapshot into a folder."""


@dataclass(frozen=True)
class _Saving:
    """A checkpoint that is being written."""

    step: int
    best_step: int
    metrics: dict[str, float]
    written: Future[Model | None]


class JobHooks:
    """The loop's reports as events, checkpoints and a log of per-example losses.

    A checkpoint is written, hashed and forced to the disk beside the next step. It is noted, and counts, before that step is
    reported: always at the same place among the events.
    """

    def __init__(
        self, context: JobContext, state: TrainState, steps: int, progress: Progress, save_model: SaveModel | None
    ) -> None:
        """`save_model`: None where the models of single epochs are not wanted."""
        self._context, self._state, self._steps = context, state, steps
        self._save_model, self._epochs_saved = save_model, progress.epoch
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._saving: _Saving | None = None
        self._log = _own_loss_log(context, progress)
        for left_over in context.dir.glob(".checkpoint*.tmp"):
            shutil.rmtree(left_over, ignore_errors=True)
        self._clock = (time.monotonic(), progress.step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is written afterwards."""
        self._writer.shutdown()

    def on_step(self, metrics: dict[str, float | int]) -> None:
        self.settle()
        step = int(metrics["step"])
        started, first = self._clock
        per_step = (time.monotonic() - started) / max(1, step - first)
        eta = per_step * (self._steps - step)
        progress = {"step": step, "total_steps": self._steps, "eta_s": eta, "finish_at": time.time() + eta}
        self._context.metrics(step, {**_named(metrics), "eta_s": eta}, progress)

    def on_example_losses(self, step: int, rows: Rows) -> None:
        with open(self._log, "a", encoding="utf-8") as file:
            for example, loss in rows:
                file.write(
                    json.dumps({"step": step, "line": example.line, "loss": loss, "tokens": example.trained_tokens}) + "\n"
                )

    def on_validation(self, progress: Progress, is_best: bool) -> None:
        row = progress.history[-1]
        note = " (best so far)" if is_best else ""
        if "valid_accuracy" not in row:
            text = f"Step {progress.step}: validation {shown(row['valid_loss'], True)}"
        else:
            ranked = f", reward accuracy {row['valid_reward_accuracy']:.4f}" if "valid_reward_accuracy" in row else ""
            accuracy = f"token accuracy {row['valid_accuracy']:.4f}"
            text = f"Epoch {progress.epoch}: validation loss {row['valid_loss']:.4f}, {accuracy}{ranked}"
        validated = {name: value for name, value in _named(row).items() if name.startswith("valid_")}
        self._context.event("info", f"{text}{note}", {"step": progress.step, **validated})

    def save(self, progress: Progress) -> None:
        """Begin to write a checkpoint. What goes wrong with it is raised by `settle`."""
        self.settle()
        progress.loss_log, progress.loss_log_bytes = self._log.name, self._log.stat().st_size
        with_model = self._save_model is not None and progress.epoch > self._epochs_saved
        if with_model:
            self._epochs_saved = progress.epoch
        self._state.hold()
        written = self._writer.submit(self._write, progress.step, progress.as_json(), with_model)
        self._saving = _Saving(progress.step, progress.best_step, _checkpoint_metrics(progress), written)
        if not self._state.is_copied():
            self.settle()

    def settle(self) -> None:
        """Wait for the checkpoint that is being written, and note it. Raises: StoreError; JobError[job.lease_lost]."""
        if self._saving is None:
            return
        saving, self._saving = self._saving, None
        model = saving.written.result()
        final = _checkpoint_dir(self._context, saving.step)
        self._context.checkpoint(saving.step, final, saving.metrics, model)
        if model:
            self._forget_old_models()
        keep = {final.name, _checkpoint_dir(self._context, saving.best_step).name}
        older = sorted(final.parent.glob("step-*"), key=lambda p: int(p.name.split("-")[1]))
        for directory in older[:-2]:
            if directory.name not in keep:
                self._writer.submit(shutil.rmtree, directory, ignore_errors=True)

    def beside(self, work: Callable[[], Model]) -> Future[Model]:
        """Have something written after the last checkpoint, while the caller computes."""
        return self._writer.submit(work)

    def _write(self, step: int, progress: str, with_model: bool) -> Model | None:
        snapshot = self._state.snapshot()
        fsync_path(self._log)
        temporary = self._context.dir / f".checkpoint.{self._context.turn}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        write_state(temporary, snapshot, progress)
        replace_dir(temporary, _checkpoint_dir(self._context, step))
        if not (with_model and self._save_model):
            return None
        return self._save_model(self._context.dir / EPOCHS / f"step-{step}", snapshot)

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


def resume(context: JobContext, state: TrainState) -> Progress | None:
    found = context.last_checkpoint()
    if found is None:
        return None
    progress = state.read(found.path)
    context.event("info", f"Resumed at step {progress.step}")
    return progress


def best_checkpoint(context: JobContext, step: int) -> Path:
    directory = _checkpoint_dir(context, step)
    if not verify_dir(directory):
        raise TrainError(
            "train.checkpoint_damaged",
            what=f"the checkpoint at step {step}, the best on validation, is damaged or gone",
            where=str(directory),
            mend="check the disk, then start a new job",
        )
    return directory


def _checkpoint_dir(context: JobContext, step: int) -> Path:
    return context.dir / CHECKPOINTS / f"step-{step}"


def _own_loss_log(context: JobContext, progress: Progress) -> Path:
    """A log that no other worker writes to, one that woke up after it was given up for dead included."""
    earlier = context.dir / progress.loss_log
    if not earlier.exists():
        earlier = context.dir / LOSS_LOG  # the attempt had come as far as to publish it
    kept = earlier.read_bytes()[: progress.loss_log_bytes] if progress.loss_log_bytes else b""
    own = context.dir / f"example_losses.{context.turn}.jsonl"
    write_atomic(own, kept)
    return own


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the history under the API's names."""
    return {"valid_mean_token_accuracy" if name == "valid_accuracy" else name: value for name, value in row.items()}


def _checkpoint_metrics(progress: Progress) -> dict[str, float]:
    """Under the API's names; validation covers the whole validation file."""
    last = progress.history[-1]
    kept = ("step", "train_loss", "train_mean_token_accuracy", "train_reward_mean", "valid_reward_mean")
    metrics: dict[str, float] = {name: last[name] for name in kept if name in last}
    whole_file = {"valid_loss": "full_valid_loss", "valid_accuracy": "full_valid_mean_token_accuracy"}
    return metrics | {shown: last[name] for name, shown in whole_file.items() if name in last}


def shown(loss: float | None, explored: bool) -> str:
    """A validation loss in words; of a job that explores it is the reward with its sign turned."""
    value = 0.0 if loss is None else loss
    return f"reward {-value:.4f}" if explored else f"loss {value:.4f}"


def shown_score(score: float | None, recipe: TrainSection) -> str:
    """What a checkpoint is chosen by, in words."""
    value = 0.0 if score is None else score
    if recipe.objective == "reinforcement":
        return f"reward {value:.4f}"
    return f"loss {-value:.4f}" if recipe.select_by == "loss" else f"accuracy {value:.4f}"
