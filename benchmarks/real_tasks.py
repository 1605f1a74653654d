"""Two public tasks from start to end: every way to do them, by `hone decide measure`, on held-out data.

    banking77   the intent of a bank customer's question, out of 77. Training and validation come from train.csv, the test
                examples are a stratified sample of the official test.csv.
                https://github.com/PolyAI-LDN/task-specific-datasets, CC BY 4.0
    bgl         is a line of a supercomputer's log an alert? All lines of a message template lie on one side of the split,
                since every template has one label. https://github.com/logpai/loghub, folder BGL, research use

Neither is part of this project; give the folder where you have it. Printed are accuracy and macro-F1 of each arm on the test
examples with 95 % intervals, and the learning curve. The project that is made stays in `--out`, with its answers and
trained models, so that a run which was stopped goes on.

    python benchmarks/real_tasks.py --banking77 FOLDER
    python benchmarks/real_tasks.py --bgl FOLDER --out /data/bgl-task
    python benchmarks/real_tasks.py --banking77 FOLDER --per-class 5 --test-per-class 2     # a shorter look
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from honekit.data.near.rule import near_duplicates
from honekit.data.split import split

Line = tuple[str, str]
"""Text and label."""
Row = dict[str, str]
"""An example of the project that is made: id, text, answer."""


FILES = {"banking77": ("train.csv", "test.csv"), "bgl": ("BGL_2k.log_structured.csv",)}
"""What each task reads from its folder."""


def main() -> int:
    arguments = _arguments()
    task = "banking77" if arguments.banking77 else "bgl"
    out = arguments.out or Path(tempfile.gettempdir()) / "hone-real-tasks" / task
    if not (out / "hone.toml").exists():
        folder = arguments.banking77 or arguments.bgl
        missing = [str(folder / name) for name in FILES[task] if not (folder / name).is_file()]
        if missing:
            sys.exit(f"there is no file {', '.join(missing)}\nname the folder with {' and '.join(FILES[task])}: see --help")
        parts = banking77(arguments) if arguments.banking77 else bgl(arguments)
        write_project(out, task, parts, arguments.epochs)
    command = [sys.executable, "-m", "honekit.cli.main", "decide", "measure", str(out), "--json"]
    command += ["--arms", arguments.arms] if arguments.arms else []
    command += ["--base", arguments.base] if arguments.base else []
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout or "{}")
    if "arms" not in result:
        fault = result.get("error", {})
        sys.exit(f"{fault.get('what', 'the measurement ended without a result')}\n{fault.get('mend', '')}")
    result["benchmark"] = {
        "task": task,
        "seconds": time.perf_counter() - began,
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(result, indent=1) if arguments.json else table(result))
    return 0


def banking77(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """No training or validation example is a near duplicate of a test example, nor one of the other."""

    def drawn(name: str, count: int | None) -> list[Line]:
        by_label: dict[str, list[str]] = defaultdict(list)
        with open(arguments.banking77 / name, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                by_label[row["category"]].append(" ".join(row["text"].split()))
        labels = sorted(by_label.items())
        return [(text, label) for label, texts in labels for text in draw.sample(texts, min(count or len(texts), len(texts)))]

    draw = random.Random(arguments.seed)
    test = drawn("test.csv", arguments.test_per_class)
    fresh = _unlike(drawn("train.csv", None), test)
    train = _first_of_each(fresh, arguments.per_class)
    validation = _first_of_each(_unlike(fresh, train), arguments.validation_per_class)
    return {"train": _named("train", train), "validation": _named("validation", validation), "test": _named("test", test)}


def _unlike(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    alike = {i for i, _, _ in near_duplicates([text for text, _ in lines], [text for text, _ in others])}
    return [line for number, line in enumerate(lines) if number not in alike]


def _first_of_each(lines: Sequence[Line], count: int) -> list[Line]:
    taken: Counter[str] = Counter()
    chosen = []
    for text, label in lines:
        taken[label] += 1
        if taken[label] <= count:
            chosen.append((text, label))
    return chosen


def bgl(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """At most `--per-class` different lines of a template; templates, and near duplicates, are never torn apart."""
    templates: dict[str, list[Line]] = defaultdict(list)
    with open(arguments.bgl / "BGL_2k.log_structured.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = (f"{row['Component']} {row['Content']}", "no_alert" if row["Label"] == "-" else "alert")
            if line not in templates[row["EventId"]]:
                templates[row["EventId"]].append(line)
    draw = random.Random(arguments.seed)
    kept = [(name, line) for name, of in sorted(templates.items()) for line in draw.sample(of, min(len(of), arguments.per_class))]
    lines = [line for _, line in kept]
    shares = {"train": 0.5, "validation": 0.2, "test": 0.3}
    place = split(
        [text for text, _ in lines],
        [label for _, label in lines],
        arguments.seed,
        shares=shares,
        together=[name for name, _ in kept],
    )
    return {name: _named(name, [line for line, own in zip(lines, place.splits, strict=True) if own == name]) for name in shares}


def _named(part: str, lines: Iterable[Line]) -> list[Row]:
    return [{"id": f"{part}-{number:04}", "text": text, "answer": label} for number, (text, label) in enumerate(lines, 1)]


WORDS = {
    "banking77": (
        "Name the intent of the question that a customer puts to a bank. Answer with its label and nothing else.",
        "Question",
    ),
    "bgl": (
        "A supercomputer logged this message. Must an operator act on it? Answer alert or no_alert and nothing else.",
        "Message",
    ),
}


def write_project(out: Path, task: str, parts: Mapping[str, Sequence[Row]], epochs: int) -> None:
    """A folder for `hone decide measure`. What the tuned model is asked with names no labels: it learns them."""
    instructions, label = WORDS[task]
    values = sorted({row["answer"] for row in parts["train"]})
    listed = ", ".join(values)
    prompts = {
        "list.txt": f"{instructions}\nThe labels are: {listed}.",
        "choose.txt": f"Choose the label that fits best: {listed}. Write only the label, exactly as it is spelt here.",
        "lines.txt": "\n".join([instructions, "Labels:", *(f"- {value}" for value in values)]),
        "last.txt": f"Labels: {listed}.\n{instructions}",
    }
    (out / "prompts").mkdir(parents=True, exist_ok=True)
    for name, text in prompts.items():
        (out / "prompts" / name).write_text(text + "\n", encoding="utf-8")
    (out / "system.txt").write_text(instructions + "\n", encoding="utf-8")
    for name, rows in parts.items():
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    # Written last: with it the folder counts as made.
    (out / "hone.toml").write_text(
        f"""[project]
name = "{task}"

[task]
input = "text"
input_label = "{label}"
instructions = "system.txt"
prompts = {json.dumps([f"prompts/{name}" for name in prompts])}
format = "text"
primary_metric = "label_macro_f1"
max_new_tokens = 24

[[task.fields]]
name = "label"
type = "enum"
values = {json.dumps(values)}
score = "macro_f1"
lenient = true
classical = true

[data]
train = "train.jsonl"
validation = "validation.jsonl"
test = "test.jsonl"
group = "id"
stratify = "label"

[train]
learning_rate = 2e-3
epochs = {epochs}
batch_size = 8

[evaluate]
few_shot_k = [4, 8]
subset = 1.0
latency_sample = 4
""",
        encoding="utf-8",
    )


def table(result: Mapping[str, Any]) -> str:
    lines = [f"{'arm':<20} {'accuracy':>9} {'macro-F1 (95 % interval)':>26}  {'per 1,000':>9}"]
    for name, arm in result["arms"].items():
        test = arm["test"]
        low, high = test["intervals"]["label_macro_f1"]
        score = f"{test['scores']['label_macro_f1']:.2f} ({low:.2f}-{high:.2f})"
        cost = arm["cost"].get("per_1000_requests")
        lines.append(f"{name:<20} {test['correct_rate']:>9.2f} {score:>26}  {'-' if cost is None else format(cost, '.4f'):>9}")
    examples = result["examples"]
    lines.append(
        f"{examples['train']} training, {examples['validation']} validation, {examples['test']} test examples; "
        f"chosen on validation: {result['choice'] or 'no arm, these examples are too few to tell'}"
    )
    curve = result.get("learning_curve")
    if curve and len(curve["points"]) > 1:
        lines.append(f"learning curve on validation: {json.dumps(curve)}")
    about = result["benchmark"]
    lines.append(f"{about['seconds']:.0f} s, {result['base']['id']} in {result['base']['precision']}, {about['machine']}")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--banking77", type=Path, metavar="FOLDER", help="with train.csv and test.csv")
    which.add_argument("--bgl", type=Path, metavar="FOLDER", help="with BGL_2k.log_structured.csv")
    parser.add_argument("--per-class", type=int, default=10, help="training examples of an intent, or lines of a log template")
    parser.add_argument("--validation-per-class", type=int, default=2, help="of an intent")
    parser.add_argument("--test-per-class", type=int, default=4, help="of an intent, from the official test set")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--arms", help="arms of `hone decide measure`, with commas; default all")
    parser.add_argument("--base", help="another base model")
    parser.add_argument("--out", type=Path, help="folder of the project; default in the temporary directory")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
