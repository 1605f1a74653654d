"""A text that questions in two files are about."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from honekit.data.chat import readable_conversations
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.leakage.held_out import LeakageCheck

DANGERS = ("theft", "hail", "fire", "frost", "flood", "storm", "mice", "rust", "moss", "smoke", "sand", "ice")
PASSAGES = [
    f"Section {word} of the policy: what stands in the shed is covered against {word} up to 3,000 euros, if the shed has a lock "
    f"and the owner has told us of the {word} within seven days; tools of a trade are not covered."
    for word in DANGERS
]


def written(path: Path, inputs: list[str]) -> Path:
    records = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": f"It is {chr(97 + number) * 4}."}]}
        for number, asked in enumerate(inputs)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def lines(tmp_path: Path, train: list[str], test: list[str]) -> list[tuple[str, int]]:
    check = LeakageCheck(CheckOptions(test=written(tmp_path / "test.jsonl", test)))
    found = []
    for example in readable_conversations(written(tmp_path / "train.jsonl", train)):
        found += check.see(example)
    return [(one.severity, one.line) for one in (*found, *check.finish()) if one.code == "data.leak.group"]


def asked(passage: str, question: str) -> str:
    return f"{passage}\nQuestion: {question}"


def test_another_question_about_a_text_of_the_test_file_is_named(tmp_path: Path) -> None:
    train = [asked(passage, f"what is the limit in case {number}?") for number, passage in enumerate(PASSAGES)]
    assert lines(tmp_path, train, [asked(PASSAGES[4], "who has to be told, and when?")]) == [("warning", 5)]


def test_a_long_line_that_every_input_has_is_a_template(tmp_path: Path) -> None:
    train = [asked(PASSAGES[0], f"what about the {word}?") for word in DANGERS]
    assert lines(tmp_path, train, [asked(PASSAGES[0], "who has to be told, and when?")]) == []


def test_several_texts_that_a_search_has_found_are_no_group(tmp_path: Path) -> None:
    train = [asked(f"{one}\n{other}", "what is the limit?") for one, other in pairwise(PASSAGES)]
    assert lines(tmp_path, train, [asked(f"{PASSAGES[4]}\n{PASSAGES[9]}", "who has to be told, and when?")]) == []
