"""One token from one row of logits: greedy, sampled, reproducible, with its log-probability."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from honekit.inference.sampling import Chosen, SamplingParams, adjust, choose, generator_of

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def draw(count: int, **changes: float) -> Counter[int]:
    params = SamplingParams(1, seed=7, **{"temperature": 1.0, **changes})  # type: ignore[arg-type]
    generator = generator_of(params)
    return Counter(choose(LOGITS[None], [params], [generator])[0].token_id for _ in range(count))


def test_temperature_0_takes_the_likeliest_with_its_logprob_and_the_next_ones() -> None:
    params = SamplingParams(1, top_logprobs=2)
    assert generator_of(params) is None
    (chosen,) = choose(LOGITS[None] + 3, [params], [None])
    assert isinstance(chosen, Chosen)
    assert chosen.token_id == 0
    assert chosen.logprob == pytest.approx(math.log(0.5), abs=1e-6)
    assert [i for i, _ in chosen.top] == [0, 1]
    assert [p for _, p in chosen.top] == pytest.approx([math.log(0.5), math.log(0.3)], abs=1e-6)


def test_what_stands_fixed_is_taken_with_its_own_logprob() -> None:
    params = [SamplingParams(1), SamplingParams(1, temperature=1.0, seed=7), SamplingParams(1)]
    chosen = choose(LOGITS.expand(3, -1), params, [generator_of(p) for p in params], [3, 2, None])
    assert [one.token_id for one in chosen] == [3, 2, 0]
    assert [one.logprob for one in chosen] == pytest.approx([math.log(p) for p in (0.05, 0.15, 0.5)], abs=1e-6)


def test_frequencies_follow_the_probabilities() -> None:
    counts = draw(4000)
    for token, probability in enumerate((0.5, 0.3, 0.15, 0.05)):
        assert abs(counts[token] / 4000 - probability) < 4 * math.sqrt(probability * (1 - probability) / 4000)


def test_temperature_sharpens_and_flattens() -> None:
    assert draw(500, temperature=0.2)[0] > 450
    assert draw(500, temperature=1e-4) == {0: 500}
    assert draw(2000, temperature=50.0)[3] > 400


def test_top_p_keeps_the_smallest_set_of_that_mass_and_always_the_likeliest() -> None:
    assert set(draw(300, top_p=0.81)) == {0, 1, 2}
    assert set(draw(300, top_p=0.79)) == {0, 1}
    assert set(draw(300, top_p=0.01)) == {0}
    assert set(draw(3, top_p=5e-324)) == {0}


def test_logprobs_are_those_of_the_unscaled_distribution() -> None:
    params = SamplingParams(1, temperature=0.3, top_p=0.9, seed=1)
    (chosen,) = choose(LOGITS[None], [params], [generator_of(params)])
    assert chosen.logprob == pytest.approx(float(LOGITS[chosen.token_id]), abs=1e-6)


def test_a_seed_gives_the_same_draws_in_any_company() -> None:
    params = SamplingParams(1, temperature=1.0, seed=3)

    def draws(neighbours: int) -> list[int]:
        others = [SamplingParams(1, temperature=1.0) for _ in range(neighbours)]
        generators = [generator_of(p) for p in (params, *others)]
        rows = LOGITS.expand(neighbours + 1, -1)
        return [choose(rows, [params, *others], generators)[0].token_id for _ in range(30)]

    assert draws(0) == draws(1) == draws(5)
    assert len(set(draws(0))) > 1


def test_without_a_seed_two_requests_differ() -> None:
    unseeded = SamplingParams(1, temperature=1.0)
    flat = torch.zeros(1, 50_000)
    picks = {choose(flat, [unseeded], [generator_of(unseeded)])[0].token_id for _ in range(4)}
    assert len(picks) > 1


def test_penalties_follow_the_published_formula_and_count_the_answers_own_tokens() -> None:
    params = SamplingParams(1, presence_penalty=0.5, frequency_penalty=-0.25, logit_bias=((2, 3.0), (0, -1.0)))
    (row,) = adjust(LOGITS[None], [params], [{0: 1, 3: 4}], [None])
    expected = LOGITS + torch.tensor([-0.5 + 0.25 - 1, 0, 3, -0.5 + 4 * 0.25])
    assert torch.allclose(row, expected, atol=1e-6)


def test_what_is_not_allowed_is_never_picked_nor_named_and_the_rest_sums_to_one() -> None:
    params = SamplingParams(1, temperature=1.0, seed=1, top_logprobs=4)
    allowed = torch.tensor([False, True, True])  # the fourth token is beyond the mask: not allowed either
    generator = generator_of(params)
    for _ in range(50):
        (chosen,) = choose(adjust(LOGITS[None], [params], [{}], [allowed]), [params], [generator])
        assert chosen.token_id in (1, 2)
        assert [i for i, _ in chosen.top] == [1, 2]
        assert sum(math.exp(p) for _, p in chosen.top) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_without_adjustments_keeps_its_bits_beside_one_that_has_some(dtype: torch.dtype) -> None:
    logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    plain, biased = SamplingParams(1), SamplingParams(1, logit_bias=((7, 100.0),))
    assert adjust(logits, [plain, plain], [{}, {}], [None, None]) is logits
    before = logits.clone()
    adjusted = adjust(logits, [plain, biased], [{}, {}], [None, None])
    assert torch.equal(adjusted[0], logits[0].float())
    assert int(adjusted[1].argmax()) == 7
    assert torch.equal(logits, before)
