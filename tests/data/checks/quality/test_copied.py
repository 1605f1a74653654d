"""Values of another row, and what only looks like them."""

from __future__ import annotations

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.copied import CopiedValues

NOTES = [
    ("Metformin continued at the old dose", "Metformin"),
    ("stopped ramipril because of a cough", "ramipril"),
    ("amoxicillin for the ear, review on Friday", "amoxicillin"),
    ("sleeps better on mirtazapine", "mirtazapine"),
    ("warfarin reduced after a high reading", "warfarin"),
    ("needs more salbutamol", "salbutamol"),
    ("a rash after codeine", "codeine"),
    ("sertraline well tolerated", "sertraline"),
    ("reflux settled with omeprazole", "omeprazole"),
    ("furosemide in the morning now", "furosemide"),
    ("gout again, colchicine started", "colchicine"),
]


def found_with(answers: dict[int, str], inputs: dict[int, str] | None = None) -> list[tuple[int, str]]:
    turns = [
        conversation(line, (inputs or {}).get(line, asked), answers.get(line, answer))
        for line, (asked, answer) in enumerate(NOTES, 1)
    ]
    return [(one.line, one.message) for one in findings(CopiedValues(), turns)]


def test_answers_of_the_row_before_and_after_are_found() -> None:
    assert found_with({}) == []
    assert found_with({3: "ramipril", 8: "omeprazole"}) == [
        (3, '"ramipril" stands nowhere in the input, but in that of line 2'),
        (8, '"omeprazole" stands nowhere in the input, but in that of line 9'),
    ]


def test_a_value_that_the_own_input_has_in_another_form_is_not_of_another_row() -> None:
    assert found_with({4: "Italy"}, {4: "Italian law governs the lease", 5: "the contract was signed in Italy, warfarin"}) == []


def test_a_value_in_no_input_nearby_is_not_of_another_row() -> None:
    assert found_with({3: "omeprazole"}) == []


def test_the_singular_of_what_the_input_has_is_no_slip() -> None:
    inputs = {3: "a hundred envelopes C5, please", 6: "order 77 of Orbit Gmbh"}
    assert [line for line, _ in found_with({3: "envelope C5", 6: "Orbis GmbH"}, inputs)] == [6]
