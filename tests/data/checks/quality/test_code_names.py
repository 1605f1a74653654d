"""Names in backticks that the code does not have."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.code_names import CodeNames
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

NAMES = ["read_all", "sendMail", "max_rows", "isOpen", "parse_row", "copyTo", "file_path"]


def usual() -> list[Turn]:
    return [conversation(line, f"x = {name}(1)", f"`{name}` is slow.") for line, name in enumerate(NAMES, 1)]


@pytest.mark.parametrize(
    "answer", ["`load_page` returns nothing.", "Here `loadPage()` never ends.", "The loop in `load_page` ends too soon."]
)
def test_a_name_that_is_nowhere_is_told(answer: str) -> None:
    found = findings(CodeNames(), [*usual(), conversation(8, "x = retry(1)", answer)])
    assert [(one.code, one.line) for one in found] == [("data.answers.unfounded", 8)]


@pytest.mark.parametrize(
    "answer",
    [
        "Use `lru_cache` here.",
        "`retry` should end. It is better with `max_tries`.",
        "Return `default_value` when nothing comes.",
        "`sleep` is missing.",
        "The loop never ends.",
    ],
)
def test_names_that_the_answer_brings_in_pass(answer: str) -> None:
    assert findings(CodeNames(), [*usual(), conversation(8, "x = retry(1)", answer)]) == []


def test_questions_without_code_are_not_looked_at() -> None:
    assert findings(CodeNames(), [*usual(), conversation(8, "How are settings kept?", "`app_config` keeps them.")]) == []


def test_parts_of_a_file_join() -> None:
    first, later = CodeNames(), CodeNames()
    first.see(Turns(usual()))
    later.see(Turns([conversation(1, "x = retry(1)", "`load_page` is slow.")]))
    first.join(later, 7)
    assert [one.line for one in first.finish()] == [8]
