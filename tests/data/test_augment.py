"""Further forms of an example: names change together, everything else stays."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from honekit.data.augment import redraw
from honekit.data.chat import read_chat_file
from honekit.data.examples import Example
from honekit.data.prepare import prepare
from honekit.project import Project, load_project
from honekit.retrieval.passages import Passage

from .conftest import HONE_TOML

PASSAGES = [
    Passage("1.1", "Code P-10", "Code P-10. Relay R2 sticks. Cause: coil shorted."),
    Passage("1.2", "Code P-20", "Code P-20. No flow. Cause: valve shut."),
]


def example(log: str, device: str | None, ref: str | None = "1.1") -> Example:
    answer = {"device": device, "category": "Power", "actions": ["check"], "ref": ref}
    return Example("a", log, answer, {}, (), True, "a", 1, Path("train.jsonl"))


def test_device_code_and_section_change_together_and_the_rest_stays(project: Project) -> None:
    original = example("Feb 03 05:41 pump-14 code=P-10 at 23.7A rssi=-71, pump-14 stopped", "pump-14")
    drawn = redraw(project, original, PASSAGES, random.Random(3))
    device, code = drawn.answer["device"], drawn.passages[0].title.removeprefix("Code ")
    assert device != "pump-14"
    assert code != "P-10" and re.fullmatch(r"[A-Z]-\d\d", code)
    assert drawn.input == f"Feb 03 05:41 {device} code={code} at 23.7A rssi=-71, {device} stopped"
    assert drawn.passages[0].text == f"Code {code}. Relay R2 sticks. Cause: coil shorted."
    assert drawn.answer["ref"] == drawn.passages[0].ref
    assert [p.ref for p in drawn.passages] != ["1.1", "1.2"]
    assert drawn.passages[1].text == PASSAGES[1].text
    assert drawn.answer["category"] == "Power" and drawn.answer["actions"] == ["check"]


def test_a_keyword_that_looks_like_a_code_stays() -> None:
    passages = [replace(PASSAGES[0], text="Code P-10 (eth0 down). Relay.", keywords="eth0 down, wlan0")]
    drawn = redraw(_PROJECT, example("eth0 down on gw-7, P-10", "gw-7"), passages, random.Random(1))
    assert "eth0 down" in drawn.input and "(eth0 down)" in drawn.passages[0].text
    assert "P-10" not in drawn.input + drawn.passages[0].text


def test_of_a_section_without_a_number_only_its_place_in_the_document_is_drawn() -> None:
    passages = [Passage("signs#7", "No flow", "No flow. Valve shut."), Passage("signs#12", "No supply", "No supply. Fuse blown.")]
    drawn = redraw(_PROJECT, example("no supply", None, "signs#12"), passages, random.Random(1))
    assert re.fullmatch(r"signs#\d+", drawn.answer["ref"]) and drawn.answer["ref"] == drawn.passages[1].ref != "signs#12"


def test_a_value_that_is_not_in_the_input_or_is_a_word_stays(project: Project) -> None:
    for log, device in (("P-10 on the board", "pump-14"), ("the lift is stuck, P-10", "lift"), ("P-10", None)):
        assert redraw(project, example(log, device), PASSAGES, random.Random(2)).answer["device"] == device


def test_a_name_that_may_be_null_is_left_out_of_some_forms(project: Project) -> None:
    forms = [redraw(project, example("gw-7: P-10 by gw-7", "gw-7"), [], random.Random(seed)) for seed in range(300)]
    nameless = [form.input for form in forms if form.answer["device"] is None]
    assert 15 < len(nameless) < 45 and set(nameless) == {": P-10 by "}
    alone = [redraw(project, example("gw-7", "gw-7"), [], random.Random(seed)) for seed in range(100)]
    assert all(form.input == form.answer["device"] for form in alone)
    required = [field.model_copy(update={"nullable": False}) for field in project.task.fields]
    strict = project.model_copy(update={"task": project.task.model_copy(update={"fields": required})})
    named = [redraw(strict, example("gw-7: P-10 by gw-7", "gw-7"), [], random.Random(seed)) for seed in range(100)]
    assert all(form.answer["device"] for form in named)


def test_drawn_names_come_in_many_shapes(project: Project) -> None:
    drawn = [redraw(project, example("gw-7 down", "gw-7"), [], random.Random(seed)).answer["device"] for seed in range(400)]
    names = [name for name in drawn if name]
    shapes = {re.sub(r"[a-z]+", "a", re.sub(r"[A-Z]+", "A", re.sub(r"\d+", "0", name))) for name in names}
    assert len(shapes) > 60
    assert all(any(map(str.isdigit, name)) and not re.search(r"\s", name) for name in names)


@given(st.integers(0, 10**6))
def test_every_drawn_device_stands_in_its_input_and_references_differ(seed: int) -> None:
    project = _PROJECT
    drawn = redraw(project, example("gw-7: P-10 seen by gw-7", "gw-7"), PASSAGES, random.Random(seed))
    name = drawn.answer["device"] or ""  # of some forms the name is left out
    assert drawn.input.startswith(f"{name}: ")
    assert drawn.input.endswith(f" seen by {name}")
    assert len({passage.ref for passage in drawn.passages}) == 2
    assert all(re.fullmatch(r"[1-9]\.[1-9]\d?", passage.ref) for passage in drawn.passages)


@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.5]))
def test_words_are_left_out_but_what_the_answer_copies_stays(seed: int, share: float) -> None:
    data = _PROJECT.data.model_copy(update={"word_dropout": share})
    project = _PROJECT.model_copy(update={"data": data})
    log = "the lift-3 is stuck P-10 between two floors since nine this morning\nand nobody came"
    drawn = redraw(project, example(log, "lift-3"), PASSAGES, random.Random(seed))
    words = drawn.input.split()
    assert drawn.answer["device"] in [None, *words]
    code = drawn.passages[0].title.removeprefix("Code ")
    assert code in words
    assert set(words) <= {*log.split(), drawn.answer["device"], code}
    assert [w for w in log.split() if w in words] == [w for w in words if w in log.split()]


def test_about_the_wanted_share_of_the_words_is_left_out(project: Project) -> None:
    some = project.model_copy(update={"data": project.data.model_copy(update={"word_dropout": 0.2})})
    log = " ".join(f"word{'a' * i}" for i in range(50))
    left = [len(redraw(some, example(log, None, None), [], random.Random(i)).input.split()) for i in range(200)]
    assert 39 < sum(left) / 200 < 41
    none = redraw(project, example(log, None, None), [], random.Random(0))
    assert none.input == log


def test_a_text_of_which_nothing_would_be_left_stays_whole(project: Project) -> None:
    some = project.model_copy(update={"data": project.data.model_copy(update={"word_dropout": 0.5})})
    inputs = {redraw(some, example("fault", None, None), [], random.Random(i)).input for i in range(20)}
    assert inputs == {"fault"}


def test_each_form_is_written_once_with_and_without_passages_by_turns(project: Project) -> None:
    first = prepare(project, use_more=False).train_file.read_text().splitlines()
    two = project.model_copy(update={"data": project.data.model_copy(update={"forms": 2})})
    prepared = prepare(two, use_more=False)
    lines = prepared.train_file.read_text().splitlines()
    assert lines[:10] == first and len(lines) == 20
    users = [e.messages[1].text for e in read_chat_file(prepared.train_file)]
    shown = ["Manual:" in user for user in users]
    assert shown == [True, *[False] * 9, *[True] * 10]  # the first names a section, the others go by turns
    answers = [json.loads(json.loads(line)["messages"][-1]["content"]) for line in lines]
    assert all(a["category"] == b["category"] for a, b in zip(answers[:10], answers[10:], strict=True))
    assert prepared.summary()["forms"] == 2
    again = prepare(two, use_more=False)
    assert again.sha256 == prepared.sha256
    assert len(read_chat_file(prepared.validation_file)) == len(prepared.validation)


def _project() -> Project:
    import tempfile

    folder = Path(tempfile.mkdtemp())
    (folder / "hone.toml").write_text(HONE_TOML)
    return load_project(folder)


_PROJECT = _project()
