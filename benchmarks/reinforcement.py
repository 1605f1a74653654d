"""What a reinforcement job gains on prompts that it has never seen, on this machine, in a few minutes.

The task is made on the spot: messages to a caretaker's desk, to be answered with a JSON object that names the right team. No
answer is ever shown to the job; it draws its own and gets a mark from a grader (a multi grader of string checks: a fifth for
valid JSON, the rest for the right team). The things that are broken in the test messages stand in no training message.

Base and tuned model answer the same test prompts, with the likeliest answer and with drawn ones; the interval of the paired
difference comes from a bootstrap over the prompts. See `benchmarks/README.md`.

    python benchmarks/reinforcement.py                     # SmolLM2-135M, 96 prompts, one epoch of 12 steps
    python benchmarks/reinforcement.py --train 24 --test 24   # a short look
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from pydantic import TypeAdapter

from honekit import jobs
from honekit.graders.run import run_grader
from honekit.graders.schema import Grader
from honekit.inference.engine import Engine, load_engine
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams
from honekit.jobs import worker
from honekit.models import bases
from honekit.models.fingerprint import fingerprint_base
from honekit.models.precision import measure
from honekit.project import ReinforcementSection, TrainSection
from honekit.train import training_job

TEAMS = {
    "water": ("pump", "tap", "sink", "pipe", "boiler"),
    "power": ("lamp", "fuse", "socket", "cable", "heater"),
    "doors": ("lock", "gate", "hinge", "window", "key"),
}
UNSEEN = {
    "water": ("drain", "shower", "toilet", "hose"),
    "power": ("switch", "charger", "battery", "bulb"),
    "doors": ("handle", "shutter", "doorbell", "latch"),
}
FORMS = (
    "The {thing} in room {number} is broken.",
    "Room {number}: the {thing} does not work.",
    "Someone must look at the {thing} on floor {number}.",
    "The {thing} of flat {number} failed again.",
)
SYSTEM = (
    "A caretaker's desk. Answer each message with a JSON object that names the team: "
    '{"team": "water"}, {"team": "power"} or {"team": "doors"}.'
)
SHOWN = (("The kettle in room 4 is dead.", "power"), ("Room 12: the basin leaks.", "water"), ("The entrance sticks.", "doors"))
GRADER: dict[str, Any] = {
    "type": "multi",
    "name": "right-team",
    "graders": {
        "json": {
            "type": "string_check",
            "name": "is-json",
            "operation": "ne",
            "input": "{{sample.output_json}}",
            "reference": "",
        },
        "team": {
            "type": "string_check",
            "name": "team",
            "operation": "eq",
            "input": "{{sample.output_json.team}}",
            "reference": "{{item.team}}",
        },
    },
    "calculate_output": "0.2 * json + 0.8 * team",
}
MAX_NEW_TOKENS = 24
DRAWN = 4
"""Answers drawn for each test prompt at temperature 1."""
RESAMPLES = 10_000


def main() -> int:
    """Train, compare, print. Returns 1 unless the interval for drawn answers, which is what training raises, lies above zero."""
    options = _options()
    # The base comes from where it is installed; jobs and results go into a folder that is removed.
    base = bases.resolve_base(options.base)
    with tempfile.TemporaryDirectory(prefix="hone-reinforcement-") as folder:
        os.environ["HONE_HOME"] = str(Path(folder) / "home")
        result = _measure(base, Path(folder), options)
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0 if result["rewards"][-1]["low"] > 0 else 1


def _measure(base: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    training = _write(folder / "train.jsonl", _prompts(options.train, TEAMS, 1))
    held_out = _prompts(options.validation, TEAMS, 2)
    validation = _write(folder / "validation.jsonl", held_out) if held_out else None
    recipe = TrainSection(
        base=str(base), objective="reinforcement", learning_rate=options.rate, epochs=options.epochs, batch_size=options.batch,
        early_stopping_patience=0, precision=options.precision, device="cpu", seed=options.seed,
        reinforcement=ReinforcementSection(
            group_size=options.group, max_new_tokens=MAX_NEW_TOKENS, kl_weight=options.kl, eval_samples=2
        ),
    )  # fmt: skip
    job = training_job(training, validation, recipe, project="benchmark", base_fingerprint=fingerprint_base(base), grader=GRADER)
    started = time.perf_counter()
    worker.main([job.id])
    seconds = time.perf_counter() - started
    job = jobs.get_job(job.id)
    if job.result is None:
        raise SystemExit(f"the job failed: {job.error}")
    for row in job.result["history"]:
        print(
            f"step {row['step']:3d}  reward {row['train_reward_mean']:.3f}  signal {row['train_signal_share']:.2f}  "
            f"kl {row.get('train_kl', 0):.3f}  tokens {row['train_completion_tokens']:.1f}"
            + (f"  validation {row['valid_reward_mean']:.3f}" if "valid_reward_mean" in row else ""),
            file=sys.stderr,
        )
    test, precision = _prompts(options.test, UNSEEN, 3), job.result["environment"]["precision"]
    before = _rewards(load_engine(str(base), device="cpu", precision=precision), test)
    after = _rewards(load_engine(str(base), Path(job.result["model_dir"]), device="cpu", precision=precision), test)
    return {
        "rewards": [
            {"answers": name, **_paired(before[name], after[name], options.seed)} for name in ("likeliest", f"{DRAWN} drawn")
        ],
        "prompts": {"train": options.train, "validation": options.validation, "test": options.test},
        "steps": job.result["steps"],
        "train_seconds": seconds,
        "learning_rate": options.rate,
        "precision": precision,
        "group_size": options.group,
        "kl_weight": options.kl,
        "base": options.base,
        "machine": _machine(),
    }


def _prompts(count: int, things: dict[str, tuple[str, ...]], seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    shown = [
        message
        for asked, team in SHOWN
        for message in (
            {"role": "user", "content": asked},
            {"role": "assistant", "content": json.dumps({"team": team})},
        )
    ]
    records = []
    for index in range(count):
        team = list(things)[index % len(things)]
        asked = draw.choice(FORMS).format(thing=draw.choice(things[team]), number=draw.randint(1, 60))
        messages = [{"role": "system", "content": SYSTEM}, *shown, {"role": "user", "content": asked}]
        records.append({"messages": messages, "team": team})
    return records


def _write(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _rewards(engine: Engine, records: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Mean reward of each prompt, for the likeliest answer and for drawn ones; the same seeds for every engine."""
    grader = TypeAdapter[Grader](Grader).validate_python(GRADER)
    found: dict[str, list[float]] = {}
    for name, count, temperature in (("likeliest", 1, 0.0), (f"{DRAWN} drawn", DRAWN, 1.0)):
        requests = [
            Request(
                engine.template.prompt_ids(record["messages"]),
                SamplingParams(MAX_NEW_TOKENS, temperature, seed=index * DRAWN + number),
                engine.template.system_prefix_length(record["messages"]),
            )
            for index, record in enumerate(records)
            for number in range(count)
        ]
        texts = [done.text for done in engine.generate(requests)]
        marks = [run_grader(grader, records[index // count], text).reward for index, text in enumerate(texts)]
        found[name] = [sum(marks[start : start + count]) / count for start in range(0, len(marks), count)]
    return found


def _paired(before: Sequence[float], after: Sequence[float], seed: int) -> dict[str, float]:
    """Means, their difference, and its 95 % percentile interval over resampled prompts."""
    first, second = torch.tensor(before, dtype=torch.float64), torch.tensor(after, dtype=torch.float64)
    gain = second - first
    drawn = torch.randint(len(gain), (RESAMPLES, len(gain)), generator=torch.Generator().manual_seed(seed))
    low, high = torch.quantile(gain[drawn].mean(1), torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return {"before": float(first.mean()), "after": float(second.mean()), "gain": float(gain.mean()), "low": low, "high": high}


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if (
        info.exists()
    ) else []  # fmt: skip
    measured = measure()
    return (
        f"{names[0] if names else platform.processor() or platform.machine()}, {measured.threads} of {os.cpu_count()} cores, "
        f"{measured.fp32_gflops:.0f} GFLOP/s fp32, torch {torch.__version__}"
    )


def _table(result: dict[str, Any]) -> str:
    lines = ["| held-out reward | before | after | gain | 95 % interval |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row['answers']} | {row['before']:.3f} | {row['after']:.3f} | {row['gain']:+.3f} "
        f"| {row['low']:+.3f} to {row['high']:+.3f} |"
        for row in result["rewards"]
    ]
    counts = result["prompts"]
    lines.append(
        f"\n{result['base']}: {counts['train']} training, {counts['validation']} validation, {counts['test']} test prompts; "
        f"{result['steps']} steps with {result['group_size']} answers to each prompt at rate {result['learning_rate']:g}, KL "
        f"weight {result['kl_weight']:g}, {result['precision']}, in {result['train_seconds']:.0f} s. {result['machine']}."
    )
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--train", type=int, default=96, help="training prompts (at least 10)")
    parser.add_argument("--validation", type=int, default=0, help="0: the last step is the result")
    parser.add_argument("--test", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8, help="prompts in a step")
    parser.add_argument("--group", type=int, default=8, help="answers to each prompt")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--kl", type=float, default=0.02)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto", help="of training and of both models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
