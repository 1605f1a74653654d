"""How many wrong labels `hone data suspects` finds when some of the labels are changed on purpose.

A share of the training labels is changed: to any other label (`uniform`), and to the label whose texts are the most alike
(`alike`), as people would confuse them. The file is then ranked as a user would have it ranked, without the true labels.
Printed is the share of the changed labels among the first 15 % of the records, with the 95 % interval (Student's t) over seeds,
each of which changes other labels and deals other folds.

On the categories of the 300 bundled IoT logs, which words alone tell badly; or on Banking77, which is not part of this project:
https://github.com/PolyAI-LDN/task-specific-datasets (CC-BY-4.0).

    python benchmarks/suspects.py
    python benchmarks/suspects.py --banking77 FOLDER-WITH-train.csv
    python benchmarks/suspects.py --banking77 train.csv --seeds 2 --kinds uniform
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from honekit.data.features import fitted_tfidf
from honekit.data.suspects.rank import find_suspects
from honekit.settings import examples_dir

KINDS = ("uniform", "alike")
GOAL = 0.70


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 1 when the interval for uniform changes in Banking77 does not lie above the goal."""
    options = _options(arguments)
    rows = read_banking77(options.banking77, "train.csv") if options.banking77 else read_logs()
    if options.records:
        rows = random.Random(0).sample(rows, options.records)
    result = {
        "set": "Banking77" if options.banking77 else "IoT logs",
        "records": len(rows),
        "changed": options.changed,
        "top": options.top,
        "seeds": options.seeds,
        "kinds": {kind: _measure(rows, kind, options) for kind in options.kinds},
        "machine": machine(),
    }
    print(json.dumps(result, indent=2) if options.json else _table(result))
    has_goal = options.banking77 and "uniform" in options.kinds
    return 0 if not has_goal or result["kinds"]["uniform"]["low"] >= GOAL else 1


def read_banking77(path: Path, name: str) -> list[tuple[str, str]]:
    """(text, category) pairs of the folder's file `name`, or of the file itself."""
    with open(path / name if path.is_dir() else path, encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def read_logs() -> list[tuple[str, str]]:
    """(log, category) pairs of the bundled training examples."""
    folder = examples_dir() / "iot-diagnostics"
    lines = [line for name in ("train", "train-more") for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
    return [(row["log"], row["answer"]["category"]) for row in map(json.loads, lines)]


def _measure(rows: Sequence[tuple[str, str]], kind: str, options: argparse.Namespace) -> dict[str, Any]:
    labels = sorted({label for _, label in rows})
    others = _alike(rows, labels) if kind == "alike" else {label: [o for o in labels if o != label] for label in labels}
    found, seconds = [], []
    for seed in range(options.seeds):
        draw = random.Random(seed)
        changed = set(draw.sample(range(len(rows)), round(options.changed * len(rows))))
        given = [draw.choice(others[label]) if i in changed else label for i, (_, label) in enumerate(rows)]
        started = time.perf_counter()
        ranked = _ranked([text for text, _ in rows], given, options.top, seed)
        seconds.append(time.perf_counter() - started)
        found.append(len(changed & ranked) / len(changed))
        print(f"{kind}, seed {seed}: {found[-1]:.3f} in {seconds[-1]:.1f} s", file=sys.stderr)
    return {"found": found, "mean": statistics.mean(found), **_interval(found), "seconds": statistics.mean(seconds)}


def _ranked(texts: Sequence[str], labels: Sequence[str], top: float, seed: int) -> set[int]:
    """Positions of the first suspects, by way of a file as a user has it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.jsonl"
        turns = [
            [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
            for text, label in zip(texts, labels, strict=True)
        ]
        file.write_text("".join(json.dumps({"messages": messages}) + "\n" for messages in turns), encoding="utf-8")
        return {suspect.line - 1 for suspect in find_suspects(file, top=top, seed=seed).suspects}


def _alike(rows: Sequence[tuple[str, str]], labels: Sequence[str]) -> dict[str, list[str]]:
    """For each label the one whose mean TF-IDF vector has the largest cosine with its own."""
    import numpy as np

    features = fitted_tfidf([text for text, _ in rows])
    means = np.stack(
        [np.asarray(features.transform([t for t, own in rows if own == label]).mean(axis=0)).ravel() for label in labels]
    )
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    cosines = means @ means.T
    np.fill_diagonal(cosines, -1)
    return {label: [labels[int(i)]] for label, i in zip(labels, cosines.argmax(axis=1), strict=True)}


def _interval(values: Sequence[float]) -> dict[str, float]:
    from scipy.stats import t

    if len(values) < 2:
        return {"low": 0.0, "high": 1.0}
    mean, reach = statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5 * float(t.ppf(0.975, len(values) - 1))
    return {"low": mean - reach, "high": min(1.0, mean + reach)}


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['set']}, {result['records']} records, {result['changed']:.0%} of the labels changed, "
        f"share of these in the top {result['top']:.0%}:"
    ]
    for kind, found in result["kinds"].items():
        lines.append(
            f"  {kind:<8} {found['mean']:.3f}  [{found['low']:.3f}, {found['high']:.3f}]  ({result['seeds']} seeds, "
            f"{found['seconds']:.1f} s each)"
        )
    if result["set"] == "Banking77":
        lines.append(f"  goal for uniform: {GOAL:.2f}")
    return "\n".join([*lines, f"on {result['machine']}"])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banking77", type=Path, help="folder with train.csv, or that file")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--changed", type=float, default=0.10, help="share of the labels")
    parser.add_argument("--top", type=float, default=0.15, help="share of the records that is looked through")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--records", type=int, default=None, help="only so many, drawn at random")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
