"""Packing: nothing lost, nothing doubled, nothing shared that is predicted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.train.batching import (
    MIN_SHARED,
    TokenExample,
    collate,
    epoch_order,
    microbatches,
    shared_prefix_length,
    steps_of_epoch,
)


@st.composite
def token_examples(draw: st.DrawFn) -> list[TokenExample]:
    """Conversations over a small alphabet, so that common beginnings occur, with any mask."""
    common = draw(st.lists(st.integers(3, 6), max_size=24))
    made = []
    for index in range(draw(st.integers(1, 7))):
        ids = common + draw(st.lists(st.integers(3, 6), min_size=2, max_size=12))
        # Often all first labels stand where the common beginning ends, or one beside it: there it must not be swallowed.
        near_end = st.integers(max(1, len(common) - 1), len(common) + 1)
        first = draw(st.one_of(near_end, st.integers(1, len(ids) - 1)))
        later = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(ids), max_size=len(ids)))
        weights = [0.0] * first + [1.0] + later[first + 1 :]
        made.append(TokenExample(index, index + 1, ids, weights))
    return made


def labels_of(examples: list[TokenExample]) -> Counter[tuple[int, int, float]]:
    return Counter((e.index, token, w) for e in examples for token, w in zip(e.token_ids, e.weights, strict=True) if w > 0)


@settings(deadline=None)  # the machine may be busy
@given(token_examples(), st.integers(1, 4), st.integers(1, 60), st.integers(0, 3))
def test_every_label_of_an_epoch_comes_exactly_once(
    examples: list[TokenExample], batch_size: int, max_tokens: int, seed: int
) -> None:
    seen: Counter[tuple[int, int, float]] = Counter()
    for step in steps_of_epoch(len(examples), batch_size, seed, epoch=1):
        for batch in microbatches([examples[i] for i in step], max_tokens, "cpu"):
            owners = [batch.examples[o].index for o in batch.owners.tolist()]
            seen.update(zip(owners, batch.labels.tolist(), batch.weights.tolist(), strict=True))
            assert len(batch.examples) == 1 or sum(len(e.token_ids) for e in batch.examples) <= max_tokens
    assert seen == labels_of(examples)


@settings(deadline=None)  # the machine may be busy
@given(token_examples())
def test_each_label_is_predicted_from_the_token_before_it(examples: list[TokenExample]) -> None:
    batch = collate(examples, "cpu")
    row, positions = batch.input_ids[0].tolist(), batch.layout.position_ids()[0].tolist()
    expected = [(e, p) for e in examples for p, weight in enumerate(e.weights) if weight > 0]
    assert batch.trained_tokens == len(expected)
    for (example, position), place, label in zip(expected, batch.predictors.tolist(), batch.labels.tolist(), strict=True):
        assert label == example.token_ids[position]
        assert row[place] == example.token_ids[position - 1]
        assert positions[place] == position - 1
    starts = [batch.layout.prefix_length]
    for example, length in zip(examples, batch.layout.lengths, strict=True):
        end = starts[-1] + length
        assert row[: starts[0]] + row[starts[-1] : end] == example.token_ids
        starts.append(end)
    assert starts[-1] == len(row) == batch.unique_tokens


@settings(deadline=None)  # the machine may be busy
@given(token_examples())
def test_a_shared_prefix_is_common_to_all_and_ends_before_the_first_prediction(examples: list[TokenExample]) -> None:
    shared = shared_prefix_length(examples)
    assert shared == 0 or shared >= MIN_SHARED
    assert len({tuple(e.token_ids[:shared]) for e in examples}) == 1
    # The token before the first label predicts it, so it must be the example's own.
    assert all(shared < e.first_label for e in examples)


@settings(deadline=None)  # the machine may be busy
@given(token_examples())
def test_the_longest_possible_prefix_is_shared(examples: list[TokenExample]) -> None:
    limit = min(min(len(e.token_ids), e.first_label) - 1 for e in examples)
    longest = next(n for n in range(limit, -1, -1) if len({tuple(e.token_ids[:n]) for e in examples}) == 1)
    assert shared_prefix_length(examples) == (longest if longest >= MIN_SHARED and len(examples) > 1 else 0)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 60), st.integers(0, 2**31 - 1), st.integers(0, 20))
def test_the_order_is_a_permutation_that_depends_on_seed_and_epoch_alone(count: int, seed: int, epoch: int) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order) == list(range(count))
    epoch_order(count + 1, seed + 1, epoch)
    assert epoch_order(count, seed, epoch) == order
    steps = steps_of_epoch(count, 7, seed, epoch)
    assert [i for step in steps for i in step] == order
    assert all(len(step) == 7 for step in steps[:-1])


def test_epochs_and_seeds_have_different_orders() -> None:
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_an_example_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="without trained tokens"):
        collate([TokenExample(0, 1, [3, 4], [0.0, 0.0])], "cpu")


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.0]])
def test_a_weight_on_the_first_token_or_a_missing_one_is_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        TokenExample(0, 1, [3, 4], weights)
