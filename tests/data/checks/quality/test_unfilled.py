"""Slots of a template, and what only looks like them."""

from __future__ import annotations

import pytest

from honekit.data.checks.quality.unfilled import unfilled_slot


@pytest.mark.parametrize(
    "text", ["Dear {customer_name}, hello", "It's {first_name}", 'He said "hello {first_name}"', "{{ city }}"]
)
def test_a_slot_is_found(text: str) -> None:
    assert unfilled_slot(text)


@pytest.mark.parametrize(
    "text",
    [
        'query = f"SELECT 1 FROM mills WHERE id = {mill_id}"',
        "print(rf'{first_name} left')",
        'var text = $"Load {load_id}";',
        '@app.get("/silos/{silo_id}")',
        '"Sack {sack_no}".format(sack_no=n)',
        'text = f"""Dear\n{first_name}"""',
        "cost is {x}",
    ],
)
def test_an_expression_in_a_string_of_code_is_none(text: str) -> None:
    assert unfilled_slot(text) is None
