"""Outputs of two runs beside each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from honekit.evals.side_by_side import differing


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_pieces_of_both_texts_join_to_the_texts_and_share_what_is_not_marked(a: str, b: str) -> None:
    of_a, of_b = differing(a, b)
    assert ("".join(piece.text for piece in of_a), "".join(piece.text for piece in of_b)) == (a, b)
    shared = [[piece.text for piece in pieces if not piece.is_own] for pieces in (of_a, of_b)]
    assert "".join(shared[0]) == "".join(shared[1])


def test_only_the_words_that_differ_are_marked() -> None:
    of_a, of_b = differing('{"category": "Power"}', '{"category": "Security"}')
    assert [piece.text for piece in of_a if piece.is_own] == ["Power"]
    assert [piece.text for piece in of_b if piece.is_own] == ["Security"]
