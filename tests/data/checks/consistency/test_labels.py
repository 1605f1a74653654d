from __future__ import annotations

import pytest
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.declared_labels import declared_labels
from honekit.data.checks.consistency.labels import Labels

WORDS = st.text(alphabet="abcd", max_size=7)


def slips(*texts: str) -> list[tuple[int, str]]:
    return [(found.line, found.code) for found in findings(Labels(), answers(texts)) if found.code == "data.labels.misspelt"]


@pytest.mark.parametrize("wrong", ["Sensor-Fault", "SENSOR_FAULT", "sensorfault", "sensor fautl", "senser fault"])
def test_a_rare_variant_of_a_frequent_label_is_misspelt(wrong: str) -> None:
    texts = ["sensor fault"] * 5 + ["power"] * 4 + [wrong]
    assert slips(*texts) == [(10, "data.labels.misspelt")]


@pytest.mark.parametrize(
    ("usual", "other"), [("valid", "invalid"), ("import", "export"), ("level 1", "level 2"), ("male", "female"), ("on", "off")]
)
def test_another_word_is_no_misspelling(usual: str, other: str) -> None:
    assert slips(*[usual] * 6, *["unrelated"] * 4, other) == []


def test_texts_that_do_not_come_back_are_no_labels() -> None:
    assert slips("red roof", "red root", "old door", "old floor", "big house", "pig house", "new lamp", "new camp") == []


@pytest.mark.parametrize(
    ("prompt", "known", "declared"),
    [
        (
            "Route it. Answer with one word: billing, login, delivery or other.",
            ["billing", "login"],
            "billing login delivery other",
        ),
        ("Classify the text as positive, negative or neutral.", ["positive", "negative"], "positive negative neutral"),
        ("Labels:\n- bill: about invoices\n- login: sign in\n- other: the rest\n", ["bill", "login"], "bill login other"),
        ('Return {"severity": "low" | "medium" | "high"}', ["low", "high"], "low medium high"),
        ('Reply {"team": "bill|login", "urgent": true|false}', ["bill", "login"], "bill login"),
        ("口コミを満足、不満、質問に分類してください。", ["満足", "不満", "質問"], "満足 不満 質問"),
        ("You are a helpful assistant, be kind and honest.", ["billing", "login"], ""),
        ("We speak of billing and login.", ["billing", "login", "delivery"], ""),
    ],
)
def test_labels_that_a_prompt_names_are_read_from_it(prompt: str, known: list[str], declared: str) -> None:
    assert declared_labels(prompt, known) == declared.split()


def test_rare_labels_are_told_where_nearly_all_answers_are_one() -> None:
    found = findings(Labels(), answers([*["fresh"] * 20, "stale", "mouldy", "stale", "unripe"]))
    assert [one.code for one in found] == ["data.labels.rare"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("我认为应该归入退款。", ["data.format.not_label"]),
        ("不属于退款。", []),
        ("退款。", []),
        ("退款或者换货都可以。", []),
        ("退款申请", []),
    ],
)
def test_a_sentence_around_a_label_shows_without_blanks(text: str, codes: list[str]) -> None:
    found = findings(Labels(), answers([*["退款"] * 6, *["换货"] * 5, text]))
    assert [one.code for one in found if one.code == "data.format.not_label"] == codes
