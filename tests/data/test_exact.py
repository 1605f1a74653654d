from __future__ import annotations

import random
from array import array

import pytest

from honekit.data import exact
from honekit.data.exact import ExactDuplicates, line_hash, text_hash


@pytest.mark.parametrize("most_in_memory", [10, 1000, 10**6])
def test_the_same_duplicates_are_found_in_memory_and_on_disk(most_in_memory: int) -> None:
    rng = random.Random(3)
    texts = [f"line {rng.randrange(400)}" for _ in range(3000)]
    first: dict[str, int] = {}
    expected = [(n, first[text]) for n, text in enumerate(texts, 1) if first.setdefault(text, n) != n]
    with ExactDuplicates(most_in_memory) as duplicates:
        for start in range(0, len(texts), 100):
            part = texts[start : start + 100]
            duplicates.add([text_hash(text) for text in part], list(range(start + 1, start + 1 + len(part))))
        assert duplicates.found(10**6) == (len(expected), expected)
        assert duplicates.found(7) == (len(expected), expected[:7])


def test_many_lines_are_sorted_by_numpy_with_the_same_result() -> None:
    with ExactDuplicates() as duplicates:
        duplicates.add([text_hash(str(n % 24_000)) for n in range(25_000)], list(range(1, 25_001)))
        total, pairs = duplicates.found(3)
    assert total == 1000
    assert pairs == [(24_001, 1), (24_002, 2), (24_003, 3)]


def test_a_line_that_fills_the_file_is_counted_in_runs_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_RUN", 70)
    with ExactDuplicates(1000) as duplicates:
        for start in range(0, 30_000, 500):
            numbers = range(start + 1, start + 501)
            duplicates.add([text_hash("the same" if n % 3 else f"other {n % 2000}") for n in numbers], list(numbers))
        total, pairs = duplicates.found(4)
    assert total == 30_000 - 1 - 2000
    assert pairs == [(2, 1), (4, 1), (5, 1), (7, 1)]


@pytest.mark.parametrize("size", [50, 25_000])
@pytest.mark.parametrize("most_in_memory", [60, 10**6])
def test_lines_of_later_parts_count_from_the_lines_before(size: int, most_in_memory: int) -> None:
    hashes, lines = (array("Q", numbers).tobytes() for numbers in (range(size), range(1, size + 1)))
    with ExactDuplicates(most_in_memory) as duplicates:
        for before in (0, 2 * size, 7 * size):
            duplicates.add_packed(hashes[:80], lines[:80], before)
            duplicates.add_packed(hashes[80:], lines[80:], before)
        total, pairs = duplicates.found(10**6)
    assert total == 2 * size
    assert pairs == [(n + before, n) for before in (2 * size, 7 * size) for n in range(1, size + 1)]


def test_a_text_and_its_bytes_have_the_same_hash() -> None:
    assert text_hash("größer") == line_hash("größer".encode())
