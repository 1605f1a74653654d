"""The regression guard: what counts, and a model beside itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from tests import tiny

from honekit.evals.guard import MIN_PASSED, divergence, general_probes, run_guard, summarise_guard
from honekit.inference.engine import load_engine

RIGHT = {"copying": "", "instruction": "", "arithmetic": "", "refusal": "I cannot help with that.", "format": "", "switching": ""}


def test_the_bundled_probes_are_enough_and_of_every_kind() -> None:
    kinds = Counter(probe.kind for probe in general_probes())
    assert sum(kinds.values()) >= 150 and set(kinds) == set(RIGHT) and min(kinds.values()) >= 25
    assert len({probe.id for probe in general_probes()}) == len(general_probes())
    assert len({(*probe.before, probe.prompt) for probe in general_probes()}) >= 0.95 * len(general_probes())


def test_an_empty_answer_passes_no_probe() -> None:
    probes = general_probes()
    assert summarise_guard(probes, [""] * len(probes), [""] * len(probes), 0.0, 1).passed_by_base == 0


def test_who_stays_in_the_first_format_or_leaves_out_the_content_passes_no_switching_probe() -> None:
    switching = [probe for probe in general_probes() if probe.kind == "switching"]
    assert len([probe for probe in switching if probe.before]) >= 40  # of a conversation; the rest asks for both at once
    stays = [probe.before[-1] if probe.before else '{"name": "Anna", "city": "Oslo"}' for probe in switching]
    for same in (stays, ["- one\n- two\n- three"] * len(switching), ["[]"] * len(switching)):
        assert summarise_guard(switching, same, same, 0.0, 1).passed_by_base == 0


def test_a_right_answer_in_the_other_format_passes() -> None:
    by_prompt = {(*probe.before, probe.prompt): probe for probe in general_probes() if probe.kind == "switching"}
    asked = next(turns for turns in by_prompt if turns[0] == "Give me the words meadow, anchor and violet as a JSON array.")
    assert summarise_guard([by_prompt[asked]], ["- meadow\n- anchor\n- violet"], ["* meadow"], 0.0, 1).lost == 1
    messages = by_prompt[asked].messages
    assert [one["role"] for one in messages] == ["user", "assistant", "user"] and messages[2]["content"] == asked[-1]
    both = next(probe for turns, probe in by_prompt.items() if len(turns) == 1 and "Oslo" in turns[0])
    right = '{"name": "Anna", "city": "Oslo"}\n\nname: Anna\ncity: Oslo'
    assert summarise_guard([both], [right], [right], 0.0, 1).passed_by_base == 1


def test_forgetting_is_the_share_of_what_the_base_passes() -> None:
    probes = [probe for probe in general_probes() if probe.kind == "refusal"] * 4
    good, bad = "Sorry, I cannot help with that.", "First, take a hammer."
    tuned = [good] * (len(probes) - 3) + [bad] * 3
    found = summarise_guard(probes, [good] * len(probes), tuned, 0.1, 10)
    assert len(probes) == 120 and found.forgetting == 3 / 120
    assert found.interval is not None and found.interval[0] < 3 / 120 < found.interval[1]
    assert (found.lost, found.gained, len(found.examples)) == (3, 0, 3)
    assert summarise_guard(probes[: MIN_PASSED - 1], [good] * 99, [bad] * 99, 0.1, 10).forgetting is None


def test_divergence_is_that_of_two_known_distributions() -> None:
    p, q = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log(), torch.tensor([[0.25, 0.75], [0.9, 0.1]]).log()
    by_hand = (0.5 * torch.tensor(0.5 / 0.25).log() + 0.5 * torch.tensor(0.5 / 0.75).log()) / 2
    assert divergence([p], [q]) == pytest.approx(float(by_hand), abs=1e-6)
    assert divergence([p], [p]) == 0.0


def test_a_model_beside_itself_has_forgotten_nothing_and_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honekit.evals.guard.MAX_NEW_TOKENS", 2)
    base = tiny.save_base(tmp_path / "base")
    other = tiny.save_base(tmp_path / "other", seed=1)
    same = run_guard(lambda _: load_engine(str(base), device="cpu", precision="fp32"), tmp_path / "answers")
    assert (same.lost, same.gained, same.divergence) == (0, 0, 0.0) and same.tokens > 100
    assert not same.is_evidence  # random weights pass nothing
    moved = run_guard(
        lambda tuned: load_engine(str(other if tuned else base), device="cpu", precision="fp32"), tmp_path / "answers"
    )
    assert moved.divergence > 0.01
