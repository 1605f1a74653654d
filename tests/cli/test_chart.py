from __future__ import annotations

import itertools

from honekit.cli.chart import Series, draw


def dots(text: str) -> set[tuple[int, int]]:
    """Column and row of every dot, by Unicode's own numbering of the eight dots of a cell."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    found = set()
    for line, content in enumerate(text.splitlines()[:-1]):
        for cell, character in enumerate(content[9:]):
            found |= {(2 * cell + x, 4 * line + y) for bit, (x, y) in enumerate(places) if ord(character) - 0x2800 >> bit & 1}
    return found


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right_without_a_gap() -> None:
    text = draw([Series([(1, 4.0), (20, 1.0), (10, 2.0)])], 40, 5).plain
    found = dots(text)
    columns, rows = 2 * 31, 4 * 5
    assert {(0, 0), (columns - 1, rows - 1)} <= found
    assert {x for x, _ in found} == set(range(columns))
    tops = [min(y for x, y in found if x == column) for column in range(columns)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(tops))
    assert max(len(line) for line in text.splitlines()) <= 40


def test_the_axes_carry_their_ends() -> None:
    first, *_, low, axis = draw([Series([(3, 0.25), (48, 2.5)])], 40, 6).plain.splitlines()
    assert first.lstrip().startswith("2.5┤")
    assert low.lstrip().startswith("0.25┤")
    assert axis.split() == ["3", "48"]


def test_two_lines_share_their_axes_and_keep_their_styles() -> None:
    text = draw([Series([(0, 1.0), (9, 1.0)], "cyan"), Series([(0, 0.0), (9, 0.0)], "magenta")], 30, 3)
    assert {y for _, y in dots(text.plain)} == {0, 11}
    assert {"cyan", "magenta"} <= {str(span.style) for span in text.spans}


def test_one_point_no_point_and_many_points_in_a_column() -> None:
    assert len(dots(draw([Series([(1, 1.0)])], 20, 3).plain)) == 1
    assert draw([Series([])], 20, 3).plain == ""
    many = draw([Series([(x, x % 2) for x in range(10_000)])], 20, 3).plain
    assert len(dots(many)) >= 22
