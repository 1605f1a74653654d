"""The metrics against the reference packages' own numbers (make_reference_metrics.py), and by what must always hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.graders.faults import GradingFault
from honekit.graders.meteor import meteor
from honekit.graders.schema import Metric
from honekit.graders.similarity import MAX_SIMILARITY_CHARS, similarity, tokens

REFERENCE = json.loads(Path(__file__).with_name("reference_metrics.json").read_text(encoding="utf-8"))
METRICS = get_args(Metric)
TEXTS = st.text(alphabet="abc dé.\n", max_size=40)


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "cosine"])
def test_the_numbers_are_those_of_the_reference_packages(metric: str) -> None:
    for pair in REFERENCE["pairs"]:
        assert similarity(metric, pair["text"], pair["reference"]) == pytest.approx(pair[metric], abs=1e-9), pair


def test_cosine_of_word_counts_by_hand() -> None:
    # (2, 1, 0) and (1, 0, 1): 2 / (sqrt 5 * sqrt 2)
    assert similarity("cosine", "Pump, pump FAN", "pump belt") == pytest.approx(2 / 10**0.5)
    assert similarity("cosine", "pump", "fan") == 0
    assert similarity("cosine", "", "fan") == 0


def test_cosine_of_embeddings_that_the_caller_makes() -> None:
    vectors = {"left": [3.0, 4.0], "right": [4.0, 3.0], "away": [-3.0, -4.0], "none": [0.0, 0.0]}

    def embed(texts: Any) -> list[list[float]]:
        return [vectors[text] for text in texts]

    assert similarity("cosine", "left", "right", embed) == pytest.approx(24 / 25)
    assert similarity("cosine", "left", "away", embed) == 0
    assert similarity("cosine", "left", "none", embed) == 0


def test_meteor_by_hand() -> None:
    # Six matches of six and seven tokens, in the chunks "the cat", "sat on the mat": F = 10PR/(R+9P), penalty 0.5 (2/6)^3.
    text, reference = tokens("the cat sat on the mat"), tokens("the cat was sat on the mat")
    precision, recall = 1, 6 / 7
    mean = 10 * precision * recall / (recall + 9 * precision)
    assert meteor(text, reference) == pytest.approx(mean * (1 - 0.5 * (2 / 6) ** 3))
    assert meteor(["running"], ["runs"]) == pytest.approx(0.5)
    assert meteor(["y" * 100_000], ["y" * 100_000]) == pytest.approx(0.5)
    assert meteor(["car"], ["automobile"]) == 0  # synonyms would need WordNet


@given(TEXTS, TEXTS, st.sampled_from(METRICS))
def test_every_metric_stays_between_0_and_1(text: str, reference: str, metric: str) -> None:
    assert 0 <= similarity(metric, text, reference) <= 1


@given(st.lists(st.sampled_from("abcde"), min_size=5, max_size=12), st.sampled_from([m for m in METRICS if m != "meteor"]))
def test_a_text_is_wholly_like_itself(letters: list[str], metric: str) -> None:
    text = " ".join(letters)
    assert similarity(metric, text, text) == pytest.approx(1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_text_over_the_limit_is_a_fault_and_one_at_the_limit_is_graded(metric: str) -> None:
    at_limit = ("a " * MAX_SIMILARITY_CHARS)[:MAX_SIMILARITY_CHARS]
    assert similarity(metric, at_limit, at_limit[::-1]) > 0
    with pytest.raises(GradingFault) as caught:
        similarity(metric, at_limit + "x", "a")
    assert caught.value.flag == "truncated_observation_error"
