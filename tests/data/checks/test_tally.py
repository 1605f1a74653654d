from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import conversation

from honekit.data.checks.tally import MAX_CATEGORIES, MAX_NAMES, MAX_PLACES, Tallies, Tally

COUNTED = st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["kind", "mark"]), st.sampled_from("abc")), max_size=90)


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


def test_a_tally_of_ever_new_categories_asks_for_no_more_places() -> None:
    tally = Tally()
    tally.add_each([*range(MAX_CATEGORIES + 1)], ((line, "") for line in range(MAX_CATEGORIES + 1)))
    places = iter([(1, "")] * 2)
    tally.add_each([-1, -2], places)
    assert tally.is_open and tally.total == MAX_CATEGORIES + 3 and next(places)
    assert len([*places]) == 1


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


@given(COUNTED, st.integers(0, 90))
def test_parts_joined_in_order_are_what_the_whole_gives(counted: list[tuple[int, str, str]], cut: int) -> None:
    whole, first, second = Tallies(), Tallies(), Tallies()
    for line, (task, name, category) in enumerate(counted, 1):
        task %= 20  # fewer than are told apart
        whole.add(task, name, category, line, "here")
        part, before = (first, 0) if line <= cut else (second, cut)
        part.add(task, name, category, line - before, "here")
    joined = Tallies()
    joined.join(first, 0)
    joined.join(second, cut)
    assert joined == whole


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=40), max_size=4), st.booleans())
def test_many_are_counted_together_as_one_after_the_other(blocks: list[list[tuple[int, str]]], one_task: bool) -> None:
    single, together = Tallies(), Tallies()
    for block in blocks:
        turns = [conversation(line, "why?", "So.", "" if one_task else f"Task {task}.") for line, (task, _) in enumerate(block)]
        together.add_each("kind", turns, [category for _, category in block])
        for turn, (_, category) in zip(turns, block, strict=True):
            single.add(turn.task, "kind", category, turn.line, turn.field)
    assert together == single
    assert [list(one["kind"].places) for one in together.by_task()] == [list(one["kind"].places) for one in single.by_task()]


@given(st.lists(st.tuples(st.booleans(), st.none() | st.booleans()), max_size=120))
def test_one_position_of_tuples_is_the_tally_that_counts_it_alone(categories: list[tuple[bool, bool | None]]) -> None:
    tuples, alone = Tally(), Tally()
    for line, category in enumerate(categories):
        tuples.add(category, line, "here")
        if category[1] is not None:
            alone.add(category[1], line, "here")
    assert tuples.of(1) == alone
    assert list(tuples.of(1).counts) == list(alone.counts)


def test_names_beyond_the_most_are_not_remembered() -> None:
    tallies, later = Tallies(), Tallies()
    for number in range(MAX_NAMES + 50):
        tallies.add(1, f"first {number}", "a", number, "")
        later.add(1, f"second {number}", "a", number, "")
    tallies.join(later, MAX_NAMES + 50)
    assert len(tallies.tasks[1]) == MAX_NAMES
    tallies.add(1, "first 0", "b", 1, "")
    assert tallies.tasks[1]["first 0"].total == 2
