"""A hundred clean examples, three hundred with defects, and these three hundred after cleaning: what each teaches the same base.

    clean 100     examples as they are
    defects 300   three hundred, of which 30 % carry seeded defects, a third each: a wrong label; an answer in another format (a
                  code fence, other spellings of key or label, a sentence around it); a copy of another record in its place
    cleaned 300   the same file after safe fixes (exact copies dropped, formats mended) and after `hone data suspects`, whose
                  first suspects are dropped unseen: nobody looks at the true labels

Each arm trains the same recipe on the same base for the same number of optimizer steps: its examples are dealt out again and
again, each time in another order, until there are enough. All answer the same held-out examples, which nothing else has seen,
and an answer is right when it is the JSON object with the right label. Printed are the share of right answers with its 95 %
interval and the paired differences (percentile bootstrap over the held-out examples; with several seeds an example counts as
its mean), whichever way they fall.

The task is the category of a log line, from the bundled examples; or the intent of a message, from a few classes of Banking77
(https://github.com/PolyAI-LDN/task-specific-datasets, CC-BY-4.0, not part of this project).

    python benchmarks/quality_over_quantity.py                            # SmolLM2-135M, 150 steps of 4, 254 held-out logs
    python benchmarks/quality_over_quantity.py --steps 60 --test 100      # a shorter look
    python benchmarks/quality_over_quantity.py --banking77 FOLDER --classes 8
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from honekit import jobs
from honekit.data.checks.run import check_file
from honekit.data.mending.fix import fix_file
from honekit.data.suspects.rank import find_suspects
from honekit.inference.engine import load_engine
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams
from honekit.jobs import worker
from honekit.models import bases
from honekit.models.fingerprint import fingerprint_base
from honekit.project import TrainSection
from honekit.settings import examples_dir
from honekit.train import training_job

CLEAN, DEFECTS, CLEANED = "clean 100", "defects 300", "cleaned 300"
RESAMPLES = 10_000
MAX_NEW_TOKENS = 32
Record = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """Texts with their labels; `field` is the one key of the answer."""

    field: str
    system: str
    train: list[tuple[str, str]]
    test: list[tuple[str, str]]

    @property
    def labels(self) -> list[str]:
        return sorted({label for _, label in self.train})

    def record(self, text: str, answer: str) -> Record:
        return {"messages": [*self.prompt(text), {"role": "assistant", "content": answer}]}

    def prompt(self, text: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.system}, {"role": "user", "content": text}]

    def answer(self, label: str) -> str:
        return json.dumps({self.field: label}, separators=(",", ":"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare, print. Returns 0 whichever way it falls."""
    options = _options(arguments)
    # The base comes from where it is installed; jobs go into a folder that is removed.
    base = bases.resolve_base(options.base)
    task = _banking77(options) if options.banking77 else _logs(options)
    with tempfile.TemporaryDirectory(prefix="hone-quality-") as folder:
        os.environ["HONE_HOME"] = str(Path(folder) / "home")
        result = _measure(base, Path(folder), task, options)
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _logs(options: argparse.Namespace) -> Task:
    def read(*names: str) -> list[tuple[str, str]]:
        lines = [line for name in names for line in (examples_dir() / "iot-diagnostics" / name).read_text("utf-8").splitlines()]
        return [(row["log"], row["answer"]["category"]) for row in map(json.loads, lines)]

    train = read("train.jsonl", "train-more.jsonl")
    names = ", ".join(sorted({label for _, label in train}))
    system = f'What is wrong in this log? Answer with one JSON object, {{"category": ...}}. Categories: {names}.'
    return Task("category", system, train, _drawn(read("test.jsonl"), options.test))


def _banking77(options: argparse.Namespace) -> Task:
    import csv

    def read(name: str) -> list[tuple[str, str]]:
        with open(options.banking77 / name, encoding="utf-8", newline="") as file:
            return [(row["text"], row["category"]) for row in csv.DictReader(file)]

    train, test = read("train.csv"), read("test.csv")
    kept = set(random.Random(0).sample(sorted({label for _, label in train}), options.classes))
    system = f'Name the intent. Answer with one JSON object, {{"intent": ...}}. Intents: {", ".join(sorted(kept))}.'
    inside = [row for row in train if row[1] in kept]
    return Task("intent", system, _drawn(inside, options.large), _drawn([row for row in test if row[1] in kept], options.test))


def _drawn(rows: list[tuple[str, str]], count: int | None) -> list[tuple[str, str]]:
    return rows if count is None or count >= len(rows) else random.Random(0).sample(rows, count)


def _measure(base: Path, folder: Path, task: Task, options: argparse.Namespace) -> dict[str, Any]:
    right: dict[str, list[list[bool]]] = {}
    readable: dict[str, list[list[bool]]] = {}
    made: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        arms, notes = _arms(task, folder / f"seed-{seed}", options, seed)
        made.append(notes)
        for name, records in arms.items():
            started = time.perf_counter()
            texts = _taught(base, folder / f"seed-{seed}", name, records, task, options, seed)
            values = [_read(text) for text in texts]
            labels = [value.get(task.field) for value in values]
            right.setdefault(name, []).append([label == true for label, (_, true) in zip(labels, task.test, strict=True)])
            readable.setdefault(name, []).append([isinstance(label, str) and label in task.labels for label in labels])
            print(
                f"seed {seed}, {name}: {len(records)} records, {np.mean(right[name][-1]):.3f} right, "
                f"{time.perf_counter() - started:.0f} s",
                file=sys.stderr,
            )
    # (held-out examples,): the mean over the seeds of each.
    means = {name: np.mean(np.array(values, dtype=float), axis=0) for name, values in right.items()}
    return {
        "arms": [
            {
                "arm": name,
                "records": [notes["records"][name] for notes in made],
                "right": _interval(values),
                "readable": float(np.mean(readable[name])),
            }
            for name, values in means.items()
        ],
        "differences": [
            {"arms": f"{a} - {b}", **_interval(means[a] - means[b])}
            for a, b in ((CLEAN, DEFECTS), (CLEANED, DEFECTS), (CLEANED, CLEAN))
        ],
        "cleaning": made,
        "held_out": len(task.test),
        "steps": options.steps,
        "batch_size": options.batch,
        "learning_rate": options.rate,
        "seeds": options.seeds,
        "base": options.base,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _arms(task: Task, folder: Path, options: argparse.Namespace, seed: int) -> tuple[dict[str, list[Record]], dict[str, Any]]:
    """The records of each arm, and what seeding and cleaning did."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    rows = task.train[: options.large]
    clean = [task.record(text, task.answer(label)) for text, label in draw.sample(rows, min(options.small, len(rows)))]
    spoilt, wrong = seed_defects(task, rows, options.share, draw)
    fixed = fixed_and_checked(spoilt, folder)
    source = _write(folder / "fixed.jsonl", fixed)
    suspects = find_suspects(source, fields=[task.field], top=options.drop, seed=seed).suspects
    dropped = {suspect.line - 1 for suspect in suspects}
    cleaned = [record for index, record in enumerate(fixed) if index not in dropped]
    texts = {fixed[index]["messages"][1]["content"] for index in dropped}
    arms = {CLEAN: clean, DEFECTS: spoilt, CLEANED: cleaned}
    notes = {
        "records": {name: len(records) for name, records in arms.items()},
        "wrong_labels": len(wrong),
        "copies_and_unreadable_dropped": len(spoilt) - len(fixed),
        "suspects_dropped": len(dropped),
        "wrong_labels_among_them": len(texts & wrong),
    }
    return arms, notes


def seed_defects(task: Task, rows: Sequence[tuple[str, str]], share: float, draw: random.Random) -> tuple[list[Record], set[str]]:
    """As many records as rows, and the texts of those whose label is wrong now."""
    spoilt = draw.sample(range(len(rows)), round(share * len(rows)))
    third = len(spoilt) // 3
    relabelled, reformatted, replaced = set(spoilt[:third]), set(spoilt[third : 2 * third]), set(spoilt[2 * third :])
    records = []
    for index, (text, label) in enumerate(rows):
        if index in relabelled:
            label = draw.choice([other for other in task.labels if other != label])
        answer = task.answer(label)
        records.append(task.record(text, draw.choice(FORMATS)(task.field, label) if index in reformatted else answer))
    whole = [index for index in range(len(rows)) if index not in replaced]
    for index in sorted(replaced):
        records[index] = records[draw.choice(whole)]
    return records, {rows[index][0] for index in relabelled}


FORMATS: tuple[Callable[[str, str], str], ...] = (
    lambda field, label: f"```json\n{json.dumps({field: label})}\n```",
    lambda field, label: json.dumps({field.capitalize(): label}),
    lambda field, label: json.dumps({field: label.upper().replace("_", "-")}),
    lambda field, label: f"The {field} is {label}.",
)


def fixed_and_checked(records: Sequence[Record], folder: Path) -> list[Record]:
    """What `hone data fix` leaves, without the records that `hone data check` then warns of: nobody looks at them one by one."""
    source, target = _write(folder / "defects.jsonl", records), folder / "mended.jsonl"
    lines = fix_file(source, target).target.read_text(encoding="utf-8").splitlines()
    warned = {finding.line for finding in check_file(target).warnings}
    return [json.loads(line) for number, line in enumerate(lines, 1) if number not in warned]


def _read(text: str) -> dict[str, Any]:
    """The JSON object of an answer, a code fence around it aside; empty when there is none."""
    try:
        value = json.loads(re.sub(r"^```\w*\n|\n```$", "", text.strip()))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _write(path: Path, records: Sequence[Record]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def _taught(
    base: Path, folder: Path, name: str, records: Sequence[Record], task: Task, options: argparse.Namespace, seed: int
) -> list[str]:
    """The answers to the held-out examples of the base after training on these records."""
    dealt: list[Record] = []
    draw = random.Random(seed)
    while len(dealt) < options.steps * options.batch:
        dealt += draw.sample(list(records), len(records))
    file = _write(folder / f"{name.replace(' ', '-')}.jsonl", dealt[: options.steps * options.batch])
    recipe = TrainSection(
        base=str(base), learning_rate=options.rate, epochs=1, batch_size=options.batch, early_stopping_patience=0,
        precision=options.precision, device="cpu", seed=seed, checkpoint_steps=1000,
    )  # fmt: skip
    job = training_job(file, None, recipe, project="quality", base_fingerprint=fingerprint_base(base))
    worker.main([job.id])
    job = jobs.get_job(job.id)
    if job.result is None:
        raise SystemExit(f"the job is {job.status}: {job.error}")
    assert job.result["steps"] == options.steps
    precision = job.result["environment"]["precision"]
    engine = load_engine(str(base), Path(job.result["model_dir"]), device="cpu", precision=precision)
    prompts = [task.prompt(text) for text, _ in task.test]
    requests = [
        Request(
            engine.template.prompt_ids(prompt),
            SamplingParams(MAX_NEW_TOKENS, 0.0, seed=0),
            engine.template.system_prefix_length(prompt),
        )
        for prompt in prompts
    ]
    return [done.text for done in engine.generate(requests)]


def _interval(values: Any) -> dict[str, float]:
    """Mean of (held-out examples,) and its 95 % percentile interval over resampled examples."""
    draws = np.random.default_rng(0).integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['steps']} optimizer steps of {result['batch_size']} each on {result['base']}, {result['held_out']} held-out "
        f"examples, {result['seeds']} seeds",
        f"  {'arm':<14}{'records':>9}{'right':>8}  {'95 % interval':<18}{'a label at all':>15}",
    ]
    for arm in result["arms"]:
        found = arm["right"]
        interval = f"[{found['low']:.3f}, {found['high']:.3f}]"
        lines.append(f"  {arm['arm']:<14}{arm['records'][0]:>9}{found['mean']:>8.3f}  {interval:<18}{arm['readable']:>15.3f}")
    for one in result["differences"]:
        lines.append(f"  {one['arms']:<28}{one['mean']:+.3f}  [{one['low']:+.3f}, {one['high']:+.3f}]")
    for seed, notes in enumerate(result["cleaning"]):
        lines.append(
            f"  seed {seed}: {notes['copies_and_unreadable_dropped']} copies and unreadable answers dropped, then "
            f"{notes['suspects_dropped']} suspects, {notes['wrong_labels_among_them']} of them among the "
            f"{notes['wrong_labels']} wrong labels"
        )
    return "\n".join([*lines, f"on {result['machine']}"])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--banking77", type=Path, help="folder with train.csv and test.csv, in place of the bundled logs")
    parser.add_argument("--classes", type=int, default=8, help="of Banking77")
    parser.add_argument("--small", type=int, default=100, help="clean examples")
    parser.add_argument("--large", type=int, default=300, help="examples with defects among them")
    parser.add_argument("--share", type=float, default=0.30, help="of these that carry a defect")
    parser.add_argument("--drop", type=float, default=0.15, help="share of the mended records that is dropped as suspects")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--test", type=int, default=None, help="held-out examples [default: all]")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
