"""Results without their sums."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.results import Results
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

PAIRS = [(1200 + 37 * n, 8000 + 131 * n) for n in range(12)]


def usual() -> list[Turn]:
    return [
        conversation(line, f"The counter went from {old} to {new}.", f"Used: {new - old}\nDoubled: {2 * (new - old)}")
        for line, (old, new) in enumerate(PAIRS, 1)
    ]


@pytest.mark.parametrize("result", ["17340", "13840", "1834"])
def test_a_slip_is_told_with_what_comes_out(result: str) -> None:
    found = findings(Results(), [*usual(), conversation(13, "From 31870 to 50210.", f"Used: {result}")])
    assert [(one.code, one.line) for one in found] == [("data.answers.arithmetic", 13)]
    assert "18340 here" in found[0].message


def test_a_later_number_may_be_worked_out_from_an_earlier_one() -> None:
    rows = [(n, n + 3, 2 * n + 5) for n in range(21, 31)]
    turns = [
        conversation(
            line, f"{price} euros for {count}, {fee} for the way.", f"Goods {price * count}, in all {price * count + fee}."
        )
        for line, (count, price, fee) in enumerate(rows, 1)
    ]
    wrong = conversation(11, "50 euros for 40, 35 for the way.", "Goods 2000, in all 2053.")
    assert "2035 or 2050 here" in findings(Results(), [*turns, wrong])[0].message


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("From 31870 to 50210.", "Used: 18340"),
        ("From 31870 to 50210.", "Used: 99"),
        ("From 31870 to 50210, of which 1000 were lost.", "Used: 17340"),
        ("From 31870 to 50210.", "Nothing can be said."),
    ],
)
def test_what_comes_out_in_another_way_or_is_no_slip_passes(question: str, answer: str) -> None:
    assert findings(Results(), [*usual(), conversation(13, question, answer)]) == []


def test_where_results_mostly_do_not_come_out_nothing_is_told() -> None:
    others = [conversation(20 + n, f"From {n + 300} to {n + 900}.", f"About {n + 613}.") for n in range(6)]
    wrong = conversation(30, "From 31870 to 50210.", "Used: 17340")
    assert findings(Results(), [*usual(), *others, wrong]) == []


def test_parts_of_a_file_join() -> None:
    first, later = Results(), Results()
    first.see(Turns(usual()))
    later.see(Turns([conversation(1, "From 31870 to 50210.", "Used: 17340")]))
    first.join(later, 12)
    assert [one.line for one in first.finish()] == [13]
