"""Generation on a CPU: Hone's engine beside transformers' own `generate`, the same prompts and numbers of tokens in one run.

Prompts are the bundled IoT logs behind one system prompt; every answer is greedy and has the same number of tokens on both sides.
transformers gets the prompts of a batch in one call, padded on the left, in the same precision and number of threads. The two
sides take turns, and the best round of each counts. For one sequence the bound is the time to read all weights once a
token, at the measured speed of a copy (`of bound`).

    python benchmarks/generation.py                              # one sequence, and batches of 4 and 16
    python benchmarks/generation.py --batches 1,16 --tokens 32 --rounds 1
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from honekit import runtime

EXAMPLE = Path(__file__).parents[1] / "examples" / "iot-diagnostics"


@dataclass(frozen=True)
class Row:
    """One size of a batch; seconds for all its answers, prompts included."""

    batch: int
    hone_s: float
    transformers_s: float
    hone_tokens_per_s: float
    ratio: float
    """Seconds of transformers over Hone's."""
    of_bound: float | None
    """Of a lone sequence: the bound's seconds per token over Hone's."""
    same_answers: int


def main() -> int:
    arguments = _arguments()
    runtime.prepare()
    import torch

    from honekit.inference.engine import load_engine
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams
    from honekit.models import bases
    from honekit.models.floor import shape_of
    from honekit.models.precision import choose_precision, measure

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    measured = measure()
    precision = choose_precision(measured, arguments.precision, torch.device("cpu"))
    path = bases.resolve_base(arguments.base)
    engine = load_engine(arguments.base, device="cpu", precision=precision)
    engine.stop_ids = frozenset()
    theirs = bases.load_base(path, torch.bfloat16 if precision == "bf16" else torch.float32, torch.device("cpu"), "sdpa")
    theirs.train(False)
    shape = shape_of(path)
    bound_s = (shape.body + shape.head) * (2 if precision == "bf16" else 4) / (measured.memory_gb_s * 1e9)
    print(f"{arguments.base} in {precision}, {torch.get_num_threads()} threads, {arguments.tokens} tokens an answer; {measured}")
    rows = []
    for batch in arguments.batches:
        conversations = _conversations(batch)
        prompts = [engine.template.prompt_ids(messages) for messages in conversations]
        shared = [engine.template.system_prefix_length(messages) for messages in conversations]
        params = SamplingParams(arguments.tokens, temperature=0)
        requests = [Request(ids, params, prefix) for ids, prefix in zip(prompts, shared, strict=True)]
        mine: list[list[int]] = []
        other: list[list[int]] = []

        def hone(into: list[list[int]] = mine, asked: Sequence[Any] = requests) -> None:
            engine._prefixes.clear()  # each round computes its prompts anew
            into[:] = [done.token_ids for done in engine.generate(asked)]

        def transformers(into: list[list[int]] = other, ids: Sequence[list[int]] = prompts) -> None:
            into[:] = _generate(theirs, ids, arguments.tokens)

        hone_s, transformers_s = _best([hone, transformers], arguments.rounds)
        made = batch * arguments.tokens
        rows.append(
            Row(
                batch, hone_s, transformers_s, made / hone_s, transformers_s / hone_s,
                bound_s / (hone_s / arguments.tokens) if batch == 1 else None,
                sum(a == b for a, b in zip(mine, other, strict=True)),
            )
        )  # fmt: skip
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    widths = {"batch": 5, "Hone s": 8, "transformers s": 15, "Hone tokens/s": 14, "ratio": 6, "of bound": 9, "same answers": 13}
    print(" ".join(f"{name:>{width}}" for name, width in widths.items()))
    for row in rows:
        bound = f"{row.of_bound:9.2f}" if row.of_bound else f"{'-':>9}"
        print(
            f"{row.batch:5} {row.hone_s:8.2f} {row.transformers_s:15.2f} {row.hone_tokens_per_s:14.0f} {row.ratio:6.1f} {bound}"
            f" {f'{row.same_answers} of {row.batch}':>13}"
        )
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; {platform.system()}, Python {platform.python_version()}"
    )
    return 0


def _conversations(count: int) -> list[list[dict[str, str]]]:
    system = (EXAMPLE / "system.txt").read_text(encoding="utf-8").strip()
    with open(EXAMPLE / "train.jsonl", encoding="utf-8") as file:
        logs = [json.loads(line)["log"] for line in file]
    return [
        [{"role": "system", "content": system}, {"role": "user", "content": f"Log:\n{logs[number % len(logs)]}"}]
        for number in range(count)
    ]


def _generate(model: Any, prompts: Sequence[list[int]], tokens: int) -> list[list[int]]:
    import torch

    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=mask, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, eos_token_id=None,
            pad_token_id=0,
        )  # fmt: skip
    made: list[list[int]] = out[:, longest:].tolist()
    return made


def _best(sides: Sequence[Callable[[], None]], rounds: int) -> list[float]:
    """The shortest of some rounds of each, which take turns; a first one warms up."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds + 1):
        for side, own in zip(sides, times, strict=True):
            begun = time.perf_counter()
            side()
            own.append(time.perf_counter() - begun)
    return [min(own[1:]) for own in times]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--batches", type=lambda text: [int(part) for part in text.split(",")], default=[1, 4, 16])
    parser.add_argument("--tokens", type=int, default=48, help="tokens of each answer")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
