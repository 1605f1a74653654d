"""How long `hone --help` takes beside a bare Python and one that loads the command-line library alone.

Then the shortest commands on this machine's own data, beside the import of the official client that they talk through.

python benchmarks/startup.py
python benchmarks/startup.py --rounds 20 --json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "python, import typer": [sys.executable, "-c", "import typer"],
    "hone --help": [sys.executable, "-m", "honekit.cli.main", "--help"],
    "python, import openai": [sys.executable, "-c", "import openai"],
    "hone files list": [sys.executable, "-m", "honekit.cli.main", "files", "list"],
    "hone jobs list": [sys.executable, "-m", "honekit.cli.main", "jobs", "list"],
}
GOAL_S = 0.4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="each command is started so often; the best and the median count")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    own_data = {name: value for name, value in os.environ.items() if name != "HONE_BASE_URL"}
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.rounds):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True, env=own_data)
            seconds[name].append(time.perf_counter() - started)
    result = {name: {"best_s": min(all_of), "median_s": statistics.median(all_of)} for name, all_of in seconds.items()}
    if arguments.json:
        print(json.dumps({"goal_s": GOAL_S, "commands": result}, indent=1))
        return 0
    for name, row in result.items():
        print(f"{name:<22} best {row['best_s']:.3f} s   median {row['median_s']:.3f} s")
    print(f"goal for hone --help: {GOAL_S} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
