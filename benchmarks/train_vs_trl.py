"""Hone's training loop and TRL's SFTTrainer side by side, on this machine, in one run.

Both fine-tune the same base on the same conversations with the same LoRA start values, order, learning rates, loss mask
and optimizer; TRL is tried in every precision and layout that makes sense here, and the fastest of them counts. The
held-out loss of each side comes from one and the same scoring function. See `benchmarks/README.md`.

    python benchmarks/train_vs_trl.py                              # the whole hundred, 3 epochs
    python benchmarks/train_vs_trl.py --examples 16 --epochs 1 --held-out 8     # a short look
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from torch import Tensor

from honekit import settings
from honekit.data import read_chat_file
from honekit.data.prepare import prepare
from honekit.models import attention, bases, lora
from honekit.models.precision import Measured, choose_precision, measure, resolve_device
from honekit.project import TrainSection, load_project
from honekit.train.batching import TokenExample, steps_of_epoch
from honekit.train.loop import Interrupted, total_steps, train, validate
from honekit.train.recipe import learning_rate_at
from honekit.train.state import Progress, TrainState

LAYOUTS = ("padded", "padding-free", "packed")
HOPELESS = 3.0
"""A precision measured this many times slower than the other one is left out."""


@dataclass
class Work:
    """What both sides are given."""

    base: Path
    examples: list[TokenExample]
    validation: list[TokenExample]
    recipe: TrainSection
    steps: list[list[int]]
    """Example indices of each optimizer step, all epochs in a row."""
    device: torch.device
    measured: Measured

    @property
    def useful_tokens(self) -> int:
        """Tokens of all conversations as often as they are trained on; no padding, shared prefixes not discounted."""
        return sum(len(self.examples[i].token_ids) for step in self.steps for i in step)


@dataclass
class Contender:
    """One way to train, and what was measured of it in each round."""

    side: str
    precision: str
    layout: str
    seconds: list[float] = field(default_factory=list)
    held_out_loss: float = math.nan
    optimizer_steps: int = 0
    examples_seen: int = 0
    note: str = ""

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)


def main() -> int:
    arguments = _arguments()
    work = load_work(arguments)
    # transformers and TRL write bars, tables and notes to both streams; none of that belongs into the result.
    say = _quiet_libraries()
    contenders = [Contender("hone", choose_precision(work.measured, arguments.precision, work.device), "shared prefix")]
    contenders += [Contender("trl", p, layout) for p in _precisions(work, arguments.precision) for layout in arguments.layouts]
    say(f"base loss {score(work, {}):.4f} on {len(work.validation)} held-out conversations; {_machine(work)}")

    for round_number in range(arguments.rounds):
        running = contenders
        if round_number:  # only the fastest of TRL's ways goes on
            running = [contenders[0], min(contenders[1:], key=lambda c: c.median_s)]
        # The order turns around every round, so that neither side always has the cool or the warm machine.
        for contender in running[::-1] if round_number % 2 else running:
            _run(work, contender)
            took = f"{contender.seconds[-1]:.1f} s, held-out loss {contender.held_out_loss:.4f}"
            say(f"round {round_number + 1}: {contender.side} {contender.precision} {contender.layout}: {took}")

    result = summary(work, contenders)
    sys.stdout.write(json.dumps(result, indent=1) + "\n" if arguments.json else table(result))
    return 0


def load_work(arguments: argparse.Namespace) -> Work:
    """Checked data, tokens and recipe of the bundled example project."""
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    device = resolve_device(arguments.device)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        shutil.copytree(settings.examples_dir() / arguments.project, root, ignore=shutil.ignore_patterns(".hone"))
        project = load_project(root)
        recipe = project.train.model_copy(update={"epochs": arguments.epochs, "warmup_ratio": 0.0, "early_stopping_patience": 0})
        # The hundred as they are: both sides would repeat further forms of them alike.
        project = project.model_copy(update={"data": project.data.model_copy(update={"forms": 1})})
        prepared = prepare(project, use_more=False)
        base = bases.resolve_base(arguments.base or recipe.base)
        template = bases.load_template(base)

        def tokens(file: Path) -> list[TokenExample]:
            encoded = [(e.line, template.training_ids(e.messages, e.tools)) for e in read_chat_file(file)]
            return [TokenExample(i, line, ids.token_ids, ids.weights) for i, (line, ids) in enumerate(encoded)]

        examples, validation = tokens(prepared.train_file), tokens(prepared.validation_file)
    examples = examples[: arguments.examples]
    order = [
        step for epoch in range(recipe.epochs) for step in steps_of_epoch(len(examples), recipe.batch_size, recipe.seed, epoch)
    ]
    validation = validation[: arguments.held_out]
    return Work(base, examples, validation, recipe, order[: arguments.steps], device, measure())


def _run(work: Work, contender: Contender) -> None:
    seconds, values = (run_hone if contender.side == "hone" else run_trl)(work, contender)
    contender.seconds.append(seconds)
    contender.held_out_loss = score(work, values)


def run_hone(work: Work, contender: Contender) -> tuple[float, dict[str, tuple[Tensor, Tensor]]]:
    """Train with Hone's loop; the seconds are those of the loop alone."""
    model = _fresh(work, contender.precision)
    state = TrainState(model, work.recipe)
    hooks = _StopAfter(len(work.steps))
    started = time.perf_counter()
    with contextlib.suppress(Interrupted):
        train(model, state, work.examples, [], work.recipe, Progress(), hooks, work.device)
    _finish(work)
    seconds = time.perf_counter() - started
    contender.optimizer_steps, contender.examples_seen = hooks.done, hooks.examples
    masters = dict(zip(state.names, state.masters, strict=True))
    return seconds, {n: (masters[f"{n}.lora_a"], masters[f"{n}.lora_b"]) for n, _ in lora.layers(model)}


class _StopAfter:
    """Hooks of a bare loop: nothing is written, and `--steps` is kept."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done, self.examples = steps, 0, 0

    def on_step(self, metrics: dict[str, float | int]) -> None:
        self.done += 1

    def on_example_losses(self, step: int, rows: list[tuple[TokenExample, float]]) -> None:
        self.examples += len(rows)

    def on_validation(self, progress: Progress, valid_loss: float, is_best: bool) -> None: ...

    def save(self, progress: Progress) -> None: ...

    def should_stop(self) -> bool:
        return self.done >= self.steps


def run_trl(work: Work, contender: Contender) -> tuple[float, dict[str, tuple[Tensor, Tensor]]]:
    """Train with TRL's SFTTrainer; the seconds are those of `train()` alone, data preparation not counted.

    `padded` and `padding-free` take Hone's very batches; `packed` is TRL's own packing, in as many optimizer steps, with
    as many examples a step on average.
    """
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from torch.utils.data import DataLoader
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    recipe, bf16 = work.recipe, contender.precision == "bf16"
    model = bases.load_base(work.base, torch.bfloat16 if bf16 else torch.float32, work.device, "sdpa")
    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(model, config)
    modules = dict(wrapped.named_modules())
    names = [name for name, _ in lora.layers(_fresh(work, "fp32"))]
    with torch.no_grad():
        for name, layer in lora.layers(_fresh(work, "fp32")):
            modules[f"base_model.model.{name}.lora_A.default"].weight.copy_(layer.lora_a)

    class SameOrder(SFTTrainer):
        """TRL with Hone's batches and learning rates."""

        def get_train_dataloader(self) -> Any:
            if contender.layout == "packed":
                return super().get_train_dataloader()
            loader = DataLoader(self.train_dataset, batch_sampler=work.steps, collate_fn=self.data_collator)
            return self.accelerator.prepare(loader)

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            optimizer = optimizer or self.optimizer
            total = total_steps(len(work.examples), recipe)
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: learning_rate_at(step, total, recipe) / recipe.learning_rate
            )
            return self.lr_scheduler

    rows = [
        {
            "input_ids": e.token_ids,
            "labels": [t if w > 0 else -100 for t, w in zip(e.token_ids, e.weights, strict=True)],
        }
        for e in work.examples
    ]
    dataset = Dataset.from_list(rows)
    packed = contender.layout == "packed"
    length, packs = pack_length(dataset, work) if packed else (None, 0)
    with tempfile.TemporaryDirectory() as folder:
        options = SFTConfig(
            folder, num_train_epochs=recipe.epochs if packed else 1, max_steps=len(work.steps) if packed else -1,
            per_device_train_batch_size=1 if packed else recipe.batch_size, packing=packed,
            padding_free=contender.layout == "padding-free", max_length=length, train_sampling_strategy="random",
            learning_rate=recipe.learning_rate, warmup_steps=0, weight_decay=recipe.weight_decay,
            max_grad_norm=recipe.max_grad_norm, bf16=bf16, gradient_checkpointing=False,
            use_cpu=work.device.type == "cpu", dataloader_pin_memory=work.device.type == "cuda", seed=recipe.seed,
            logging_strategy="no", save_strategy="no", report_to=[], disable_tqdm=True,
        )  # fmt: skip
        trainer = SameOrder(wrapped, options, train_dataset=dataset, processing_class=AutoTokenizer.from_pretrained(work.base))
        started = time.perf_counter()
        trainer.train()
        _finish(work)
        seconds = time.perf_counter() - started
        contender.optimizer_steps = trainer.state.global_step
    if packed:
        contender.note = f"rows of up to {length} tokens, {packs} an epoch"
        contender.examples_seen = round(contender.optimizer_steps / packs * len(work.examples))
    else:
        contender.examples_seen = sum(len(step) for step in work.steps)
    values = {
        name: tuple(modules[f"base_model.model.{name}.lora_{letter}.default"].weight.detach() for letter in "AB")
        for name in names
    }
    return seconds, values  # type: ignore[return-value]


def pack_length(dataset: Any, work: Work) -> tuple[int, int]:
    """Row length at which TRL packs the data into as many rows as there are optimizer steps an epoch (or just more)."""
    from trl import pack_dataset

    wanted = math.ceil(len(work.examples) / work.recipe.batch_size)
    longest = max(len(e.token_ids) for e in work.examples)
    low, high = longest, sum(len(e.token_ids) for e in work.examples)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(pack_dataset(dataset, middle)) <= wanted else (middle + 1, high)
    return low, len(pack_dataset(dataset, low))


def score(work: Work, values: dict[str, tuple[Tensor, Tensor]]) -> float:
    """Held-out loss in fp32 of the base with these adapter matrices, by Hone's `validate`, for either side."""
    model = _fresh(work, "fp32")
    with torch.no_grad():
        for name, layer in lora.layers(model):
            if values:
                layer.lora_a.copy_(values[name][0])
                layer.lora_b.copy_(values[name][1])
    return validate(model, work.validation, work.device).loss


def summary(work: Work, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Everything that was measured, JSON-ready."""
    ours, best = contenders[0], min(contenders[1:], key=lambda c: c.median_s)
    return {
        "machine": _machine(work),
        "fp32_gflops": round(work.measured.fp32_gflops, 1),
        "bf16_gflops": round(work.measured.bf16_gflops, 1),
        "examples": len(work.examples),
        "epochs": work.recipe.epochs,
        "optimizer_steps": len(work.steps),
        "batch_size": work.recipe.batch_size,
        "useful_tokens": work.useful_tokens,
        "recipe": work.recipe.model_dump(mode="json"),
        "contenders": [
            {
                "side": c.side,
                "precision": c.precision,
                "layout": c.layout,
                "seconds": round(c.median_s, 2),
                "rounds_s": [round(s, 2) for s in c.seconds],
                "useful_tokens_per_s": round(work.useful_tokens / c.median_s, 1),
                "optimizer_steps": c.optimizer_steps,
                "examples_seen": c.examples_seen,
                "held_out_loss": round(c.held_out_loss, 5),
                "note": c.note,
            }
            for c in contenders
        ],
        "fastest_trl": f"{best.precision} {best.layout}",
        "times_as_fast": round(best.median_s / ours.median_s, 3),
        "held_out_loss_difference": round(ours.held_out_loss - best.held_out_loss, 5),
    }


def table(result: dict[str, Any]) -> str:
    """The summary for people."""
    lines = [
        f"{result['examples']} conversations, {result['epochs']} epochs, {result['optimizer_steps']} optimizer steps of "
        f"{result['batch_size']}, {result['useful_tokens']} useful tokens",
        "",
        f"{'side':<6}{'precision':<11}{'layout':<15}{'seconds':>9}{'tokens/s':>10}{'steps':>7}{'held-out loss':>15}",
    ]
    for row in result["contenders"]:
        lines.append(
            f"{row['side']:<6}{row['precision']:<11}{row['layout']:<15}{row['seconds']:>9.2f}"
            f"{row['useful_tokens_per_s']:>10.0f}{row['optimizer_steps']:>7}{row['held_out_loss']:>15.4f}"
            + (f"  ({row['note']})" if row["note"] else "")
        )
    lines += [
        "",
        f"Hone is {result['times_as_fast']:.2f} times as fast as TRL at its fastest here ({result['fastest_trl']}).",
        result["machine"],
    ]
    return "\n".join(lines) + "\n"


def _fresh(work: Work, precision: str) -> Any:
    """The base with an adapter at its start values."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = bases.load_base(work.base, dtype, work.device, attention.register())
    recipe = work.recipe
    lora.inject(model, targets=recipe.targets, rank=recipe.rank, alpha=recipe.alpha, dropout=0.0, seed=recipe.seed)
    return model


def _precisions(work: Work, wanted: str) -> list[str]:
    """What TRL is tried in: what was asked for, else what is not hopeless on this machine; on a GPU bf16, its own default."""
    if wanted != "auto":
        return [wanted]
    if work.device.type == "cuda":
        return ["bf16"]
    speeds = {"fp32": work.measured.fp32_gflops, "bf16": work.measured.bf16_gflops}
    return [name for name, speed in speeds.items() if speed * HOPELESS >= max(speeds.values())]


def _finish(work: Work) -> None:
    if work.device.type == "cuda":
        torch.cuda.synchronize()


def _machine(work: Work) -> str:
    import transformers
    import trl

    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    chip = torch.cuda.get_device_name() if work.device.type == "cuda" else (names or [platform.processor()])[0]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{chip}, {work.measured.threads} of {os.cpu_count()} cores, {work.measured.fp32_gflops:.0f} GFLOP/s fp32, "
        f"{work.measured.bf16_gflops:.0f} bf16{load}; {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, transformers {transformers.__version__}, trl {trl.__version__}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _quiet_libraries() -> Any:
    """Silence the libraries; returns a `say` that still reaches the terminal."""
    import datasets
    import transformers

    terminal = sys.stderr
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    import builtins

    own_print = builtins.print
    # The trainer prints its final metrics whatever its verbosity is.
    builtins.print = lambda *words, **options: own_print(*words, **{**options, "file": options.get("file") or io.StringIO()})
    return lambda line: own_print(line, file=terminal, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", default="iot-diagnostics", help="bundled example project")
    parser.add_argument("--base", help="base model; default: the project's")
    parser.add_argument("--examples", type=int, help="only the first so many conversations")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="stop after so many optimizer steps")
    parser.add_argument("--held-out", type=int, help="score on only the first so many held-out conversations")
    parser.add_argument("--rounds", type=int, default=2, help="how often Hone and the fastest TRL are timed")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS), help="what TRL is tried with")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto", help="of both sides; default: measured")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")
    parser.add_argument("--threads", type=int, help="torch threads for both sides; default: torch's own number")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
