"""Guessed next tokens: they change how many steps an answer takes, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny
from tests.inference.test_engine import NEW, SYSTEM, engine, reference, requests, stops

from honekit.inference import guesses as guesses_module
from honekit.inference.guesses import CONTEXTS, MOST_TOKENS, ROWS, Guesses, following, tokens_each
from honekit.inference.requests import Completion, Request
from honekit.inference.sampling import SamplingParams


def learnt(*texts: list[int]) -> Guesses:
    made = Guesses()
    for text in texts:
        made.learn_text(text)
    return made


def test_what_followed_last_is_guessed_and_more_context_wins() -> None:
    made = [learnt([1, 2, 3, 4, 5], [9, 2, 3, 7])]
    assert following(made, [1, 2, 3], 5, ()) == [4, 5]
    assert following(made, [8, 2, 3], 5, ()) == [7]
    assert following(made, [2, 3], 1, ()) == [7]
    assert following(made, [5, 5, 5], 5, ()) == [] == following([], [1, 2, 3], 5, ())


def test_the_first_source_wins_unless_another_knows_more_context() -> None:
    own, others = learnt([2, 3, 7]), learnt([1, 2, 3, 4], [8, 9, 5])
    assert following([own, others], [6, 2, 3], 1, ()) == [7]
    assert following([own, others], [1, 2, 3], 1, ()) == [4]
    assert following([own, others], [8, 9], 2, ()) == [5]


def test_nothing_is_guessed_behind_an_end() -> None:
    assert following([learnt([1, 2, 3, 4, 5, 6])], [1, 2], 4, {4}) == [3, 4]


def test_what_was_learnt_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses_module, "_KEPT", 50)
    made = learnt(list(range(1000)))
    assert len(made._after) <= 50 + len(CONTEXTS)
    assert following([made], [997, 998], 1, ()) == [999]


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), max_size=6), st.integers(-2, 8))
def test_each_guess_once_followed_the_tokens_before_it(text: list[int], before: list[int], most: int) -> None:
    found = following([learnt(text)], before, most, {3})
    assert len(found) <= max(most, 0) and 3 not in found[:-1]
    seen = [*before, *found]
    for place in range(len(before), len(seen)):
        pair = seen[place - 2 : place]
        assert any(text[i : i + 3] == [*pair, seen[place]] for i in range(len(text)))


@given(st.integers(0, 200))
def test_a_step_never_has_many_more_rows_than_it_can_have_for_nothing(running: int) -> None:
    each = tokens_each(running)
    assert 0 <= each <= MOST_TOKENS
    assert running * (1 + each) <= max(ROWS, running)


def in_scope(scope: str, **sampling: int) -> list[Request]:
    return [replace(request, scope=scope) for request in requests(True, **sampling)]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_answers_with_right_guesses_take_fewer_steps_and_are_the_same(architecture: str, batch_size: int) -> None:
    expected, made = reference(architecture, stops(architecture)), engine(architecture, stops(architecture))
    steps: list[list[int]] = [[], []]
    for counted in steps:
        before = replace(made.work)
        done = made.generate(in_scope("a"), batch_size, on_step=counted.append)
        assert [c.token_ids for c in done] == expected
        assert sum(counted) == sum(map(len, expected))
        # The first token of each answer comes with its prompt.
        assert made.work.minus(before).new_tokens == sum(len(answer) - 1 for answer in expected)
        assert made.work.minus(before).logit_rows == sum(map(len, expected))
    assert batch_size > ROWS or len(steps[1]) < len(steps[0])


@pytest.mark.parametrize("batch_size", [1, 3])
def test_answers_with_wrong_guesses_are_the_same(batch_size: int) -> None:
    expected, made = reference("llama", (tiny.END,)), engine()
    for request, answer in zip(requests(True), expected, strict=True):
        text = [*request.prompt_ids, *answer]
        for place in range(len(request.prompt_ids), len(text)):
            made.guesses("a").learn(text[:place], (text[place] + 1 + place % 2) % 90)
    # What is learnt on the way mends the guesses for the answers after.
    done = [made.generate([request], batch_size)[0] for request in in_scope("a")] if batch_size == 1 else []
    done = done or made.generate(in_scope("a"), batch_size)
    assert [c.token_ids for c in done] == expected


def test_guesses_come_from_the_same_scope_only() -> None:
    made = engine(stop_ids=())

    def steps(scope: str | None) -> int:
        counted: list[int] = []
        made.generate([replace(requests(True)[3], scope=scope)], on_step=counted.append)
        return len(counted)

    first = steps("a")
    assert steps("a") < first
    assert steps("b") == first == steps(None) == steps(None)


def test_only_the_scopes_that_were_used_last_are_remembered() -> None:
    made = engine()
    first = made.guesses("0")
    for number in range(1, 16):
        made.guesses(str(number))
    assert made.guesses("0") is first
    made.guesses("16")
    assert made.guesses("0") is first
    assert len(made._guesses) == 16 and "1" not in made._guesses


@pytest.mark.parametrize("context", [len(SYSTEM) + 34, len(SYSTEM) + 40, 512])
def test_guesses_end_where_the_answer_or_the_context_does(context: int) -> None:
    def answers(scope: str | None) -> list[Completion]:
        return made.generate([replace(request, scope=scope) for request in requests(True)], 1)

    made = engine(stop_ids=(), context=context)
    alone, again = answers("a"), answers("a")
    assert [(c.token_ids, c.finish_reason) for c in alone] == [(c.token_ids, c.finish_reason) for c in again]
    assert [len(c.token_ids) for c in again] == [min(NEW, context - len(r.prompt_ids)) for r in requests(True)]


def test_log_probabilities_and_texts_are_those_without_guesses() -> None:
    made = engine()
    first, again = (made.generate(in_scope("a", top_logprobs=3), 1) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.text == other.text
        for token, same in zip(one.tokens, other.tokens, strict=True):
            assert token.logprob == pytest.approx(same.logprob, abs=1e-4)
            assert [i for i, _, _ in token.top] == [i for i, _, _ in same.top]


def test_sampled_and_held_answers_run_beside_guessed_ones() -> None:
    made = engine(stop_ids=())
    drawn = Request(SYSTEM + tiny.token_ids(5, seed=1), SamplingParams(NEW, temperature=0.9, seed=7), len(SYSTEM), scope="a")
    penalised = replace(drawn, sampling=SamplingParams(NEW, frequency_penalty=1.5))
    alone = [engine(stop_ids=()).generate([one])[0].token_ids for one in (drawn, penalised)]
    expected = [c.token_ids for c in made.generate(in_scope("a"))]
    done = made.generate([*in_scope("a")[:3], drawn, penalised], 4)
    assert [c.token_ids for c in done] == [*expected[:3], *alone]
