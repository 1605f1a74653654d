"""Names among marks."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.privacy.unmasked import Unmasked
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

LEFT = ("In the morning, Amelie Torres lost a key.", "A key was lost by Amelie Torres.")


def turns(left: tuple[str, str], mark: str = "[NAME]", count: int = 19) -> list[Turn]:
    marked = [conversation(line, f"On day {line} {mark} found a coin.", f"{mark} found one.") for line in range(1, count + 1)]
    return [*marked, conversation(count + 1, *left)]


@pytest.mark.parametrize("mark", ["[NAME]", "<PERSON_1>", "{{name}}", "[Patient Name]", "XXX"])
def test_a_name_is_told_where_all_others_have_a_mark(mark: str) -> None:
    found = findings(Unmasked(), turns(LEFT, mark))
    assert [(one.code, one.line, one.field) for one in found] == [("data.privacy.name", 20, "messages[0].content")]
    assert "Torres" not in found[0].message


@pytest.mark.parametrize(
    "left",
    [
        ("In the morning, somebody lost a key.", "A key was lost."),
        ("A key was lost in Villa Torres.", "It was lost in Villa Torres."),
        ("We lost a key on the way to Elder Street.", "A key is missing, go to Elder Street."),
        ("In the morning, Amelie Torres lost a key.", "A key was lost."),
        ("In the morning, [NAME] told Amelie Torres.", "That was told to Amelie Torres."),
    ],
)
def test_what_need_not_be_a_name_or_stands_beside_a_mark_is_none(left: tuple[str, str]) -> None:
    assert findings(Unmasked(), turns(left)) == []


def test_a_file_without_marks_has_none() -> None:
    assert findings(Unmasked(), turns(LEFT, "somebody")) == []
    assert findings(Unmasked(), turns(LEFT, count=4)) == []


def test_parts_join() -> None:
    first, second = Unmasked(), Unmasked()
    first.see(Turns(turns(LEFT)[:10]))
    later = turns(LEFT)[10:]
    for line, turn in enumerate(later, 1):
        turn.line = line
    second.see(Turns(later))
    first.join(second, 10)
    assert [one.line for one in first.finish()] == [20]
