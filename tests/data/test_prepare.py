from __future__ import annotations

import json
from typing import Any

import pytest

from honekit.data.chat import read_chat_file
from honekit.data.prepare import prepare
from honekit.errors import DataError
from honekit.project import Project, load_project

from .conftest import HONE_TOML, record, write_lines


def refused(project: Project, code: str) -> DataError:
    with pytest.raises(DataError) as caught:
        prepare(project, use_more=False)
    assert caught.value.code == code
    return caught.value


def append(project: Project, file: str, line: dict[str, Any]) -> None:
    with project.path(file).open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")


def test_the_files_are_chat_data_that_the_checker_accepts(project: Project) -> None:
    prepared = prepare(project, use_more=False)
    examples = read_chat_file(prepared.train_file)
    assert len(examples) == 10
    assert [m.role for m in examples[0].messages] == ["system", "user", "assistant"]
    assert set(json.loads(prepared.train_file.read_text().splitlines()[0])) == {"messages"}
    assert prepared.counts == {"train": 10, "validation": 4, "test": 2}
    assert prepared.class_balance["train"]["category"] == {"Power": 10, "Security": 0}
    assert any("Security" in warning for warning in prepared.warnings)


def test_the_same_raw_files_give_the_same_version_and_changed_test_data_another(project: Project) -> None:
    first = prepare(project, use_more=False)
    again = prepare(project, use_more=False)
    assert first.sha256 == again.sha256
    assert first.version == again.version
    append(project, "test.jsonl", record(9, "test"))
    changed = prepare(project, use_more=False)
    assert changed.sha256["train"] == first.sha256["train"]
    assert changed.version != first.version


def test_passages_go_to_training_examples_that_ask_for_them(project: Project) -> None:
    prepared = prepare(project, use_more=False)
    users = [e.messages[1].text for e in read_chat_file(prepared.train_file)]
    assert users[0].startswith("Manual:\n[1.1] Code P-10.")
    assert not any("Manual:" in user for user in users[1:])
    assert prepared.with_passages["train"] == 1


def test_a_section_that_is_not_found_takes_the_last_place(project: Project) -> None:
    changed = record(0, "train", log="P-20 and P-30 on the board", answer={"ref": "1.1"}, passages=True)  # ranks 1.3, then 1.2
    write_lines(project.path("train.jsonl"), [changed, *(record(n, "train") for n in range(1, 10))])
    first = read_chat_file(prepare(project, use_more=False).train_file)[0]
    assert [line[:5] for line in first.messages[1].text.splitlines()[1:3]] == ["[1.3]", "[1.1]"]
    assert '"ref":"1.1"' in first.messages[2].text


def test_a_section_that_is_not_found_takes_a_place_of_its_document(project: Project) -> None:
    text = HONE_TOML.replace('["manual.md"]', '["manual.md", "signs.md"]').replace(
        "k = 2", 'k = { "manual.md" = 1, "signs.md" = 1 }'
    )
    (project.root / "hone.toml").write_text(text)
    project.path("signs.md").write_text("## Board dark\nNothing on the board.\n")
    changed = record(0, "train", log="P-20 and P-30 on the board", answer={"ref": "1.1"}, passages=True)
    write_lines(project.path("train.jsonl"), [changed, *(record(n, "train") for n in range(1, 10))])
    first = read_chat_file(prepare(load_project(project.root), use_more=False).train_file)[0]
    assert [line.split("]")[0] for line in first.messages[1].text.splitlines()[1:3]] == ["[signs#1", "[1.1"]


def test_validation_shows_passages_where_needed_and_to_every_second_other(project: Project) -> None:
    prepared = prepare(project, use_more=False)
    users = [e.messages[1].text for e in read_chat_file(prepared.validation_file)]
    assert "Manual:" in users[0]
    assert prepared.with_passages["validation"] == 2


def test_an_example_of_weight_0_is_checked_and_not_trained_on(project: Project) -> None:
    lines = [record(n, "train") for n in range(11)]
    lines[4]["weight"] = 0
    write_lines(project.path("train.jsonl"), lines)
    prepared = prepare(project, use_more=False)
    examples = read_chat_file(prepared.train_file)
    assert len(examples) == 10
    assert len(prepared.train) == 10
    assert prepared.origin(prepared.train_file, [5]) == {project.path("train.jsonl"): [6]}


def test_a_group_in_two_splits_is_refused_with_both_lines(project: Project) -> None:
    append(project, "test.jsonl", record(7, "test", event="train3"))
    fault = refused(project, "data.leak.group")
    assert "train.jsonl:4 and test.jsonl:3" in fault.what


def test_one_file_for_two_splits_is_refused_by_the_keys_that_name_it(project: Project) -> None:
    text = HONE_TOML.replace('validation = "validation.jsonl"', 'validation = "./train.jsonl"')
    assert text != HONE_TOML
    (project.root / "hone.toml").write_text(text)
    assert "data.train and data.validation" in refused(load_project(project.root), "data.same_file").what


def test_a_near_duplicate_in_two_splits_is_refused_with_both_lines(project: Project) -> None:
    line = record(8, "test", log="train delta stopped near the delta gate train 17")
    append(project, "validation.jsonl", line)
    fault = refused(project, "data.leak.near_duplicate")
    assert "train.jsonl:4 and validation.jsonl:5" in fault.what


def test_a_device_of_the_unseen_slice_must_not_be_in_training(project: Project) -> None:
    device = {"device": "TRAIN-delta"}
    append(project, "test.jsonl", record(8, "test", answer=device, slices=["hard"]))
    prepare(project, use_more=False)
    append(project, "test.jsonl", record(9, "test", answer=device, slices=["unseen"]))
    assert "train.jsonl:4 and test.jsonl:4" in refused(project, "data.leak.device").what


def test_a_reference_that_no_document_has_is_refused_with_the_nearest(project: Project) -> None:
    append(project, "test.jsonl", record(8, "test", answer={"ref": "1.11"}))
    assert "1.1" in refused(project, "data.reference_unknown").what


def test_more_files_are_used_on_demand_and_always_checked_for_leaks(project: Project) -> None:
    (project.root / "hone.toml").write_text(HONE_TOML.replace("[data]", '[data]\nmore = ["more.jsonl"]'))
    project = load_project(project.root)
    prepare(project, use_more=False)
    with pytest.raises(DataError):
        prepare(project, use_more=True)
    write_lines(project.path("more.jsonl"), [record(n, "more") for n in range(3)])
    assert prepare(project, use_more=False).counts["train"] == 10
    assert prepare(project, use_more=True).counts["train"] == 13
    write_lines(project.path("more.jsonl"), [record(1, "test", id="m", event="m")])
    refused(project, "data.leak.near_duplicate")


def test_an_id_in_two_training_files_is_refused(project: Project) -> None:
    (project.root / "hone.toml").write_text(HONE_TOML.replace("[data]", '[data]\nmore = ["more.jsonl"]'))
    project = load_project(project.root)
    write_lines(project.path("more.jsonl"), [record(0, "more", id="train-5")])
    assert "train.jsonl:6" in refused(project, "data.id_duplicate").what


def test_passages_without_documents_are_refused(project: Project) -> None:
    toml = HONE_TOML[: HONE_TOML.index("[retrieval]")]
    (project.root / "hone.toml").write_text(toml)
    fault = refused(load_project(project.root), "data.no_retrieval")
    assert "train.jsonl:1" in str(fault.where)


def test_near_duplicates_inside_training_are_only_warned_of(project: Project) -> None:
    append(project, "train.jsonl", record(3, "train", id="twin", event="twin", answer={"category": "Security"}))
    prepared = prepare(project, use_more=False)
    assert any("train.jsonl:4 and train.jsonl:11" in w and "different answers" in w for w in prepared.warnings)


def test_a_line_of_the_chat_files_is_told_as_the_line_that_it_was_made_of(project: Project) -> None:
    toml = HONE_TOML.replace("[data]", '[data]\nforms = 2\nmore = ["more.jsonl"]')
    (project.root / "hone.toml").write_text(toml)
    project = load_project(project.root)
    text = project.path("train.jsonl").read_text()
    project.path("train.jsonl").write_text("\n" + text)
    write_lines(project.path("more.jsonl"), [record(n, "more") for n in range(3)])
    prepared = prepare(project, use_more=True)
    train, more = project.path("train.jsonl"), project.path("more.jsonl")
    assert prepared.origin(prepared.train_file, [1, 3, 12, 14]) == {train: [2, 4], more: [2]}
    assert prepared.origin(prepared.validation_file, [4]) == {project.path("validation.jsonl"): [4]}


def test_a_slice_without_a_test_example_is_warned_of(project: Project) -> None:
    (project.root / "hone.toml").write_text(HONE_TOML.replace('"unseen", "hard"]', '"unseen", "hard", "ghost"]'))
    warned = [one for one in prepare(load_project(project.root), use_more=False).warnings if "slices" in one]
    assert len(warned) == 1
    assert "ghost in `slices`" in warned[0]
