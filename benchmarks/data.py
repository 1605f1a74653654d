"""How fast a chat file is checked, beside what else people use, in one run on one machine.

    python benchmarks/data.py                       # 200,000 conversations of about 1 kB
    python benchmarks/data.py --records 1000000     # about 1 GB
    python benchmarks/data.py --file train.jsonl

The raw decoder is `msgspec.json.Decoder(Struct).decode` over lines that are in memory already: what any check in Python has to
pay. Two of it at the same time show what two cores of this host give: as two threads of one core, or beside other work, less than
twice one. The other two checkers are written here from their descriptions, as algorithms, with the checks that they make: the
OpenAI cookbook's format check (json.loads per line, a count for each kind of fault) and mistral-finetune's validator of instruct
data (json.loads per line, typed messages, the checks of its request validator). Hone's figure includes reading the file, exact
duplicates and endings, which neither of them has. Nothing else should run beside it; where something does, the CPU time (of all
but the decoder with starting Python and reading) says more than the wall time.

Memory is the peak of a process and its workers together, looked at twenty times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from honekit.data.checks.answers import AnswerChecks
    from honekit.data.checks.turn import Turn


class Message(msgspec.Struct):
    role: str
    content: str


class Record(msgspec.Struct):
    messages: list[Message]


WORDS = """
pump valve pressure sensor alarm cable reset voltage filter door lamp relay fuse belt motor tank level flow bearing seal check
replace close open wait write call the a of and then because it shows after before twice again slowly never
""".split()  # noqa: SIM905
RAW_BYTES = 1 << 30
"""Decoded at least, a second's work or two."""
HONE = ("structure", "consistency", "answers", "all")
WAYS = ("raw", *HONE, "cookbook", "mistral")


def main() -> int:
    arguments = _arguments()
    if arguments.way:
        print(json.dumps(_measure(arguments.way, arguments.file, arguments.processes)))
        return 0
    with tempfile.TemporaryDirectory(prefix="data-benchmark-") as folder:
        file = arguments.file or _generate(Path(folder) / "chat.jsonl", arguments.records)
        print(f"{_machine()}\n{file.stat().st_size / 1e6:.0f} MB\n")
        rows = {
            "msgspec, typed, one core": _run("raw", file, 1),
            "msgspec, typed, two at once": _two_decoders(file),
            "hone, structure, one process": _run("structure", file, 1),
            "hone, structure, two processes": _run("structure", file, 2),
            "hone, and consistency, one process": _run("consistency", file, 1),
            "hone, and answers, one process": _run("answers", file, 1),
            "hone, and answers, two processes": _run("answers", file, 2),
            "hone, and libraries, two processes": _run("all", file, 2),
            "OpenAI cookbook's format check": _run("cookbook", file, 1),
            "mistral-finetune's validator": _run("mistral", file, 1),
        }
    raw = rows["msgspec, typed, one core"]
    print(f"{'':36}{'records/s':>12}{'of msgspec':>12}{'peak MB':>9}{'seconds':>9}{'CPU us/record':>15}{'of msgspec':>12}")
    for name, row in rows.items():
        print(
            f"{name:36}{row['records_per_s']:12,.0f}{row['records_per_s'] / raw['records_per_s']:12.2f}{row['peak_mb']:9.0f}"
            f"{row['seconds']:9.2f}{row['cpu_us']:15.1f}{raw['cpu_us'] / row['cpu_us']:12.2f}"
        )
    two, hone = rows["msgspec, typed, two at once"]["records_per_s"], rows["hone, structure, two processes"]["records_per_s"]
    print(
        f"\ntwo decoders at once do {two / raw['records_per_s']:.2f} times the work of one; hone in two processes does "
        f"{hone / raw['records_per_s']:.2f} of one decoder's, {hone / two:.2f} of theirs"
    )
    allowed = 4e6 / raw["records_per_s"]
    alone = (
        1e6 / rows["hone, and consistency, one process"]["records_per_s"]
        - 1e6 / rows["hone, structure, one process"]["records_per_s"]
    )
    print(
        f"\na quarter of the decoder is {allowed:.1f} us a record; consistency and format by themselves take {alone:.1f} us, "
        f"{alone / allowed:.1f} times that"
    )
    for what, name, processes in (
        ("consistency and format take", "consistency", "one process"),
        ("consistency, format and quality take", "answers", "one process"),
        ("consistency, format and quality take", "answers", "two processes"),
    ):
        structure, whole = rows[f"hone, structure, {processes}"], rows[f"hone, and {name}, {processes}"]
        seconds, cpu = whole["seconds"] / structure["seconds"], whole["cpu_us"] / structure["cpu_us"]
        print(
            f"\nin {processes} {what} by themselves {seconds - 1:.1f} times as long as the structure and {cpu - 1:.1f} times its "
            f"CPU time; the whole pass, structure and these, takes {seconds:.1f} and {cpu:.1f} times the structure's"
        )
    for name in ("OpenAI cookbook's format check", "mistral-finetune's validator"):
        one, both = (rows[f"hone, structure, {n}"]["records_per_s"] for n in ("one process", "two processes"))
        speed = rows[name]["records_per_s"]
        print(f"\nhone is {one / speed:.1f} times as fast as {name} in one process, {both / speed:.1f} in two")
    libraries = rows["hone, and libraries, two processes"]
    print("\ntold before they started:", "; ".join(libraries["told"]) or "nothing, since none takes long")
    print("seconds of each part:")
    for name, seconds in libraries["by_check"].items():
        print(f"  {name:32}{seconds:9.2f}")
    return 0


def _run(way: str, file: Path, processes: int) -> dict[str, Any]:
    """One measurement in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--way", way, "--file", str(file), "--processes", str(processes)]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, _memory_kb(process.pid))
            time.sleep(0.05)
        assert process.stdout is not None
        told = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"the measurement of {way} failed")
    return {**json.loads(told), "peak_mb": peak / 1024}


def _two_decoders(file: Path) -> dict[str, Any]:
    """What two cores of this host really give: two processes decode at the same time, each the whole file."""
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: _run("raw", file, 1), range(2))
    both = {name: one[name] + other[name] for name in ("records_per_s", "peak_mb")}
    return {**both, "seconds": max(one["seconds"], other["seconds"]), "cpu_us": (one["cpu_us"] + other["cpu_us"]) / 2}


def _memory_kb(process: int) -> int:
    """What a process and those that it started hold now; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    return own + sum(_memory_kb(int(child)) for child in children)


def _measure(way: str, file: Path, processes: int) -> dict[str, Any]:
    if way == "raw":
        return _raw(file)
    if way not in HONE:
        from chat_checkers import cookbook, mistral

        seconds, records = {"cookbook": cookbook, "mistral": mistral}[way](file)
        return _measured(records, seconds, _cpu_s())
    from honekit.data.checks.answers import AnswerChecks
    from honekit.data.checks.run import check_file

    if way == "consistency":
        AnswerChecks.see = _see_consistency  # type: ignore[method-assign]
    told: list[str] = []
    begun = time.perf_counter()
    checks = None if way == "all" else ()
    result = check_file(file, checks=checks, answers=way != "structure", processes=processes, tell=told.append)
    seconds = time.perf_counter() - begun
    return {**_measured(result.records, seconds, _cpu_s()), "by_check": result.seconds, "told": told}


def _see_consistency(checks: AnswerChecks, turns: Iterable[Turn]) -> None:
    """Consistency and format alone: the checks of quality see nothing."""
    from honekit.data.checks.turns import Turns

    block = Turns(turns)
    for check in checks.checks().values():
        if ".consistency." in type(check).__module__:
            check.see(block)


def _measured(records: int, seconds: float, cpu_s: float) -> dict[str, Any]:
    return {"seconds": seconds, "records_per_s": records / seconds, "cpu_us": 1e6 * cpu_s / records}


def _cpu_s() -> float:
    """Of this process from its start, and of its workers."""
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(own[:2]) + sum(workers[:2])


def _raw(file: Path) -> dict[str, Any]:
    """Typed decoding alone: neither starting Python nor reading is counted. A small file is read again and again, so that two of
    these at once do not just miss each other."""
    decode = msgspec.json.Decoder(Record).decode
    seconds, cpu_s, records = 0.0, 0.0, 0
    passes = -(-RAW_BYTES // file.stat().st_size)
    for _ in range(passes):
        with file.open("rb") as source:
            while lines := source.readlines(64 << 20):
                begun, cpu_begun = time.perf_counter(), time.process_time()
                for line in lines:
                    decode(line)
                seconds += time.perf_counter() - begun
                cpu_s += time.process_time() - cpu_begun
                records += len(lines)
    return {**_measured(records, seconds, cpu_s), "seconds": seconds / passes}


def _generate(file: Path, count: int) -> Path:
    """Conversations of about 1 kB: a shared system message, a question, an answer that is JSON in one of four."""
    rng = random.Random(7)
    system = "You are the assistant of a waterworks. Answer in plain sentences."
    with file.open("w", encoding="utf-8") as target:
        for number in range(count):
            question = f"Report {number}: {' '.join(rng.choices(WORDS, k=70))}?"
            answer = f"{' '.join(rng.choices(WORDS, k=70))}."
            if number % 4 == 0:
                answer = json.dumps({"cause": rng.choice(WORDS), "report": number, "steps": answer.split()[:40]})
            texts = (("system", system), ("user", question), ("assistant", answer))
            target.write(json.dumps({"messages": [{"role": role, "content": text} for role, text in texts]}) + "\n")
    return file


def _machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--processes", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
