from __future__ import annotations

from honekit.data.checks.tally import MAX_CATEGORIES, MAX_PLACES, Tallies, Tally


def test_the_few_that_differ_are_named_with_their_places() -> None:
    tally = Tally()
    for line in range(1, 11):
        tally.add("odd" if line == 4 else "usual", line, "here")
    assert list(tally.odd(share=0.9)) == [("odd", (4, "here"))]
    assert list(tally.odd(share=0.95)) == []


def test_a_tally_of_ever_new_categories_stays_small_and_names_none() -> None:
    tally = Tally()
    for line in range(3 * MAX_CATEGORIES):
        tally.add(line, line, "")
    assert tally.is_open and not tally.counts and not tally.places
    assert list(tally.odd(share=0.0)) == []


def test_only_the_first_places_of_a_category_are_remembered() -> None:
    tally = Tally()
    for line in range(1000):
        tally.add("same", line, "")
    assert len(tally.places["same"]) == MAX_PLACES and tally.counts["same"] == 1000


def test_small_tasks_are_judged_together_and_large_ones_alone() -> None:
    tallies = Tallies()
    for line in range(10):
        tallies.add(1, "kind", "a", line, "")
    for task in range(2, 8):
        tallies.add(task, "kind", "b", task, "")
    assert [tally.total for _, tally in tallies.all()] == [10, 6]
