"""The benchmark "quality over quantity" on a tiny base: the defects are what it says, and it runs to its end."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests import tiny

FILE = Path(__file__).parents[2] / "benchmarks" / "quality_over_quantity.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quality_over_quantity", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def task(benchmark: ModuleType) -> ModuleType:
    rows = [(f"text number {index}", ("Power", "Sensor_Fault", "Unknown")[index % 3]) for index in range(90)]
    return benchmark.Task("category", "Which?", rows, rows[:3])  # type: ignore[no-any-return]


def test_a_third_of_the_defects_each_is_seeded(benchmark: ModuleType) -> None:
    made = task(benchmark)
    records, wrong = benchmark.seed_defects(made, made.train, 0.3, random.Random(0))
    clean = [made.record(text, made.answer(label)) for text, label in made.train]
    assert len(records) == 90
    assert len(wrong) == 9
    texts = [record["messages"][1]["content"] for record in records]
    assert len(set(texts)) == 81
    unlike = [record for record in records if record not in clean]
    # A copy may be one of a record that carries a defect itself.
    assert 18 <= len(unlike) <= 27
    assert wrong <= set(texts)


def test_other_formats_and_copies_go_but_wrong_labels_stay(benchmark: ModuleType, tmp_path: Path) -> None:
    rows = [(f"{thing} {what} in hall {index}", label) for index, (thing, what, label) in enumerate(THINGS)]
    made = benchmark.Task("category", "Which?", rows, rows[:3])
    records = [made.record(text, made.answer(label)) for text, label in rows]
    drift = [made.record(f"valve {n} leaks", shape("category", "Water")) for n, shape in enumerate(benchmark.FORMATS)]
    wrong = made.record("the smoke alarm beeps", made.answer("Water"))
    assert benchmark.fixed_and_checked([*records, records[4], *drift, wrong], tmp_path) == [*records, wrong]


TEAMS = {"pump": "Water", "fuse": "Power", "door": "Access", "lamp": "Power", "tap": "Water", "lock": "Access"}
FAULTS = ("is stuck since noon", "broke last night", "makes a strange noise", "was hit by a cart", "smells burnt")
THINGS = [(thing, what, label) for thing, label in TEAMS.items() for what in FAULTS]


def test_it_runs_to_its_end_with_equal_steps_for_every_arm(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny.save_base(tmp_path / "base", max_position_embeddings=2048)
    monkeypatch.setenv("HONE_HOME", str(tmp_path / "home"))
    sizes = ["--small", "10", "--large", "40", "--steps", "5", "--batch", "2", "--test", "6", "--precision", "fp32"]
    assert benchmark.main(["--base", str(base), *sizes, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [arm["arm"] for arm in found["arms"]] == ["clean 100", "defects 300", "cleaned 300"]
    assert found["arms"][0]["records"] == [10]
    assert found["arms"][1]["records"] == [40]
    assert found["arms"][2]["records"][0] < 40
    assert found["steps"] == 5
    assert found["held_out"] == 6
    assert len(found["differences"]) == 3
