"""What retrieval alone finds for the logs of the IoT project: no model, and no line of the test set.

Of logs to which no section of the manual applies: the share whose class, and whose severity, one of the first k signs
(`signs.md`) has. Of the others: the share whose section is among the first k of the manual. The third file, 360 logs in
`iot_development.jsonl`, was written one by one by four language models that had read nothing but the rubric. Documents and their
number are chosen by these three, before the test set is read.

python benchmarks/iot_signs.py
python benchmarks/iot_signs.py --project MY_COPY --json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from honekit.project import load_project
from honekit.retrieval import Index, load_passages
from honekit.settings import examples_dir

DEVELOPMENT = Path(__file__).with_name("iot_development.jsonl")
MOST = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--project", type=Path, default=examples_dir() / "iot-diagnostics", help="folder of the project or a copy of it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    project = load_project(arguments.project)
    index = Index(load_passages(project))
    files = [project.path("train-more.jsonl"), project.path("validation.jsonl"), DEVELOPMENT]
    rows = {
        file.name: _found(index, [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]) for file in files
    }
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(f"{'':36}" + "".join(f"{f'first {k}':>10}" for k in range(1, MOST + 1)))
    for name, row in rows.items():
        for what, shares in row.items():
            print(f"{name:22}{what:14}" + "".join(f"{share:10.2f}" for share in shares))
    return 0


def _found(index: Index, examples: list[dict[str, Any]]) -> dict[str, list[float]]:
    """What is looked for, with its number of lines -> the share found among the first 1, 2, ... passages."""
    hits: dict[str, list[list[bool]]] = {"class": [], "severity": [], "section": []}
    for example in examples:
        answer = example["answer"]
        if answer.get("manual_ref"):
            refs = [passage.ref for passage in index.search(example["log"], {"manual.md": MOST})]
            hits["section"].append([ref == answer["manual_ref"] for ref in refs])
        else:
            texts = [passage.text for passage in index.search(example["log"], {"signs.md": MOST})]
            hits["class"].append([f" Category: {answer['category']}." in text for text in texts])
            hits["severity"].append([f" Severity: {answer['severity']}." in text for text in texts])
    return {
        f"{what} {len(lines)}": [sum(any(one[:k]) for one in lines) / len(lines) for k in range(1, MOST + 1)]
        for what, lines in hits.items()
        if lines
    }


if __name__ == "__main__":
    sys.exit(main())
