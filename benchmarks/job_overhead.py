"""What a training job costs besides training: its seconds that are no training, validation or verification steps.

Each job runs as a server runs it: a worker process, the database, checkpoints, the verified result. The first one gets a
process of its own (cold); one is made and run by `hone jobs create --watch`, which begins the process while it makes the job
(command); one gets the process that a server begins when a training file arrives, some seconds before the job (prepared); the
others come after it in the same process (warm). Of a command's own time what comes before the job is made is not counted.

    python benchmarks/job_overhead.py                     # the installed base and a tiny one, 50 examples, 3 epochs
    python benchmarks/job_overhead.py --tiny-only --warm 5
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from honekit import jobs
from honekit.jobs.processes import Start, WarmProcesses, start_cold
from honekit.models import bases, catalogue
from honekit.models.fingerprint import fingerprint_base
from honekit.project import TrainSection
from honekit.store.database import open_database
from honekit.train import training_job

GOALS = {"cold": 5.0, "command": 5.0, "prepared": 5.0, "warm": 0.3}
GOAL_SHARE = 0.05


@dataclass(frozen=True)
class Timed:
    """One job, in seconds. `overhead` is what is left of `total` after the three others."""

    total: float
    train: float
    validate: float
    verify: float

    @property
    def overhead(self) -> float:
        return self.total - self.train - self.validate - self.verify


def main() -> int:
    arguments = _arguments()
    installed = bases.resolve_base(catalogue.EMBEDDED)
    with tempfile.TemporaryDirectory(prefix="job-overhead-") as scratch:
        os.environ["HONE_HOME"] = str(Path(scratch) / "home")
        open_database()  # whoever runs jobs has one: making it is nothing that a job costs
        tiny = _tiny_base(installed, Path(scratch) / "tiny-base")
        measured = {
            name: _measure(base, Path(scratch) / name, arguments)
            for name, base in {"tiny": tiny, **({} if arguments.tiny_only else {catalogue.EMBEDDED: installed})}.items()
        }
    if arguments.json:
        rows = {name: {kind: [asdict(one) | {"overhead": one.overhead} for one in runs] for kind, runs in both.items()}
                for name, both in measured.items()}  # fmt: skip
        print(json.dumps({"machine": _machine(), "jobs": rows}, indent=1))
        return 0
    print(f"{'base':14} {'worker':8} {'overhead s':>11} {'goal s':>7} {'job s':>8} {'share':>7}   train, validate, verify s")
    for name, both in measured.items():
        for kind, runs in both.items():
            middle = sorted(runs, key=lambda one: one.overhead)[len(runs) // 2]
            share = middle.overhead / middle.total
            steps = f"{middle.train:.2f}, {middle.validate:.2f}, {middle.verify:.2f}"
            print(f"{name:14} {kind:8} {middle.overhead:11.2f} {GOALS[kind]:7.1f} {middle.total:8.2f} {share:7.1%}   {steps}")
    print(f"\nThe middle of {arguments.warm} warm runs; goal for the share: {GOAL_SHARE:.0%}. {_machine()}")
    return 0


def _measure(base: Path, folder: Path, arguments: argparse.Namespace) -> dict[str, list[Timed]]:
    folder.mkdir()
    training = _conversations(folder / "train.jsonl", arguments.examples)
    held_out = _conversations(folder / "valid.jsonl", 10)
    print_of_base = fingerprint_base(base)

    def run(start: Start, name: str) -> Timed:
        recipe = TrainSection(base=str(base), epochs=arguments.epochs, device="cpu", early_stopping_patience=0)
        begun = time.perf_counter()
        job = training_job(training, held_out, recipe, project=name, base_fingerprint=print_of_base)
        done = jobs.run_job(job.id, lambda _event: None, start=start)
        total = time.perf_counter() - begun
        return _timed(done, total)

    cold, command = run(start_cold, "cold"), _by_command(base, training, held_out, arguments.epochs)
    kept = WarmProcesses(600)
    try:
        kept.prepare("train")
        time.sleep(arguments.ahead)
        prepared = run(kept.start, "prepared")
        warm = [run(kept.start, f"warm {number}") for number in range(arguments.warm)]
        return {"cold": [cold], "command": [command], "prepared": [prepared], "warm": warm}
    finally:
        kept.close()


def _by_command(base: Path, training: Path, held_out: Path, epochs: int) -> Timed:
    command = ["jobs", "create", training, "--model", base, "--validation", held_out, "--epochs", epochs, "--watch", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "HONE_BASE_URL"}
    out = subprocess.run(
        [sys.executable, "-m", "honekit.cli.main", *map(str, command)],
        stdout=subprocess.PIPE, text=True, env=environment, check=True,
    ).stdout  # fmt: skip
    done = jobs.get_job(json.loads(out.splitlines()[0])["id"])
    return _timed(done, (done.finished_at or 0) - done.created_at)


def _timed(done: jobs.Job, total: float) -> Timed:
    if done.result is None:
        raise SystemExit(f"the job is {done.status}: {done.error}")
    shutil.rmtree(jobs.job_dir(done.id))
    return Timed(total, done.result["train_seconds"], done.result["valid_seconds"], done.result["verify_seconds"])


def _conversations(path: Path, count: int) -> Path:
    """Short questions and answers of about a hundred tokens in all."""
    parts, faults = ["pump", "valve", "fan", "motor", "sensor"], ["hot", "loud", "slow", "wet", "dusty"]
    records = []
    for number in range(count):
        part, fault = parts[number % 5], faults[number // 5 % 5]
        asked = f"Unit {number}: the {part} is {fault} and its readings went up by {number % 17} percent since Monday."
        answer = json.dumps({"part": part, "fault": fault, "urgent": number % 3 == 0})
        turns = [("system", "Name the part and the fault as JSON."), ("user", asked), ("assistant", answer)]
        records.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _tiny_base(installed: Path, folder: Path) -> Path:
    """Two narrow layers of random weights with the installed base's tokenizer: a job on it is nearly all overhead."""
    from transformers import LlamaConfig, LlamaForCausalLM

    real = bases.read_json(installed / "config.json")
    config = LlamaConfig(
        vocab_size=real["vocab_size"], hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=real["bos_token_id"],
        eos_token_id=real["eos_token_id"], tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    for file in installed.iterdir():
        if file.name.startswith(("tokenizer", "special_tokens", "chat_template")):
            shutil.copyfile(file, folder / file.name)
    return folder


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load average {load:.1f}; {platform.system()}, Python {platform.python_version()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--warm", type=int, default=3, help="warm jobs that count, of each base")
    parser.add_argument("--ahead", type=float, default=10.0, help="seconds from the training file to the prepared job")
    parser.add_argument("--tiny-only", action="store_true", help="leave out the installed base")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
