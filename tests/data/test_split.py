from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from honekit.data.near.rule import near_duplicates
from honekit.data.split import split

WORDS = st.lists(st.sampled_from(["aa", "bb", "cc", "dd", "ee", "ff"]), min_size=1, max_size=6).map(" ".join)


@given(st.lists(st.tuples(WORDS, st.sampled_from("xyz")), min_size=1, max_size=60))
def test_near_duplicates_never_cross_a_split(rows: list[tuple[str, str]]) -> None:
    texts = [text for text, _ in rows]
    splits, groups = split(texts, [label for _, label in rows])
    by_split = {name: [t for t, s in zip(texts, splits, strict=True) if s == name] for name in set(splits)}
    for name, own in by_split.items():
        for other in set(by_split) - {name}:
            assert near_duplicates(own, by_split[other]) == []
    assert len({(g, s) for g, s in zip(groups, splits, strict=True)}) == len(set(groups))


def test_every_class_has_about_its_share_in_every_split() -> None:
    texts = [f"{chr(97 + n % 26)}q {chr(97 + n // 26)}w unlike {chr(97 + n % 23)}e" for n in range(200)]
    classes = ["rare" if n % 10 == 0 else "common" for n in range(200)]
    splits, _ = split(texts, classes)
    rare = Counter(s for s, c in zip(splits, classes, strict=True) if c == "rare")
    assert rare == {"train": 12, "test": 5, "validation": 3}
    assert Counter(splits) == {"train": 120, "test": 50, "validation": 30}


def test_the_seed_decides() -> None:
    texts = [f"{chr(97 + n)}q {chr(98 + n)}w" for n in range(20)]
    classes = ["c"] * 20
    assert split(texts, classes, 1) == split(texts, classes, 1)
    assert split(texts, classes, 1) != split(texts, classes, 2)


def test_large_data_sets_keep_test_and_validation_small() -> None:
    texts = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)} {chr(97 + n // 676)} x{chr(97 + n % 7)}" for n in range(4000)]
    counts = Counter(split(texts, ["c"] * 4000)[0])
    assert counts["test"] <= 401
    assert counts["validation"] <= 151
