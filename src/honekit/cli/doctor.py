"""`hone doctor`: what this machine has, how fast it is, and what stands in the way of a job."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from honekit.base_name import EMBEDDED
from honekit.cli.device import Device
from honekit.errors import HoneError

GB = 1e9
MEMORY_BYTES, MEMORY_COMFORT_BYTES = 2 * GB, 4 * GB
"""The demo's training job peaks near 2 GB; below 4 GB in all the machine may swap."""
DISK_BYTES = 2 * GB
"""Converted base (0.3 GB), checkpoints and reports of a few runs."""
PACKAGES = ("torch", "transformers", "peft", "safetensors", "tokenizers", "pydantic", "sqlalchemy", "fastapi", "openai")
SELF_TEST_STEPS = 5


@dataclass(frozen=True)
class Finding:
    """Something wrong. `essential`: no job can run until it is mended."""

    code: str
    what: str
    mend: str
    essential: bool


def doctor(
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Also run a small job through the queue, a worker and checkpoints.")
    ] = False,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")] = False,
) -> None:
    """Show what this machine can do, what is wrong, and how to mend it. Exit code 1 when something essential is missing.

    Examples:

        hone doctor

        hone doctor --self-test --json
    """
    facts, findings = examine(self_test=self_test, device=device)
    if as_json:
        from honekit.cli.render import print_json

        ready = not any(finding.essential for finding in findings)
        print_json({"ready": ready, **facts, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(facts, findings)
    if any(finding.essential for finding in findings):
        raise typer.Exit(1)


def examine(*, self_test: bool = False, device: str = "auto") -> tuple[dict[str, Any], list[Finding]]:
    """All facts, JSON-ready, and the findings that follow from them."""
    machine, versions = _machine(), _versions()
    findings = _machine_findings(machine) + _package_findings(versions)
    facts: dict[str, Any] = {"machine": machine, "versions": versions, "speed": None, "gpu": None, "base": None}
    if versions["torch"]:
        facts["speed"], device_findings = _speed(device)
        facts["gpu"], gpu_findings = _gpu()
        findings += device_findings + gpu_findings
    facts["base"], base_findings = _base()
    findings += base_findings + _database_findings()
    if self_test:
        facts["self_test"], test_findings = _self_test()
        findings += test_findings
    return facts, findings


def _machine() -> dict[str, Any]:
    import psutil

    from honekit.settings import home

    data_dir = home()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": usable,
        "memory_bytes": psutil.virtual_memory().total,
        "memory_free_bytes": psutil.virtual_memory().available,
        "data_dir": str(data_dir),
        "data_dir_writable": os.access(data_dir, os.W_OK | os.X_OK),
        "disk_free_bytes": shutil.disk_usage(data_dir).free,
    }


def _versions() -> dict[str, str | None]:
    from honekit import __version__

    found: dict[str, str | None] = {"hone": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _machine_findings(machine: dict[str, Any]) -> list[Finding]:
    found = []
    if not machine["data_dir_writable"]:
        mend = "mend its permissions, or set HONE_HOME to a directory that you can write to"
        found.append(Finding("doctor.data_dir", f"the data directory {machine['data_dir']} cannot be written", mend, True))
    memory = machine["memory_bytes"]
    if memory < MEMORY_COMFORT_BYTES:
        what = f"{memory / GB:.1f} GB of memory: {'too little' if memory < MEMORY_BYTES else 'enough for small jobs only'}"
        mend = "lower train.batch_size and train.max_length in hone.toml, or use a larger machine"
        found.append(Finding("doctor.memory", what, mend, memory < MEMORY_BYTES))
    free = machine["disk_free_bytes"]
    if free < DISK_BYTES:
        what = f"{free / GB:.1f} GB of disk are free in {machine['data_dir']}"
        mend = f"free {DISK_BYTES / GB:.0f} GB, or set HONE_HOME to a disk that has room"
        found.append(Finding("doctor.disk", what, mend, free < DISK_BYTES / 4))
    return found


def _package_findings(versions: dict[str, str | None]) -> list[Finding]:
    missing = [name for name, version in versions.items() if version is None]
    if not missing:
        return []
    mend = f"run `make setup` in a checkout, or `{sys.executable} -m pip install --upgrade honekit`"
    return [Finding("doctor.packages", f"not installed: {', '.join(missing)}", mend, True)]


def _speed(wanted: str) -> tuple[dict[str, Any] | None, list[Finding]]:
    from honekit.models.precision import choose_precision, measure, resolve_device

    try:
        device = resolve_device(wanted)
    except HoneError as fault:
        if fault.code != "model.device_absent":
            raise
        return None, [Finding("doctor.device", fault.what, "take --device auto or cpu, or unset HONE_DEVICE", True)]
    measured = measure(device=device)
    return {**asdict(measured), "precision": choose_precision(measured, "auto", device)}, []


def _gpu() -> tuple[dict[str, Any] | None, list[Finding]]:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return {"kind": "cuda", "name": name, "memory_bytes": total, "memory_free_bytes": free}, []
    if torch.backends.mps.is_available():
        return {"kind": "mps", "name": "Apple GPU", "memory_bytes": None, "memory_free_bytes": None}, []
    if os.path.exists("/dev/nvidia0"):
        what = f"this machine has an NVIDIA GPU that torch {torch.__version__} cannot use"
        mend = f"check the driver with `nvidia-smi`; for a CPU build: `{sys.executable} -m pip uninstall torch`, then make setup"
        return None, [Finding("doctor.gpu_unused", what, mend, False)]
    return None, []


def _base() -> tuple[dict[str, Any], list[Finding]]:
    from honekit.models import bases, catalogue, wheel

    entry = catalogue.get(EMBEDDED)
    if bases.is_local(entry.id):
        facts = {"id": entry.id, "local": True, "path": str(bases.base_directory(entry.id))}
        try:
            bases.resolve_base(entry.id)
        except HoneError as fault:
            what = f"the base model {entry.id} is damaged: {fault.where}: {fault.what}"
            mend = f"delete the folder {facts['path']}, then `hone bases get {entry.id}`"
            return facts, [Finding("doctor.base", what, mend, True)]
        return facts, []
    packed = entry.wheel is not None and wheel.find_gguf(entry.wheel) is not None
    state = "here, but not converted yet: the first job will do it" if packed else "not on this machine yet"
    mend = f"run `hone bases get {entry.id}`"
    finding = Finding("doctor.base", f"the base model {entry.id} is {state}", mend, essential=not packed)
    return {"id": entry.id, "local": False, "path": None}, [finding]


def _database_findings() -> list[Finding]:
    from honekit.store.database import open_database

    try:
        open_database()
    except HoneError as fault:
        return [Finding("doctor.database", f"{fault.what} ({fault.where})", fault.mend or "set HONE_DATABASE_URL", True)]
    return []


def _self_test() -> tuple[dict[str, Any], list[Finding]]:
    import time

    from honekit import jobs
    from honekit.jobs.selftest import chain

    started = time.monotonic()
    expected = ""
    for step in range(1, SELF_TEST_STEPS + 1):
        expected = chain(expected, step)
    try:
        job = jobs.create_job("selftest", {"steps": SELF_TEST_STEPS, "checkpoint_steps": 2})
        ended = jobs.run_job(job.id, lambda _event: None)
        right = ended.status == "succeeded" and (ended.result or {}).get("digest") == expected
        outcome, reason, mend = ended.status, f"the job {job.id} ended as {ended.status}", f"see `hone jobs events {job.id}`"
    except HoneError as fault:
        right, outcome, reason, mend = False, "failed", fault.what, fault.mend or "see `hone jobs list`"
    facts = {"status": outcome, "right": right, "seconds": round(time.monotonic() - started, 2)}
    return facts, [] if right else [Finding("doctor.self_test", f"the self-test failed: {reason}", mend, True)]


def _print(facts: dict[str, Any], findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from honekit.cli.render import console

    out = Console(highlight=False, soft_wrap=True)
    for label, text in _lines(facts):
        out.print(f"[bold]{label:<10}[/bold] {escape(text)}")
    for finding in findings:
        console.print(f"\n[bold]{'wrong' if finding.essential else 'note':<10}[/bold] {escape(finding.what)}", soft_wrap=True)
        console.print(f"[bold]{'mend':<10}[/bold] {escape(finding.mend)}", soft_wrap=True)
    if not findings:
        out.print("\nnothing is wrong; `hone demo` runs the whole job")


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    machine, speed, gpu, base = facts["machine"], facts["speed"], facts["gpu"], facts["base"]
    versions = "  ".join(f"{name} {version or 'missing'}" for name, version in facts["versions"].items())
    memory = f"{machine['memory_bytes'] / GB:.1f} GB, {machine['memory_free_bytes'] / GB:.1f} GB free"
    lines = [
        ("system", machine["system"]),
        ("cores", f"{machine['cores']}"),
        ("memory", memory),
        ("disk", f"{machine['disk_free_bytes'] / GB:.1f} GB free in {machine['data_dir']}"),
        ("versions", versions),
    ]
    if speed:
        text = f"fp32 {speed['fp32_gflops']:.0f} GFLOP/s, bf16 {speed['bf16_gflops']:.0f} GFLOP/s, "
        lines.append(("measured", f"{text}memory {speed['memory_gb_s']:.0f} GB/s, {speed['threads']} threads"))
        lines.append(("computes", f"on {speed['device']} in {speed['precision']}"))
    lines.append(("GPU", f"{gpu['name']} ({gpu['kind']})" if gpu else "none that torch can use"))
    lines.append(("base", f"{base['id']}: {base['path'] or 'not ready, see below'}"))
    if test := facts.get("self_test"):
        lines.append(("self-test", f"{test['status']} in {test['seconds']} s"))
    return lines
