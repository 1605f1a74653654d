"""Suspects: flipped labels of a text made here come out on top, from the folds and from the losses of a job."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import tiny

from honekit import jobs
from honekit.cli.main import main
from honekit.data.suspects.confident import _judged, judge_labels
from honekit.data.suspects.losses import LOSS_LOG, surplus_losses
from honekit.data.suspects.rank import find_suspects
from honekit.errors import DataError
from honekit.store.atomic import sha256_of

TOPICS = {
    "billing": ["invoice", "charged", "twice", "refund", "payment", "card", "amount", "price", "receipt", "total", "bank"],
    "delivery": ["parcel", "courier", "late", "address", "tracking", "doorstep", "carrier", "shipment", "van", "depot"],
    "account": ["password", "login", "email", "reset", "profile", "username", "locked", "sign", "verify", "settings"],
}
FILLERS = ["please", "help", "my", "the", "was", "is", "today", "again", "why", "with", "since", "could", "you", "about"]


def questions(count: int, seed: int = 0) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    made = []
    for index in range(count):
        label = list(TOPICS)[index % len(TOPICS)]
        words = draw.sample(TOPICS[label], 3) + draw.sample(FILLERS, 4)
        draw.shuffle(words)
        made.append((" ".join(words), label))
    return made


def flipped(rows: list[tuple[str, str]], share: float, seed: int = 1) -> tuple[list[tuple[str, str]], set[int]]:
    draw = random.Random(seed)
    wrong = set(draw.sample(range(len(rows)), round(share * len(rows))))
    other = {label: [o for o in TOPICS if o != label] for label in TOPICS}
    return [(text, draw.choice(other[label]) if i in wrong else label) for i, (text, label) in enumerate(rows)], wrong


def record(text: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def test_most_flipped_labels_are_among_the_first_suspects(tmp_path: Path) -> None:
    rows, wrong = flipped(questions(300), 0.10)
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in rows])
    found = find_suspects(file)
    assert len(found.suspects) == 45
    lines = {suspect.line - 1 for suspect in found.suspects}
    assert len(lines & wrong) >= 0.9 * len(wrong)
    scores = [suspect.score for suspect in found.suspects]
    assert scores == sorted(scores, reverse=True)
    truth = dict(enumerate(label for _, label in questions(300)))
    marked = [suspect for suspect in found.suspects if suspect.fits_another]
    assert sum(suspect.suggested == truth[suspect.line - 1] for suspect in marked) >= 0.9 * len(marked)


def test_fields_of_json_answers_are_judged_each_and_a_named_one_alone(tmp_path: Path) -> None:
    rows, wrong = flipped(questions(120), 0.10)
    records = [
        record(text, json.dumps({"note": text[::-1], "topic": label, "urgent": index % 2 == 0}))
        for index, (text, label) in enumerate(rows)
    ]
    file = tiny.write_jsonl(tmp_path / "train.jsonl", records)
    assert [summary.field for summary in find_suspects(file).fields] == ["topic", "urgent"]
    found = find_suspects(file, fields=["topic"])
    assert [summary.field for summary in found.fields] == ["topic"]
    assert len({suspect.line - 1 for suspect in found.suspects} & wrong) >= 0.8 * len(wrong)


def test_a_wrong_label_copied_with_its_text_does_not_vouch_for_itself() -> None:
    rows = questions(90)
    copied = (rows[0][0], "account")
    judged = judge_labels([text for text, _ in rows[1:]] + [copied[0]] * 4, [label for _, label in rows[1:]] + ["account"] * 4)
    copies = [one for one in judged if one.position >= len(rows) - 1]
    assert len(copies) == 4
    assert all(one.fits_another and one.suggested == "billing" for one in copies)


def test_the_confident_joint_is_that_of_the_paper() -> None:
    # Thresholds are the means of the own probabilities: (0.9 + 0.7 + 0.2) / 3 = 0.6 and (0.8 + 0.6) / 2 = 0.7.
    own = [("a", 0.9), ("a", 0.7), ("a", 0.2), ("b", 0.8), ("b", 0.6)]
    probabilities = np.array([[p, 1 - p] if label == "a" else [1 - p, p] for label, p in own])
    given = np.array([0 if label == "a" else 1 for label, _ in own])
    judged = _judged(probabilities, given, np.ones(5, dtype=bool), np.array(["a", "b"], dtype=object))
    assert [one.fits_another for one in judged] == [False, False, True, False, False]
    assert [one.confidence for one in judged] == [p for _, p in own]
    assert [one.suggested for one in judged] == ["b", "b", "b", "a", "a"]


def test_a_label_that_stands_once_is_not_judged() -> None:
    rows = [*questions(60), ("quite another matter", "other")]
    judged = judge_labels([text for text, _ in rows], [label for _, label in rows])
    assert {one.position for one in judged} == set(range(60))


def test_the_same_file_and_seed_give_the_same_list(tmp_path: Path) -> None:
    rows, _ = flipped(questions(90), 0.10)
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in rows])
    assert find_suspects(file, seed=3) == find_suspects(file, seed=3)


def test_free_texts_need_a_job(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(text, f"{text} indeed") for text, _ in questions(30)])
    with pytest.raises(DataError) as caught:
        find_suspects(file)
    assert caught.value.code == "data.suspects.nothing_to_judge"


def job_on(file: Path, losses: list[list[float]]) -> jobs.Job:
    """A job whose log says these losses, epoch by epoch, in the order of the lines."""
    job = jobs.create_job("train", {"training_sha256": sha256_of(file), "training_file": str(file)})
    folder = jobs.job_dir(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"step": step, "line": line, "loss": loss, "tokens": 3}
        for step, epoch in enumerate(losses, 1)
        for line, loss in enumerate(epoch, 1)
    ]
    tiny.write_jsonl(folder / LOSS_LOG, rows)
    return job


def test_free_texts_are_ranked_by_the_losses_of_a_job(tmp_path: Path) -> None:
    rows = [record(text, f"{text} indeed") for text, _ in questions(80)]
    file = tiny.write_jsonl(tmp_path / "train.jsonl", rows)
    # All losses fall by far more than what is wrong with three of the examples.
    epochs = [[5 - epoch - index / 40 + (0.4 if index in (7, 30, 61) else 0) for index in range(80)] for epoch in range(2)]
    found = find_suspects(file, job=job_on(file, epochs).id, top=0.05)
    assert {suspect.line for suspect in found.suspects} >= {8, 31, 62}
    assert found.suspects[0].score == 1
    assert all(suspect.suggested is None and suspect.loss is not None for suspect in found.suspects)


def test_losses_and_folds_count_the_same(tmp_path: Path) -> None:
    rows, _ = flipped(questions(90), 0.10)
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in rows])
    alone = {s.line: s.score for s in find_suspects(file, top=1).suspects}
    hard = min(alone, key=lambda line: alone[line])
    losses = [[2.0 if line == hard else 1 - line / 1000 for line in range(1, 91)]]
    both = {s.line: s for s in find_suspects(file, job=job_on(file, losses).id, top=1).suspects}
    assert both[hard].score == pytest.approx((alone[hard] + 1) / 2)


def test_losses_of_another_file_are_refused(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in questions(30)])
    job = job_on(file, [[1.0] * 30])
    assert len(surplus_losses(job.id, file)) == 30
    file.write_text(file.read_text() + json.dumps(record("one", "more")) + "\n")
    with pytest.raises(DataError) as caught:
        surplus_losses(job.id, file)
    assert caught.value.code == "data.suspects.other_file"


def test_a_job_that_is_not_done_has_no_losses_yet(tmp_path: Path) -> None:
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in questions(30)])
    job = jobs.create_job("train", {"training_sha256": sha256_of(file)})
    with pytest.raises(DataError) as caught:
        surplus_losses(job.id, file)
    assert caught.value.code == "data.suspects.no_losses"


def test_the_command_prints_json_and_writes_a_list_to_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = flipped(questions(90), 0.10)
    file = tiny.write_jsonl(tmp_path / "train.jsonl", [record(*row) for row in rows])
    review = tmp_path / "review.jsonl"
    before = file.read_bytes()
    assert main(["data", "suspects", str(file), "--write", str(review), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    listed = [json.loads(line) for line in review.read_text().splitlines()]
    assert [row["line"] for row in listed] == [suspect["line"] for suspect in document["suspects"]]
    assert set(listed[0]) == {"line", "field", "given", "suggested", "score"}
    assert file.read_bytes() == before
    assert main(["data", "suspects", str(file)]) == 0
    assert "fit another label better" in capsys.readouterr().out
    assert main(["data", "suspects", str(file), "--field", "topik", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "data.field_unknown"
