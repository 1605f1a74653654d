"""Measures in another unit than nearly all answers use for such amounts."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.consistency.unit_systems import UnitSystems

CRATES = [f"The crate holds {amount} l." for amount in ("0.5", "3", "12", "7.5", "40", "0.75", "25", "2")]


@pytest.mark.parametrize("text", ["The crate holds 4500 ml.", "The crate holds 750 ml."])
def test_a_unit_that_such_amounts_do_not_have_elsewhere_is_told(text: str) -> None:
    found = findings(UnitSystems(), answers([*CRATES, *CRATES, text]))
    assert [(one.code, one.line) for one in found] == [("data.style.units", 17)]


def test_amounts_beyond_the_others_have_a_unit_of_their_own() -> None:
    assert findings(UnitSystems(), answers([*CRATES, *CRATES, "The vial holds 20 ml."])) == []


def test_two_usual_units_and_what_was_asked_for_are_no_drift() -> None:
    assert findings(UnitSystems(), answers([*CRATES, *["A mug of 600 ml."] * 3])) == []
    asked = conversation(17, "Is 4500 ml too much?", "4500 ml is fine.")
    assert findings(UnitSystems(), [*answers([*CRATES, *CRATES]), asked]) == []
