"""What requests that are dear on purpose cost other clients: one load alone, beside ordinary requests, and beside hostile ones.

The load is that of `polling.py`. Beside it four clients send, one request after the other: chats whose schema is dear to compile,
and Python graders that try to get out, to stay, or to take everything (where graders can be isolated); the ordinary ones send a
plain schema and a plain grader instead. The hostile ones are those of `tests/hostile/corpora.py`.

    python benchmarks/hostile.py                            # 16 clients, 30 s each way
    python benchmarks/hostile.py --clients 8 --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openai
from polling import BASE, Load, machine, measure_load, paused_job, served

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.hostile.corpora import python_graders, schemas

from honekit.errors import GraderError
from honekit.graders import sandbox

SENDERS = 4
PLAIN_SCHEMA = {
    "type": "object",
    "properties": {"cause": {"type": "string"}},
    "required": ["cause"],
    "additionalProperties": False,
}
PLAIN_GRADER = "return float(sample['output_text'] == item['answer'])"


def main() -> int:
    arguments = _arguments()
    os.environ["HONE_PYTHON_GRADERS"] = "1"
    try:
        sandbox.probe()
    except GraderError as fault:
        print(f"without Python graders: {fault.what}", file=sys.stderr)
        arguments.graders = False
    with served() as (url, key):
        found = asyncio.run(_measure(url, key, arguments))
    if arguments.json:
        rows = {name: asdict(load) | {"sent_beside": sent} for name, (load, sent) in found.items()}
        print(json.dumps({"machine": machine(), "clients": arguments.clients, "loads": rows}, indent=1))
    else:
        print(f"{'load':<28}{'sent beside':>12}{'requests':>10}{'errors':>8}{'p50 ms':>10}{'p99 ms':>10}{'longest':>10}")
        for name, (load, sent) in found.items():
            times = f"{load.p50:>10.1f}{load.p99:>10.1f}{load.longest:>10.1f}"
            print(f"{name:<28}{sent:>12}{load.requests:>10}{load.errors:>8}{times}")
        _, ordinary, hostile = (load for load, _ in found.values())
        print(f"\np99 beside hostile requests: {hostile.p99 / ordinary.p99:.2f} times that beside ordinary ones. {machine()}")
    return 1 if any(load.errors for load, _ in found.values()) else 0


async def _measure(url: str, key: str, arguments: argparse.Namespace) -> dict[str, tuple[Load, int]]:
    found: dict[str, tuple[Load, int]] = {}
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120) as client:
        job = await paused_job(client)
        await client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "Hello"}], max_tokens=1)
        found["alone"] = (await measure_load(client, job, arguments), 0)
        for kind in ("ordinary", "hostile"):
            # A process of their own: making and sending large bodies would delay the clients that are timed.
            sent = multiprocessing.Value("q", 0)
            sender = multiprocessing.Process(target=_send_all, args=(url, key, kind, arguments.graders, sent), daemon=True)
            sender.start()
            while not sent.value and sender.is_alive():
                await asyncio.sleep(0.1)
            before = sent.value
            load = await measure_load(client, job, arguments)
            if not sender.is_alive():
                raise SystemExit(f"the sender of {kind} requests ended with {sender.exitcode}")
            found[f"beside {kind} requests"] = (load, sent.value - before)
            sender.terminate()
            sender.join()
    return found


def _send_all(url: str, key: str, kind: str, graders: bool, sent: Any) -> None:
    """Send until the process is ended; `sent` counts the requests."""
    plain = [(PLAIN_SCHEMA, PLAIN_GRADER)]
    dear = zip(schemas(100), itertools.cycle(python_graders(53, "/etc/shadow")), strict=False)
    bodies = itertools.cycle(plain if kind == "ordinary" else list(dear))
    taking = threading.Lock()

    def send() -> None:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=120) as client:
            while True:
                with taking:
                    schema, grader = next(bodies)
                _send(client, schema, grader, graders)
                with sent.get_lock():
                    sent.value += 2 if graders else 1

    with ThreadPoolExecutor(SENDERS) as pool:
        for ended in [pool.submit(send) for _ in range(SENDERS)]:
            ended.result()


def _send(client: openai.OpenAI, schema: dict[str, Any], grader: str, with_grader: bool) -> None:
    """One chat and one run of a grader. A refusal is an answer too; a fault of the server is none."""
    shape: Any = {"type": "json_schema", "json_schema": {"name": "shape", "schema": schema, "strict": False}}
    messages: Any = [{"role": "user", "content": "The pump is loud."}]
    lines = "".join(f"    {line}\n" for line in grader.splitlines())
    program: Any = {"type": "python", "name": "rate", "source": f"import os, sys\ndef grade(sample, item):\n{lines}"}
    try:
        client.chat.completions.create(model=BASE, messages=messages, response_format=shape, max_tokens=1)
    except openai.APIStatusError as refused:
        if refused.status_code >= 500:
            raise
    if with_grader:
        client.fine_tuning.alpha.graders.run(grader=program, model_sample="x", item={"answer": "x"})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--no-graders", dest="graders", action="store_false", help="leave the Python graders out")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
