"""How fast a server answers many clients that follow a job: the same load without a training and beside one.

Each client asks in turn for the job, the list of jobs and the job's events, once a second, through the official client. The
server is `hone serve` in a process of its own; the job trains the installed base.

    python benchmarks/polling.py                            # 64 clients, 30 s each way
    python benchmarks/polling.py --clients 8 --seconds 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import openai

from honekit.models import bases, catalogue

BASE = "installed"
PERIOD_S = 1.0


@dataclass(frozen=True)
class Load:
    """Latencies in ms of all requests of one load."""

    requests: int
    errors: int
    p50: float
    p99: float
    longest: float


def main() -> int:
    arguments = _arguments()
    with served() as (url, key):
        found = asyncio.run(_measure(url, key, arguments))
    if arguments.json:
        print(
            json.dumps(
                {"machine": machine(), "clients": arguments.clients} | {name: asdict(load) for name, load in found.items()},
                indent=1,
            )
        )
    else:
        print(f"{'load':<18}{'requests':>10}{'errors':>8}{'p50 ms':>10}{'p99 ms':>10}{'longest':>10}")
        for name, load in found.items():
            print(f"{name:<18}{load.requests:>10}{load.errors:>8}{load.p50:>10.1f}{load.p99:>10.1f}{load.longest:>10.1f}")
        alone, beside = found.values()
        print(
            f"\np99 beside a training: {beside.p99 / alone.p99:.2f} times that without. {arguments.clients} clients. {machine()}"
        )
    return 1 if any(load.errors for load in found.values()) else 0


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """Address and key of a server of the installed base, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="served-") as scratch:
        environment = {**os.environ, "HONE_HOME": f"{scratch}/home"}
        hone = [sys.executable, "-m", "honekit.cli.main"]
        made = subprocess.run([*hone, "keys", "create", "--json"], env=environment, capture_output=True, check=True)
        command = [*hone, "serve", "--port", "0", "--json", "--base", f"{BASE}={bases.resolve_base(catalogue.EMBEDDED)}"]
        with (
            open(Path(scratch) / "serve.log", "wb") as log,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as server,
        ):
            assert server.stdout
            try:
                yield json.loads(server.stdout.readline())["url"], json.loads(made.stdout)["key"]
            finally:
                server.terminate()


async def _measure(url: str, key: str, arguments: argparse.Namespace) -> dict[str, Load]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        job = await paused_job(client)
        alone = await measure_load(client, job, arguments)
        await client.fine_tuning.jobs.resume(job)
        await _until(client, job, "running")
        while not (await client.fine_tuning.jobs.retrieve(job)).estimated_finish:
            await asyncio.sleep(0.2)
        beside = await measure_load(client, job, arguments)
        still = (await client.fine_tuning.jobs.retrieve(job)).status
        await client.fine_tuning.jobs.cancel(job)
    if still != "running":
        raise SystemExit(f"the job was {still} before the load was over")
    return {"without training": alone, "beside a training": beside}


async def paused_job(client: openai.AsyncOpenAI) -> str:
    """The id of a job on the base that waits to go on."""
    file = await client.files.create(file=("train.jsonl", _conversations(200)), purpose="fine-tune")
    job = (await client.fine_tuning.jobs.create(model=BASE, training_file=file.id, hyperparameters={"n_epochs": 50})).id
    await client.fine_tuning.jobs.pause(job)
    await _until(client, job, "paused")
    return job


async def measure_load(client: openai.AsyncOpenAI, job: str, arguments: argparse.Namespace) -> Load:
    """`arguments.clients` clients, each with a request a second for `arguments.seconds`."""
    latencies: list[float] = []
    errors = 0
    end = time.monotonic() + arguments.seconds

    async def poll(offset: float) -> None:
        nonlocal errors
        jobs = client.fine_tuning.jobs
        calls = [lambda: jobs.retrieve(job), lambda: jobs.list(limit=20), lambda: jobs.list_events(job, limit=20)]
        await asyncio.sleep(offset)
        turn = 0
        while time.monotonic() < end:
            began = time.perf_counter()
            try:
                await calls[turn % len(calls)]()
            except openai.OpenAIError:
                errors += 1
            took = time.perf_counter() - began
            latencies.append(took * 1000)
            turn += 1
            await asyncio.sleep(max(0.0, PERIOD_S - took))

    await asyncio.gather(*(poll(PERIOD_S * number / arguments.clients) for number in range(arguments.clients)))
    latencies.sort()
    return Load(len(latencies), errors, latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)], latencies[-1])


async def _until(client: openai.AsyncOpenAI, job: str, status: str) -> None:
    for _ in range(600):
        found = await client.fine_tuning.jobs.retrieve(job)
        if found.status == status:
            return
        await asyncio.sleep(0.2)
    raise SystemExit(f"the job is {found.status}, not {status}")


def _conversations(count: int) -> bytes:
    records = []
    for number in range(count):
        asked = f"Unit {number}: the pump is loud and its readings went up by {number % 17} percent since Monday."
        turns = [("user", asked), ("assistant", f"Look at bearing {number % 5}.")]
        records.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, load average {load:.1f}; {platform.system()}, Python {platform.python_version()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
