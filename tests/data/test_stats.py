"""`hone data stats`: counts that can be checked by hand, quantiles within their bound, and files that are half broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from honekit.cli.main import main
from honekit.data.histogram import Histogram, bucket
from honekit.data.stats import MAX_VALUES, file_stats
from honekit.errors import DataError


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200), st.floats(0.01, 1))
def test_quantiles_are_within_two_percent_of_the_exact_ones(values: list[int], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = next(v for i, v in enumerate(sorted(values), 1) if i >= share * len(values))
    assert bucket(exact) <= histogram.quantile(share) <= exact
    assert exact - bucket(exact) <= exact / 64
    assert sum(histogram.bars(7)) == len(values)


def test_short_lengths_are_exact() -> None:
    histogram = Histogram()
    for value in range(1, 101):
        histogram.add(value)
    found = histogram.as_dict()
    assert (found["min"], found["p5"], found["p50"], found["p95"], found["max"], found["mean"]) == (1, 5, 50, 95, 100, 50.5)


def test_counts_of_a_file_made_by_hand(tmp_path: Path) -> None:
    first = {
        "messages": [
            {"role": "system", "content": "abc"},
            {"role": "user", "content": "four"},
            {"role": "assistant", "content": "xy", "weight": 0},
            {"role": "user", "content": "more"},
            {"role": "assistant", "content": '{"kind": "a", "tags": ["t", "u"], "n": 1.5}'},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    second = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]}
    third = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "no"}]}
    file = tiny.write_jsonl(tmp_path / "a.jsonl", [first, second, second, third])
    file.write_text(file.read_text() + "{\n\n[1]\n")
    found = file_stats(file).as_dict()
    assert (found["records"], found["unreadable"], found["with_tools"], found["json_answers"]) == (4, 2, 1, 1)
    assert found["roles"] == {"system": 1, "user": 5, "assistant": 5}
    assert found["learnt_messages"] == 4
    assert (found["duplicates"], found["same_questions"]) == (1, 2)
    assert found["answers"] == {"yes": 2, "no": 1}
    assert found["fields"]["kind"] == {"count": 1, "types": {"string": 1}, "values": {"a": 1}}
    assert found["fields"]["tags"]["values"] == {"t": 1, "u": 1}
    assert found["fields"]["n"] == {"count": 1, "types": {"number": 1}, "values": None}
    assert found["lengths"]["turns"]["max"] == 5
    assert found["lengths"]["question"]["max"] == len("four\nxy\nmore")
    assert found["lengths"]["answer"]["min"] == 2


def test_answers_that_never_repeat_are_free_text(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": f"answer {n}"}]}
        for n in range(MAX_VALUES + 1)
    ]
    assert file_stats(tiny.write_jsonl(tmp_path / "a.jsonl", rows)).as_dict()["answers"] is None


def test_a_base_gives_lengths_in_its_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tiny.save_base(tmp_path / "base")
    rows = tiny.conversations(12)
    file = tiny.write_jsonl(tmp_path / "a.jsonl", rows)
    assert main(["data", "stats", str(file), "--base", str(base), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["lengths"]
    ids = [tiny.template().training_ids(row["messages"]) for row in rows]
    assert found["tokens"]["max"] == max(len(one.token_ids) for one in ids)
    assert found["learnt_tokens"]["min"] == min(sum(weight > 0 for weight in one.weights) for one in ids)


def test_a_file_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{\n" * 3)
    with pytest.raises(DataError) as caught:
        file_stats(tmp_path / "a.jsonl")
    assert caught.value.code == "data.empty"


def test_the_command_draws_lengths_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tiny.write_jsonl(tmp_path / "a.jsonl", tiny.conversations(40))
    assert main(["data", "stats", str(file)]) == 0
    out = capsys.readouterr().out
    assert "40 records" in out
    assert "It is red." in out
    assert "█" in out
