"""The time of a refusal does not tell what is another's from what is nobody's."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

import httpx
import pytest
from scipy.stats import mannwhitneyu
from tests.api.openai.seeds import RECIPES, Recipe, Seeds, of_owner
from tests.api.openai.test_tenants import IN_BODIES, WITH_ID, Put, owner, renamed, send, unknown
from tests.tiers import trials

from honekit.api.auth import create_key

__all__ = ["owner"]

TOLD_APART = 0.05
"""Beside what chance does: how far a guess by the times may be better than a coin."""


def advantage(one: list[float], other: list[float]) -> float:
    """How much better than a coin the times tell the two apart: 0 when not at all, 0.5 when always (|AUC - 0.5|)."""
    return abs(float(mannwhitneyu(one, other).statistic) / (len(one) * len(other)) - 0.5)


def by_chance(count: int) -> float:
    """What two samples of the same times show once in 100,000 trials at most: 4.5 standard deviations of the statistic."""
    return 4.5 * math.sqrt((2 * count + 1) / (12 * count * count))


def test_times_that_differ_by_a_deviation_would_be_noticed() -> None:
    draw = random.Random(1)
    slower, usual, same = ([draw.gauss(mean, 1.0) for _ in range(60)] for mean in (1.5, 0.0, 0.0))
    assert advantage(slower, usual) > TOLD_APART + by_chance(60) > advantage(usual, same)


@trials(small=40, gate=500, night=10_000)
@pytest.mark.parametrize("name", WITH_ID)
def test_a_refusal_takes_the_same_time_for_what_is_anothers_and_for_what_is_nobodys(
    name: str, owner: Seeds, server: str, shared_home: object, trials: int
) -> None:
    theirs = of_owner(name, owner)
    compare(server, name, theirs, lambda: renamed(theirs), trials)


@trials(small=40, gate=500, night=10_000)
@pytest.mark.parametrize(("name", "field", "value", "put"), [one for one in IN_BODIES if "{" not in one[0]])
def test_a_body_is_refused_as_fast_for_what_is_anothers_as_for_what_is_nobodys(
    name: str, field: str, value: Callable[[Seeds], str], put: Put, owner: Seeds, server: str, shared_home: object, trials: int
) -> None:
    body, theirs = RECIPES[name](owner).body or {}, value(owner)

    def naming(one: str) -> Recipe:
        return Recipe(body={**body, field: put(one)})

    compare(server, name, naming(theirs), lambda: naming(unknown(theirs)), trials)


def compare(server: str, name: str, theirs: Recipe, nobodys: Callable[[], Recipe], count: int) -> None:
    key, draw = create_key("stranger", project="stranger", scope="admin")[0], random.Random(name)
    took: dict[str, list[float]] = {"another's": [], "nobody's": []}
    with httpx.Client(timeout=60) as client:
        for _ in range(count):
            for whose, recipe in draw.sample([("another's", theirs), ("nobody's", nobodys())], 2):
                begun = time.perf_counter()
                answer = send(server, name, recipe, key, client)
                took[whose].append(time.perf_counter() - begun)
                assert answer.status_code in (400, 404), answer.text
    assert advantage(*took.values()) <= TOLD_APART + by_chance(count)
