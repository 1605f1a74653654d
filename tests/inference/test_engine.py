"""Batched generation against transformers' own, request by request."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import tiny

from honekit.errors import ModelError
from honekit.inference import engine as engine_module
from honekit.inference import session as session_module
from honekit.inference.engine import Engine, load_engine
from honekit.inference.requests import Completion, Request
from honekit.inference.sampling import SamplingParams
from honekit.inference.text import TextStream
from honekit.models import lora
from honekit.models.adapters import save_adapter
from honekit.models.fingerprint import fingerprint_base

LENGTHS = (3, 17, 9, 26, 11, 5, 30)
SYSTEM = tiny.token_ids(12, seed=42)
NEW = 14


@cache
def model(architecture: str, attention: str = "hone") -> Any:
    return tiny.model(architecture, attention=attention)


def engine(architecture: str = "llama", stop_ids: tuple[int, ...] = (tiny.END,), context: int = 512) -> Engine:
    return Engine(  # a model of its own, since the engine takes it over
        deepcopy(model(architecture)), tiny.template(), stop_ids=stop_ids, context_tokens=context, fingerprint=architecture
    )


def requests(shared: bool, **sampling: Any) -> list[Request]:
    params = SamplingParams(**{"max_new_tokens": NEW, **sampling})
    return [Request(SYSTEM + tiny.token_ids(n, seed=n), params, len(SYSTEM) if shared else 0) for n in LENGTHS]


@cache
def reference(architecture: str, stop_ids: tuple[int, ...]) -> list[list[int]]:
    return by_transformers(model(architecture, "sdpa"), stop_ids)


def by_transformers(model: Any, stop_ids: tuple[int, ...]) -> list[list[int]]:
    """transformers' greedy answers, one prompt at a time."""
    answers = []
    for request in requests(False):
        ids = torch.tensor([request.prompt_ids])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False,
            eos_token_id=list(stop_ids), pad_token_id=0,
        )  # fmt: skip
        answers.append(out[0, len(request.prompt_ids) :].tolist())
    return answers


@cache
def stops(architecture: str) -> tuple[int, ...]:
    """Tokens that end the greedy answers at different places: what some of them say at their second and sixth step."""
    free = reference(architecture, (tiny.END,))
    return (free[0][1], free[3][5], tiny.END)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_greedy_answers_are_those_of_transformers(architecture: str, batch_size: int, shared: bool) -> None:
    expected = reference(architecture, stops(architecture))
    assert len({len(answer) for answer in expected}) > 1  # they end at different steps
    done = engine(architecture, stops(architecture)).generate(requests(shared), batch_size)
    assert [c.token_ids for c in done] == expected
    for completion, answer in zip(done, expected, strict=True):
        assert completion.finish_reason == ("stop" if answer[-1] in stops(architecture) else "length")


def test_requests_that_join_at_any_step_get_the_same_answers() -> None:
    expected = reference("llama", stops("llama"))
    session = engine("llama", stops("llama")).open(batch_size=4)
    pending, got, numbers = list(enumerate(requests(True))), dict[int, list[int]](), dict[int, int]()
    while pending or session.busy:
        if pending:
            index, request = pending.pop(0)
            numbers[session.add(request)] = index
        for number, token in session.step():
            got.setdefault(numbers[number], []).append(token.token_id)
        assert session.active <= 4
    assert [got[i] for i in range(len(LENGTHS))] == expected


def test_prompts_with_different_prefixes_run_together() -> None:
    other = tiny.token_ids(10, seed=9)
    mixed = [
        Request([*prefix, *tiny.token_ids(6, seed=i)], SamplingParams(NEW), len(prefix))
        for i, prefix in enumerate([SYSTEM, other, [], SYSTEM, other])
    ]
    alone = [engine().generate([Request(r.prompt_ids, r.sampling)])[0].token_ids for r in mixed]
    assert [c.token_ids for c in engine().generate(mixed)] == alone


def test_a_prefill_of_several_rows_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PREFILL_TOKENS", 20)
    done = engine("llama", stops("llama")).generate(requests(True))
    assert [c.token_ids for c in done] == reference("llama", stops("llama"))


def test_logprobs_are_those_of_a_full_forward() -> None:
    made = engine()
    (completion,) = made.generate([Request(SYSTEM, SamplingParams(6, top_logprobs=3))])
    with torch.no_grad():
        ids = torch.tensor([SYSTEM + completion.token_ids])
        logprobs = model("llama", "sdpa")(ids).logits[0].log_softmax(-1)
    for place, token in enumerate(completion.tokens, start=len(SYSTEM) - 1):
        assert token.logprob == pytest.approx(float(logprobs[place, token.token_id]), abs=1e-4)
        assert [i for i, _, _ in token.top] == logprobs[place].topk(3).indices.tolist()
        assert token.bytes


def sampled(seed: int, neighbours: int, batch_size: int = 64) -> list[int]:
    mine = Request(SYSTEM + tiny.token_ids(5, seed=1), SamplingParams(NEW, temperature=0.9, top_p=0.95, seed=seed), 12)
    others = [
        Request(SYSTEM + tiny.token_ids(4 + i, seed=i + 50), SamplingParams(NEW, temperature=1.3), 12) for i in range(neighbours)
    ]
    return engine().generate([*others, mine], batch_size)[-1].token_ids


def test_a_seeded_answer_is_the_same_whatever_runs_beside_it() -> None:
    expected = sampled(seed=5, neighbours=0)
    assert sampled(5, neighbours=3) == sampled(5, neighbours=9, batch_size=4) == expected
    assert sampled(6, neighbours=0) != expected


def test_an_answer_that_was_told_goes_on_behind_that_as_it_would_have() -> None:
    def answered(seed: int, told: list[int], temperature: float = 0.9) -> list[int]:
        params = SamplingParams(NEW, temperature=temperature, seed=seed)
        mine = Request(SYSTEM + tiny.token_ids(5, seed=1), params, 12, scope="same", told=told)
        return engine(stop_ids=()).generate([*requests(True), mine])[-1].token_ids

    one, other, likeliest = answered(5, []), answered(6, []), answered(5, [], temperature=0)
    assert answered(5, one[:7]) == one  # the numbers behind those of the told tokens are drawn
    assert answered(6, one[:7])[:7] == one[:7] != other[:7]
    assert answered(5, other[:7], temperature=0)[:7] == other[:7] != likeliest[:7]
    assert answered(5, likeliest[:7], temperature=0) == likeliest


def text_of(completion: Completion) -> str:
    return "".join(token.text for token in completion.tokens)


def test_the_streamed_text_is_the_completions_and_the_tokens_are_those_of_the_batch() -> None:
    request = requests(True, temperature=1.5, seed=2)[4]
    (whole,) = engine(stop_ids=()).generate([request])
    streamed = list(engine(stop_ids=()).stream(request))
    assert [t.token_id for t in streamed] == whole.token_ids
    assert "".join(t.text for t in streamed) == whole.text == text_of(whole)
    assert [t.finish_reason for t in streamed] == [None] * (NEW - 1) + ["length"]


def test_stop_strings_end_an_answer_and_never_leak() -> None:
    free = engine(stop_ids=()).generate(requests(True, temperature=1.0, seed=4))
    checked = 0
    for index, completion in enumerate(free):
        if len(completion.text) < 3:
            continue
        stop = completion.text[1:3]
        again = engine(stop_ids=()).generate(requests(True, temperature=1.0, seed=4, stop=(stop,)))[index]
        assert again.finish_reason == "stop"
        assert again.text == completion.text[: completion.text.index(stop)]
        assert len(again.token_ids) < len(completion.token_ids) or completion.text.endswith(stop)
        checked += 1
    assert checked >= 3


def test_a_stop_token_gives_no_text_and_ends_the_answer() -> None:
    expected = reference("llama", stops("llama"))
    done = engine("llama", stops("llama")).generate(requests(True))
    ended = [c for c, answer in zip(done, expected, strict=True) if answer[-1] in stops("llama")]
    assert ended
    for completion in ended:
        stream = TextStream(tiny.tokenizer(), ())
        assert completion.text == "".join(stream.push(token) for token in completion.token_ids[:-1])
        assert completion.tokens[-1].finish_reason == "stop"


def test_a_cancelled_request_makes_no_more_tokens_and_the_others_go_on() -> None:
    session = engine(stop_ids=()).open(batch_size=3)
    numbers = [session.add(request) for request in requests(True)]
    expected = reference("llama", (tiny.END,))
    got: dict[int, list[int]] = {number: [] for number in numbers}
    for step in range(200):
        for number, token in session.step():
            got[number].append(token.token_id)
        if step == 3:
            session.cancel(numbers[1])  # running
            session.cancel(numbers[6])  # waiting
            made = len(got[numbers[1]])
        if not session.busy:
            break
    assert not session.busy
    assert session.active == 0
    assert 0 < made == len(got[numbers[1]]) < NEW
    assert got[numbers[6]] == []
    for index in (0, 2, 3, 4, 5):
        assert got[numbers[index]] == expected[index]


def test_the_context_ends_an_answer() -> None:
    request = Request(SYSTEM, SamplingParams(max_new_tokens=50))
    (completion,) = engine(stop_ids=(), context=len(SYSTEM) + 7).generate([request])
    assert len(completion.token_ids) == 7
    assert completion.finish_reason == "length"


def test_a_prefix_is_computed_once_and_the_work_is_counted() -> None:
    made = engine(stop_ids=())
    made.generate(requests(True))
    once = sum(LENGTHS) + len(SYSTEM)
    assert made.work.prompt_tokens == once
    assert made.work.new_tokens == len(LENGTHS) * (NEW - 1)  # the first token comes out of the prefill
    assert made.work.logit_rows == len(LENGTHS) * NEW
    made.generate(requests(True))
    assert made.work.prompt_tokens == once + sum(LENGTHS)


def test_each_finished_request_is_reported_once_with_its_index() -> None:
    finished: dict[int, Completion] = {}
    produced: list[int] = []
    done = engine(stop_ids=()).generate(
        requests(True), batch_size=2, on_finish=lambda i, c: finished.__setitem__(i, c), on_step=produced.append
    )
    assert [finished[i].token_ids for i in range(len(LENGTHS))] == [c.token_ids for c in done]
    assert sum(produced) == len(LENGTHS) * NEW


def test_a_loaded_engine_answers_as_the_base_and_as_the_adapter(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    trained = tiny.model(attention="sdpa")
    names = lora.inject(trained, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
    with torch.no_grad():
        for _, layer in lora.layers(trained):
            layer.lora_b.normal_(std=0.3, generator=torch.Generator().manual_seed(3))
    tensors = lora.peft_tensors(names, [v for _, layer in lora.layers(trained) for v in (layer.lora_a, layer.lora_b)])
    config = lora.peft_config(base=str(base), names=names, rank=4, alpha=8, dropout=0)
    adapter = save_adapter(tmp_path / "adapter", tensors, config, str(base), fingerprint_base(base))

    plain = load_engine(str(base), device="cpu", precision="fp32")
    tuned = load_engine(str(base), adapter, device="cpu", precision="fp32")
    assert plain.stop_ids == {tiny.END}
    assert plain.context_tokens == 512
    assert plain.fingerprint == fingerprint_base(base) != tuned.fingerprint
    assert [c.token_ids for c in tuned.generate(requests(True))] == by_transformers(trained.eval(), (tiny.END,))
    assert [c.token_ids for c in plain.generate(requests(True))] == reference("llama", (tiny.END,))

    other = tiny.save_base(tmp_path / "other", seed=1)
    with pytest.raises(ModelError) as refused:
        load_engine(str(other), adapter, device="cpu", precision="fp32")
    assert refused.value.code == "model.wrong_base"


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_text_is_scored_and_embedded_as_by_a_full_forward(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "SCORED_ROWS", 7)
    texts = [tiny.token_ids(n, seed=n) for n in (17, 1, 30)]
    made = engine(architecture)
    vectors = made.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        with torch.no_grad():
            out = model(architecture, "sdpa")(torch.tensor([text]), output_hidden_states=True)
        logprobs = out.logits[0].log_softmax(-1)
        assert torch.allclose(vector, torch.nn.functional.normalize(out.hidden_states[-1][0].mean(0), dim=0), atol=1e-4)
        scored = made.score(text, top=3)
        assert [entry.token_id for entry in scored] == text[1:]
        for place, entry in enumerate(scored):
            assert entry.logprob == pytest.approx(float(logprobs[place, text[place + 1]]), abs=1e-4)
            assert [i for i, _ in entry.top] == logprobs[place].topk(3).indices.tolist()


def test_a_prompt_that_fills_the_context_is_refused_before_anything_is_computed() -> None:
    small = engine(stop_ids=(), context=20)
    full = Request(tiny.token_ids(20, seed=2), SamplingParams(max_new_tokens=1))
    with pytest.raises(ModelError) as caught:
        small.generate([*requests(shared=False), full])
    assert caught.value.code == "model.prompt_too_long"
    assert small.work.prompt_tokens == 0
