"""`hone decide curve`: sizes that make a curve, and the whole of it on a tiny base."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests import tiny

from honekit.cli.decide_curve import parts, usual_sizes
from honekit.cli.main import main
from honekit.errors import SettingsError
from honekit.settings import examples_dir


def test_sizes_become_shares_of_the_training_data() -> None:
    shares, arms = parts((300, 50, 100, 200), 300)
    assert shares == pytest.approx((1 / 6, 1 / 3, 2 / 3))
    assert arms == ["tuned_17", "tuned_33", "tuned_67", "tuned"]
    assert parts((50, 100), 1000)[1] == ["tuned_5", "tuned_10"]


@pytest.mark.parametrize(
    ("total", "sizes"),
    [(1000, (50, 100, 200, 300)), (300, (50, 100, 200, 300)), (120, (50, 100, 120)), (60, (50, 60)), (40, (10, 20, 40))],
)
def test_the_usual_sizes_are_those_that_there_are_examples_for(total: int, sizes: tuple[int, ...]) -> None:
    assert usual_sizes(total) == sizes
    assert len(parts(sizes, total)[1]) == len(sizes)


@pytest.mark.parametrize("sizes", [(100,), (100, 400), (1000, 1001)])
def test_sizes_that_make_no_curve_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        parts(sizes, 300 if max(sizes) < 1000 else 2000)
    assert caught.value.code == "decide.sizes"


def test_seeds_of_a_recipe_that_no_size_trains_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "project"
    shutil.copytree(examples_dir() / "support-routing", project, ignore=shutil.ignore_patterns(".hone"))
    assert main(["decide", "curve", str(project), "--sizes", "20,30", "--seeds", "2", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "decide.seeds" and "add 60" in error["mend"]


@pytest.mark.slow
def test_a_curve_is_trained_forecast_and_told_with_the_spread_of_its_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    shutil.copytree(examples_dir() / "support-routing", project, ignore=shutil.ignore_patterns(".hone"))
    text = (project / "hone.toml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith(("epochs", "max_new_tokens"))]
    text = "\n".join(kept).replace("[train]\n", "[train]\nepochs = 1\n").replace("[task]\n", "[task]\nmax_new_tokens = 4\n")
    (project / "hone.toml").write_text(text)
    base = tiny.save_base(tmp_path / "base", max_position_embeddings=2048)
    asked = ["decide", "curve", str(project), "--base", str(base), "--limit", "8", "--sizes", "30,60", "--json"]

    def curve(*more: str) -> dict[str, Any]:
        assert main([*asked, *more]) == 0
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    plain = curve("--further", "100")
    assert [point["examples"] for point in plain["points"]] == [30, 60]
    assert plain["note"] and plain["seeds"] is None and set(plain["estimated_s"]) == {"tuned_50", "tuned"}
    seeded = curve("--seeds", "2")
    assert seeded["points"] == plain["points"]
    assert seeded["seeds"]["validation"]["seeds"] == [0, 1]
    assert len(set(seeded["seeds"]["training_seconds"])) == 2
    assert not (project / ".hone" / "measure" / "result.json").exists()
