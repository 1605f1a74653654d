from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from honekit.data.near.rule import (
    THRESHOLD,
    jaccard,
    masked_words,
    near_duplicates,
    near_duplicates_within,
    overlap_report,
    shingles,
    similar_groups,
)

WORDS = st.lists(st.sampled_from(["aa", "bb", "cc", "dd", "ee"]), max_size=12).map(" ".join)


def test_ids_and_numbers_are_masked_and_neighbouring_masks_count_once() -> None:
    assert masked_words("Pump-14 at 10:41:09 drew 23.7A, code GW-2107!") == ["#", "at", "#", "drew", "#", "code", "#"]


def test_two_lines_that_differ_in_ids_and_numbers_are_duplicates() -> None:
    left = "Jan 3 pump-14 tripped with 23.7 A on motor start"
    right = "Jan 9 pump-2 tripped with 8 A on motor start"
    assert near_duplicates([left], [right]) == [(0, 0, 1.0)]


def test_the_threshold_is_inclusive() -> None:
    seven_of_ten = jaccard(shingles("a b c d e f g h i"), shingles("x b c d e f g h i"))
    assert seven_of_ten == 6 / 8
    left = " ".join(f"w{chr(97 + n)}" for n in range(19))
    words = left.split()
    right = " ".join([*words[:-3], "x", "y", "z"])
    assert jaccard(shingles(left), shingles(right)) == 14 / 20
    assert near_duplicates([left], [right]) == [(0, 0, 0.7)]


def test_short_and_wordless_texts_are_compared_as_they_are() -> None:
    assert near_duplicates(["Can't log in"], ["can't log in"])
    assert near_duplicates(["hello"], ["HELLO"])
    assert not near_duplicates(["hello"], ["hello there"])
    assert not near_duplicates(["12345"], ["99"])
    assert not near_duplicates(["%%%"], ["???"])
    assert near_duplicates(["", "?"], ["?"]) == [(1, 0, 1.0)]


def test_texts_without_blanks_between_words_are_cut_into_characters() -> None:
    assert near_duplicates(["网关在夜间断开了连接并且没有恢复"], ["网关在夜间断开了连接并且没有恢复啊"])
    assert not near_duplicates(["网关在夜间断开了连接"], ["水泵电机过载保护跳闸"])


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=12))
def test_the_search_finds_exactly_what_comparing_all_pairs_finds(left: list[str], right: list[str]) -> None:
    every = [
        (i, j, jaccard(shingles(a), shingles(b)))
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if jaccard(shingles(a), shingles(b)) >= THRESHOLD
    ]
    assert near_duplicates(left, right) == every
    within = [(i, j, s) for i, j, s in near_duplicates(left, left) if i < j]
    assert near_duplicates_within(left) == within


def test_groups_follow_chains_of_near_duplicates() -> None:
    words = [chr(97 + n) * 2 for n in range(26)]
    chain = [" ".join(words[n : n + 20]) for n in (0, 2, 4, 6)]
    texts = [chain[0], "something else entirely here", chain[3], chain[1], chain[2]]
    assert similar_groups(texts) == [0, 1, 0, 0, 0]


def test_many_lines_of_few_templates_are_grouped_quickly() -> None:
    source = random.Random(0)
    templates = ["link {} lost on port {}", "battery {} low at {} volts now", "user {} logged in from {}"]
    texts = [source.choice(templates).format(source.random(), source.randrange(99)) for _ in range(20_000)]
    assert len(set(similar_groups(texts))) == 3


def test_overlap_is_the_share_of_a_slices_trigram_types_that_training_has() -> None:
    report = overlap_report(["a b c d"], {"half": ["a b c x"], "none": ["u v w"], "empty": []})
    assert report == {"half": 0.5, "none": 0.0, "empty": 0.0}
