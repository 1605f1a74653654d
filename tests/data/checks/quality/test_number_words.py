"""Numbers in words, in four languages."""

from __future__ import annotations

import pytest

from honekit.data.checks.quality.number_words import cardinal, numbers_in_words


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Three beds for two, room twenty-two", {3, 2, 22}),
        ("a hundred and five of two thousand three hundred", {105, 2300}),
        ("between four and six", {4, 6}),
        ("a dozen eggs", {12}),
        ("half a thousand", {500, 1000}),
        ("ein halbes Dutzend", {1, 6, 12}),
        ("une demi-douzaine", {1, 6, 12}),
        ("half of them", set()),
        ("Zweiundzwanzig Lampen, hundertfünf Schrauben, dreißig Nägel", {22, 105, 30}),
        ("soixante-dix-sept et quatre-vingt-trois", {77, 83}),
        ("treinta y dos, quinientos diez", {32, 510}),
        ("nothing to count", set()),
    ],
)
def test_numbers_are_read_from_words(text: str, numbers: set[int]) -> None:
    assert numbers_in_words(text) == numbers


def test_a_cardinal_means_its_number_and_nothing_else() -> None:
    assert [cardinal(word) for word in ("Five", "zwölf", "once", "both", "two-factor", "tips")] == [5, 12, None, None, None, None]
