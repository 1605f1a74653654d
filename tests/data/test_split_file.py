"""`hone data split`: what stays together, what is even, what is newest, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from honekit.cli.main import main
from honekit.data.near.rule import near_duplicates
from honekit.data.rows import read_rows
from honekit.data.split import split_by_time
from honekit.data.split_file import SplitPlan, split_file
from honekit.errors import DataError

COLOURS = ("amber", "beige", "coral", "denim", "ebony", "fawn", "green", "hazel")
COLOURS += ("ivory", "jade", "khaki", "lilac", "mauve", "navy", "olive", "pink")
NOUNS = ("anchor", "basket", "candle", "drawer", "engine", "fender")
NOUNS += ("guitar", "hammer", "island", "jacket", "kettle", "ladder")


def record(index: int, label: str, **more: Any) -> dict[str, Any]:
    colour, noun = COLOURS[index % len(COLOURS)], NOUNS[index // len(COLOURS) % len(NOUNS)]
    text = f"{colour} {noun} {COLOURS[(index * 7) % 16]} seen near {NOUNS[(index * 5) % 12]}"
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": label}], **more}


def records(count: int) -> list[dict[str, Any]]:
    made = []
    for index in range(count):
        metadata = {"device": f"d{index % 12}", "made": f"2026-03-{1 + (index * 11) % 28:02d}T10:00:00Z", "n": index}
        made.append(record(index, "rare" if index % 5 == 0 else "common", metadata=metadata))
    return made


def parts(directory: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in ("train", "validation", "test"):
        lines = (directory / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        found[name] = [json.loads(line) for line in lines]
    return found


def test_labels_are_even_and_every_record_is_in_one_file_unchanged(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(120))
    manifest = split_file(source, tmp_path / "out", SplitPlan())
    assert manifest["by"] == "stratified"
    lines = [line for name in manifest["files"] for line in (tmp_path / "out" / f"{name}.jsonl").read_text().splitlines()]
    assert sorted(lines) == sorted(source.read_text().splitlines())
    assert {name: part["labels"]["rare"] for name, part in manifest["files"].items()} == pytest.approx(
        {"train": 14.4, "validation": 3.6, "test": 6}, abs=2
    )


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    made = records(60) + [record(index, "common", note="again") for index in range(0, 60, 2)]
    source = tiny.write_jsonl(tmp_path / "all.jsonl", made)
    split_file(source, tmp_path / "out", SplitPlan(by="random"))
    texts = {name: [row.question for row in read_rows(tmp_path / "out" / f"{name}.jsonl")] for name in ("train", "test")}
    assert near_duplicates(texts["train"], texts["test"]) == []


def test_a_group_is_in_one_file_only(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(120))
    manifest = split_file(source, tmp_path / "out", SplitPlan(group_key="metadata.device"))
    assert manifest["by"] == "group"
    devices = [{row["metadata"]["device"] for row in rows} for rows in parts(tmp_path / "out").values()]
    assert sum(map(len, devices)) == len(set().union(*devices)) == 12


def test_keys_may_stand_in_the_json_answer(tmp_path: Path) -> None:
    made = [record(index, json.dumps({"site": f"s{index % 9}", "ok": index % 2 == 0})) for index in range(90)]
    source = tiny.write_jsonl(tmp_path / "all.jsonl", made)
    split_file(source, tmp_path / "out", SplitPlan(group_key="site", field="ok"))
    sites = [{json.loads(row["messages"][1]["content"])["site"] for row in rows} for rows in parts(tmp_path / "out").values()]
    assert sum(map(len, sites)) == 9


def test_by_time_nothing_in_training_is_newer_than_the_newest_of_each_later_group(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(112))
    split_file(source, tmp_path / "out", SplitPlan(time_key="metadata.made"))
    found = parts(tmp_path / "out")
    times = {name: [row["metadata"]["made"] for row in rows] for name, rows in found.items()}
    assert max(times["train"]) <= min(times["validation"])
    assert max(times["validation"]) <= min(times["test"])
    assert len(times["test"]) == pytest.approx(28, abs=4)


@given(st.lists(st.tuples(st.sampled_from(["aa bb", "cc dd", "ee ff", "gg hh", "ii jj"]), st.integers(0, 20)), min_size=1))
def test_by_time_a_group_is_as_old_as_its_newest(rows: list[tuple[str, int]]) -> None:
    texts, times = [text for text, _ in rows], [time for _, time in rows]
    splits, groups = split_by_time(texts, times, {"train": 0.6, "test": 0.4})
    newest = {group: max(t for g, t in zip(groups, times, strict=True) if g == group) for group in groups}
    by_split = {name: [newest[g] for g, s in zip(groups, splits, strict=True) if s == name] for name in set(splits)}
    if len(by_split) == 2:
        assert max(by_split["train"]) <= min(by_split["test"])


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(80))
    first = split_file(source, tmp_path / "a", SplitPlan(seed=1))
    assert split_file(source, tmp_path / "a", SplitPlan(seed=1)) == first
    assert split_file(source, tmp_path / "b", SplitPlan(seed=2))["files"] != first["files"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "train.jsonl", records(80))
    before = source.read_bytes()
    with pytest.raises(DataError) as caught:
        split_file(source, tmp_path, SplitPlan())
    assert caught.value.code == "data.split.exists"
    assert source.read_bytes() == before
    assert not (tmp_path / "test.jsonl").exists()


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (SplitPlan(by="group"), "data.split.option"),
        (SplitPlan(by="time"), "data.split.option"),
        (SplitPlan(validation=0.6, test=0.5), "data.split.option"),
        (SplitPlan(group_key="metadata.nothing"), "data.split.key_missing"),
        (SplitPlan(time_key="nothing"), "data.split.key_missing"),
        (SplitPlan(time_key="metadata.device"), "data.split.key_missing"),
        (SplitPlan(time_key="metadata.mixed"), "data.split.time_mixed"),
        (SplitPlan(field="nothing"), "data.field_unknown"),
        (SplitPlan(group_key="metadata.same"), "data.too_few"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(plan: SplitPlan, code: str, tmp_path: Path) -> None:
    made = records(40)
    for index, row in enumerate(made):
        row["metadata"] |= {"same": 1, "mixed": index if index % 2 else "2026-01-01"}
    with pytest.raises(DataError) as caught:
        split_file(tiny.write_jsonl(tmp_path / "all.jsonl", made), tmp_path / "out", plan)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_too_few_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        split_file(tiny.write_jsonl(tmp_path / "all.jsonl", records(12)), tmp_path / "out", SplitPlan())
    assert caught.value.code == "data.too_few"


def test_broken_lines_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(40))
    source.write_text(source.read_text() + '{"messages": 3}\n{\n')
    with pytest.raises(DataError) as caught:
        split_file(source, tmp_path / "out", SplitPlan())
    assert caught.value.code == "data.messages.missing"
    assert caught.value.where is not None and ":41" in caught.value.where
    assert not (tmp_path / "out").exists()


def test_the_command_says_where_everything_went_and_notes_the_versions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tiny.write_jsonl(tmp_path / "all.jsonl", records(80))
    assert main(["data", "split", str(source), "--out", str(tmp_path / "out"), "--validation", "0", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["files"]) == {"train", "test"}
    assert sum(part["records"] for part in document["files"].values()) == 80
    assert main(["data", "versions", str(tmp_path / "out" / "test.jsonl"), "--json"]) == 0
    lineage = json.loads(capsys.readouterr().out)
    assert lineage["version"] == document["files"]["test"]["version"]
    assert lineage["made"][0]["action"] == "split"
    assert lineage["made_of"][0]["sha256"] == document["sha256"]
    assert main(["data", "split", str(source), "--out", str(tmp_path / "out"), "--validation", "0"]) == 0
    assert "by stratified (answer)" in capsys.readouterr().out
