from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.data.near import search as near_search
from honekit.data.near.hashing import Hasher
from honekit.data.near.rule import THRESHOLD, jaccard, near_duplicates, near_duplicates_within, shingles
from honekit.data.near.search import Match, NearSearch, common_shingles

NONE = np.array([], dtype=np.uint64)
TEXTS = st.lists(
    st.one_of(
        st.lists(st.sampled_from(["aa", "b-b", "cc", "dd", "x1", "22", "-", "Ä", "漢字", "…"]), max_size=9).map(" ".join),
        st.text(max_size=20),
    ),
    max_size=12,
)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Callable[[], NearSearch]:
    """A search that takes the path of large inputs from the start."""
    monkeypatch.setattr(near_search, "EXACT_TEXTS", 20)
    monkeypatch.setattr(near_search, "_BATCH_TEXTS", 64)
    return NearSearch


def _pairs_of_sentences(count: int) -> list[str]:
    """Sentences, then an altered copy of each."""
    chance = random.Random(5)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(3000)]
    sentences = [chance.choices(words, k=24) for _ in range(count)]
    copies = [[*sentence[:-3], "and", "so", "on"] for sentence in sentences]
    return [" ".join(sentence) for sentence in [*sentences, *copies]]


@given(TEXTS)
@settings(deadline=None)
def test_hashed_shingles_are_as_alike_as_those_of_the_rule(texts: list[str]) -> None:
    if not texts:
        return
    values, ends = Hasher().hash_texts(texts, NONE)
    hashed = [set(part.tolist()) for part in np.split(values, ends[:-1])]
    sets = [shingles(text) for text in texts]
    assert [len(members) for members in hashed] == [len(members) for members in sets]
    for i in range(len(texts)):
        for j in range(i):
            shared = len(hashed[i] & hashed[j])
            assert shared / len(hashed[i] | hashed[j]) == jaccard(sets[i], sets[j])


@given(TEXTS)
@settings(deadline=None)
def test_a_few_texts_are_searched_exactly(texts: list[str]) -> None:
    search = NearSearch()
    for text in texts:
        search.add(text)
    if not common_shingles([shingles(text) for text in texts]):
        assert {match.later for match in search.matches()} == {j for _, j, _ in near_duplicates_within(texts)}


def test_many_texts_are_matched_with_few_misses_and_no_false_pair(large: Callable[[], NearSearch]) -> None:
    texts = _pairs_of_sentences(500)
    search = large()
    for text in texts:
        search.add(text)
    matches = search.matches()
    assert len(matches) >= 480
    for match in matches:
        assert match.earlier == match.later - 500
        assert match.similarity == pytest.approx(jaccard(shingles(texts[match.earlier]), shingles(texts[match.later])))
        assert match.similarity >= THRESHOLD


@pytest.mark.parametrize("exact_texts", [20, 4000])
def test_a_split_matches_only_across_it(monkeypatch: pytest.MonkeyPatch, exact_texts: int) -> None:
    monkeypatch.setattr(near_search, "EXACT_TEXTS", exact_texts)
    left = _pairs_of_sentences(20)
    right = [left[3] + " indeed", left[3] + " indeed", *_pairs_of_sentences(45)[40:45]]
    search = NearSearch()
    for text in [*left, *right]:
        search.add(text)
    expected = {40 + j for _, j, _ in near_duplicates(left, right)}
    assert expected == {40, 41}
    assert {match.later for match in search.matches(len(left))} == expected
    assert all(match.earlier < len(left) for match in search.matches(len(left)))
    assert search.matches(0) == []


@pytest.mark.parametrize("exact_texts", [20, 4000])
def test_a_pair_that_is_not_accepted_is_no_match(monkeypatch: pytest.MonkeyPatch, exact_texts: int) -> None:
    monkeypatch.setattr(near_search, "EXACT_TEXTS", exact_texts)
    search = NearSearch()
    for text in _pairs_of_sentences(30):
        search.add(text)
    found = {match.later for match in search.matches(accept=lambda earlier, later: later != 35)}
    assert 35 not in found
    assert len(found) >= 27


@pytest.mark.parametrize("exact_texts", [20, 4000])
def test_a_template_around_every_text_makes_none_alike(monkeypatch: pytest.MonkeyPatch, exact_texts: int) -> None:
    monkeypatch.setattr(near_search, "EXACT_TEXTS", exact_texts)
    template = "You are a careful assistant. Read the message below and name the team that has to handle it. Message:"
    bodies = [" ".join(sentence.split()[:6]) for sentence in _pairs_of_sentences(40)[:40]]
    search = NearSearch()
    for body in [*bodies, bodies[7]]:
        search.add(f"{template} {body}")
    assert search.matches() == [Match(7, 40, 1.0)]


def test_a_log_of_one_template_stays_linear(large: Callable[[], NearSearch]) -> None:
    search = large()
    for number in range(3000):
        search.add(f"pump-{number} tripped with {number / 10} A on motor start")
    assert [match.earlier for match in search.matches()] == [0] * 2999
