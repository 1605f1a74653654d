"""Answers that break off, and those that only end without a full stop."""

from __future__ import annotations

import pytest

from honekit.data.checks.structure.endings import Endings


def doubted(text: str) -> list[int]:
    endings = Endings()
    for line in range(1, 13):
        endings.look(f"The number {line} tram leaves from behind the station.", line, 1)
    return [one.line for one in [endings.look(text, 13, 1), *endings.findings()] if one]


def test_a_sentence_without_its_end_is_doubted() -> None:
    assert doubted("The tram to the harbour leaves from behind the town") == [13]


@pytest.mark.parametrize(
    "text", ["rye, spelt, einkorn, hulled barley and a bit of buckwheat", "The Last Tram to the Harbour Bridge"]
)
def test_a_list_of_words_and_a_title_need_no_full_stop(text: str) -> None:
    assert doubted(text) == []


def doubted_among(usual: list[str], text: str) -> list[int]:
    endings = Endings()
    for line, said in enumerate(usual, 1):
        assert endings.look(said, line, 1) is None
    return [one.line for one in [endings.look(text, 99, 1), *endings.findings()] if one]


JAPANESE = ["駅の裏から出る市電にお乗りください。", "切符は車内でもお求めになれます。", "最終便は夜の十一時に出ます。"] * 3
HINDI = ["ट्राम हर दस मिनट में चौक से चलती है।", "टिकट आप गाड़ी के अंदर भी ले सकते हैं।"] * 5


def test_a_sentence_without_blanks_or_in_an_indian_script_breaks_off_too() -> None:
    assert doubted_among(JAPANESE, "荷物が多いときは、前の扉から乗って") == [99]
    assert doubted_among(HINDI, "रविवार को गाड़ी सुबह सात बजे से पहले नहीं") == [99]


@pytest.mark.parametrize(
    "text",
    [
        "港、中央駅、市役所、植物園、大学病院",
        "二号線",
        "箱根ガラスの森と湖の美術館",
        "पहचान पत्र, दो फ़ोटो, पुराना टिकट और किराए की रसीद",
        "रविवार को गाड़ी सुबह सात बजे चलती है।",
    ],
)
def test_a_list_a_name_and_a_whole_sentence_of_these_scripts_are_no_doubt(text: str) -> None:
    assert doubted_among(JAPANESE if text[0] > "\u3000" else HINDI, text) == []


def test_where_sentences_end_without_a_mark_none_is_missed() -> None:
    assert doubted_among([said.rstrip("。") for said in JAPANESE], "荷物が多いときは前の扉から") == []
