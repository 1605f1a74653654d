"""A job in a process that has done others gives the same bits as in one of its own, and leaves no traces."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests import tiny
from tests.train.test_run import adapter_bytes, curve, job_for, loss_log

from honekit import jobs
from honekit.jobs import Event, Job
from honekit.jobs.processes import WarmProcesses
from honekit.models import bases, kept
from honekit.train.warm import surroundings


def ignore(_event: Event) -> None:
    """For jobs whose events do not matter."""


def history(job: Job) -> Any:
    """All that a step measured, except how fast it was."""
    assert job.result
    return [{name: value for name, value in row.items() if name != "tokens_per_s"} for row in job.result["history"]]


def said(job: Job) -> list[str]:
    """What a job reported, without the machine's measured speed."""
    return [event.message for event in jobs.events(job.id) if not event.message.startswith("Computing in")]


@pytest.mark.slow
def test_warm_and_cold_runs_of_a_job_are_the_same_to_the_last_bit(tiny_base: Path, tmp_path: Path) -> None:
    other = tiny.save_base(tmp_path / "other", seed=5, hidden_size=64)
    dropping: dict[str, Any] = {"dropout": 0.2, "epochs": 1}
    cold = jobs.run_job(job_for(tiny_base, tmp_path, project="cold", **dropping).id, ignore)
    processes, pids = WarmProcesses(600), set()

    def start(job_id: str) -> Any:
        given = processes.start(job_id)
        pids.add(given.pid)
        return given

    try:
        # What might leave traces comes between: another base, another method, the same base changed by full training.
        wanted: list[tuple[Path, dict[str, Any]]] = [
            (tiny_base, dropping),
            (tiny_base, {"method": "full", "epochs": 1, "learning_rate": 1e-3, "precision": "bf16"}),
            (other, {"epochs": 1, "seed": 9}),
            (tiny_base, dropping),
            (tiny_base, dropping),
        ]
        warm = [
            jobs.run_job(job_for(base, tmp_path, project=f"warm-{number}", **changes).id, ignore, start=start)
            for number, (base, changes) in enumerate(wanted)
        ]
    finally:
        processes.close()
    assert [job.status for job in warm] == ["succeeded"] * 5
    assert len(pids) == 1
    for job in (warm[0], warm[3], warm[4]):
        assert adapter_bytes(job) == adapter_bytes(cold)
        assert (history(job), curve(job), loss_log(job), said(job)) == (history(cold), curve(cold), loss_log(cold), said(cold))


def test_a_worker_for_a_plain_llama_loads_only_what_it_needs(tiny_base: Path, tmp_path: Path) -> None:
    job = job_for(tiny_base, tmp_path, project="light", epochs=1)
    heavy = [
        "transformers",
        "peft",
        "torch._dynamo",
        "torch._inductor",
        "sympy",
        "sklearn",
        "scipy",
        "honekit.inference",
        "honekit.graders",
    ]
    code = (
        "import json, sys\nfrom honekit.jobs import worker\n"
        f"code = worker.main([{job.id!r}])\nprint(json.dumps([code, sorted(set({heavy!r}) & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
    assert jobs.get_job(job.id).status == "succeeded"


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_keeping", True)
    monkeypatch.setattr(kept, "_base", None)
    monkeypatch.setattr(kept, "_measured", {})


def load(base: Path) -> Any:
    return kept.load_model(base, torch.float32, torch.device("cpu"))


def weights_differ(one: Any, other: Any) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return any(a != b or not torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.usefixtures("keeping")
def test_a_kept_base_is_shared_but_not_its_modules(tiny_base: Path) -> None:
    first = load(tiny_base)
    first.requires_grad_(False)
    first.train()
    first.model.layers[0].mlp.down_proj = torch.nn.Identity()
    first.model.rotary_emb.inv_freq.zero_()
    first.lm_head.register_forward_hook(lambda *_: None)
    second = load(tiny_base)
    assert not weights_differ(second, bases.load_base(tiny_base, torch.float32))
    assert all(weight.requires_grad for weight in second.parameters())
    assert second.lm_head.weight is second.model.embed_tokens.weight
    assert second.model.rotary_emb.inv_freq.any()
    assert not second.lm_head._forward_hooks
    assert not second.training
    assert second.lm_head.weight is second.model.embed_tokens.weight  # tied as in the base
    assert first.model.norm.weight.data_ptr() == second.model.norm.weight.data_ptr()


@pytest.mark.usefixtures("keeping")
def test_a_weight_that_was_written_into_is_loaded_anew(tiny_base: Path) -> None:
    spoiled = load(tiny_base)
    with torch.no_grad():
        spoiled.model.norm.weight.add_(1)
    assert not weights_differ(load(tiny_base), bases.load_base(tiny_base, torch.float32))


@pytest.mark.usefixtures("keeping")
def test_a_base_whose_files_changed_is_loaded_anew(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    before = load(base)
    tiny.save_base(base, seed=3)
    assert weights_differ(before, load(base))
    tokenizer = kept.load_tokenizer(base)
    assert kept.load_tokenizer(base) is tokenizer
    changed = tiny.tokenizer()
    changed.add_tokens(["zebra"])
    changed.save(str(base / "tokenizer.json"))
    assert kept.load_tokenizer(base).get_vocab_size() == tokenizer.get_vocab_size() + 1


def test_what_a_job_sets_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_keeping", False)
    # Other tests run a worker in this process, which ends with it and cleans nothing up.
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(False)
    before = (torch.get_num_threads(), torch.initial_seed())
    state = torch.get_rng_state()
    numbers = []
    for _ in range(2):
        with surroundings():
            torch.set_num_threads(before[0] + 1)
            torch.use_deterministic_algorithms(True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            torch.manual_seed(5)
            random.seed(5)
            numpy.random.seed(5)
        numbers.append((random.random(), numpy.random.random()))
        assert torch.get_num_threads() == before[0]
        assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_default_dtype() == torch.float32
        assert torch.is_grad_enabled()
        assert torch.equal(torch.get_rng_state(), state)
    assert numbers[0] != numbers[1]
