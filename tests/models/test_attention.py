"""The packed, shared-prefix attention against transformers' own, sequence by sequence."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from tests import tiny

from honekit.models import attention, lora
from honekit.models.attention import DecodeLayout, PackedLayout, PrefixCache, PrefixLayout, SuffixCache

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}


@cache
def model_of(architecture: str, implementation: str = "hone") -> Any:
    return tiny.model(architecture, attention=implementation)


def reference(architecture: str, ids: list[int], implementation: str = "eager") -> torch.Tensor:
    """(T, V) logits of one sequence alone."""
    with torch.no_grad():
        return model_of(architecture, implementation)(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def forward(model: Any, ids: list[int], positions: torch.Tensor, layout: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), position_ids=positions, use_cache=False, hone_layout=layout).logits[0]


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("prefix", [0, 3, 17])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_each_packed_sequence_gets_the_outputs_it_has_alone(architecture: str, prefix: int, implementation: str) -> None:
    shared, suffixes = tiny.token_ids(prefix), [tiny.token_ids(n, seed=n) for n in (1, 9, 4, 23)]
    layout = PackedLayout(prefix, [len(s) for s in suffixes])
    row = [token for part in (shared, *suffixes) for token in part]
    packed = forward(model_of(architecture), row, layout.position_ids(), layout)
    parts = packed.split([prefix, *layout.lengths])
    for suffix, part in zip(suffixes, parts[1:], strict=True):
        alone = reference(architecture, shared + suffix, implementation)
        torch.testing.assert_close(torch.cat([parts[0], part]), alone, **TOLERANCE)


def test_long_rows_take_the_fused_kernel_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, suffixes = tiny.token_ids(11), [tiny.token_ids(n, seed=n) for n in (30, 5)]
    layout = PackedLayout(11, [30, 5])
    row = [token for part in (shared, *suffixes) for token in part]
    model = model_of("gemma3")
    plain = forward(model, row, layout.position_ids(), layout)
    monkeypatch.setattr(attention, "LARGE_SCORES", 0)
    fused = forward(model, row, layout.position_ids(), layout)
    torch.testing.assert_close(fused, plain, **TOLERANCE)


@pytest.mark.parametrize("window", [None, 6])
@pytest.mark.parametrize("prefix", [0, 11])
def test_a_row_at_once_gives_outputs_and_gradients_of_its_sequences_one_by_one(prefix: int, window: int | None) -> None:
    draw = torch.Generator().manual_seed(3)
    layout = PackedLayout(prefix, [9, 1, 14])
    rows = [torch.randn(1, heads, prefix + 24, 8, generator=draw).requires_grad_() for heads in (6, 2, 2)]
    found = []
    for function in (attention._whole_row, lambda *given: attention._packed(0, *given)):
        out = function(*rows, 0.3, window, layout, 0.0)
        found.append([out, *torch.autograd.grad((out**2).sum(), rows)])
    for at_once, one_by_one in zip(*found, strict=True):
        torch.testing.assert_close(at_once, one_by_one, **TOLERANCE)


def test_without_a_layout_the_model_is_an_ordinary_causal_one() -> None:
    ids = tiny.token_ids(20)
    for architecture in tiny.ARCHITECTURES:
        with torch.no_grad():
            ours = model_of(architecture)(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        torch.testing.assert_close(ours, reference(architecture, ids), **TOLERANCE)


def gradients(model: Any, rows: list[tuple[list[int], Any, list[slice]]]) -> dict[str, torch.Tensor]:
    """LoRA gradients of the summed next-token losses over the given slices of each row."""
    for parameter in model.parameters():
        parameter.grad = None
    for ids, layout, parts in rows:
        extra = {} if layout is None else {"position_ids": layout.position_ids(), "hone_layout": layout}
        logits = model(input_ids=torch.tensor([ids]), use_cache=False, **extra).logits[0]
        for part in parts:
            own = torch.tensor(ids)[part]
            torch.nn.functional.cross_entropy(logits[part][:-1], own[1:], reduction="sum").backward(retain_graph=True)
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def with_adapter(architecture: str, implementation: str) -> Any:
    model = tiny.model(architecture, attention=implementation)
    lora.inject(model, targets="all-linear", rank=4, alpha=8, dropout=0, seed=0)
    torch.manual_seed(5)
    with torch.no_grad():
        for _, layer in lora.layers(model):
            layer.lora_b.normal_(std=0.05)
    return model


@pytest.mark.parametrize("prefix", [0, 12])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_gradients_equal_those_of_the_examples_one_by_one(architecture: str, prefix: int) -> None:
    shared, suffixes = tiny.token_ids(prefix), [tiny.token_ids(n, seed=n) for n in (8, 15, 3)]
    layout = PackedLayout(prefix, [8, 15, 3])
    row = [token for part in (shared, *suffixes) for token in part]
    starts = [prefix, prefix + 8, prefix + 23]
    parts = [slice(s, s + n) for s, n in zip(starts, layout.lengths, strict=True)]
    packed = gradients(with_adapter(architecture, "hone"), [(row, layout, parts)])
    plain = gradients(with_adapter(architecture, "eager"), [(shared + s, None, [slice(prefix, None)]) for s in suffixes])
    assert packed.keys() == plain.keys()
    assert len(packed) == 2 * 7 * (3 if architecture == "gemma3" else 2)
    for name, expected in plain.items():
        assert (packed[name] - expected).abs().max() <= 1e-5 * expected.abs().max(), name


class Decoding:
    """Running sequences kept by hand, as a session does, each checked against a full forward at every step."""

    def __init__(self, architecture: str, shared: list[int]) -> None:
        self.architecture, self.shared = architecture, shared
        self.model = model_of(architecture)
        self.prefix = PrefixCache(len(shared))
        if shared:
            alone = forward(self.model, shared, torch.arange(len(shared))[None], PrefixLayout(self.prefix))
            torch.testing.assert_close(alone, reference(architecture, shared), **TOLERANCE)

    def prefill(self, suffixes: list[list[int]], capacity: int) -> SuffixCache:
        stored = SuffixCache(capacity)
        lengths = [len(s) for s in suffixes]
        layout = PackedLayout(len(self.shared), lengths, prefix=self.prefix, cache=stored)
        logits = forward(self.model, [t for s in suffixes for t in s], layout.position_ids(), layout)
        for suffix, part in zip(suffixes, logits.split(lengths), strict=True):
            torch.testing.assert_close(part, self.alone(suffix)[len(self.shared) :], **TOLERANCE)
        return stored

    def step(self, suffixes: list[list[int]], cache: SuffixCache, seed: int) -> None:
        """Append a token to each sequence."""
        new = tiny.token_ids(len(suffixes), seed=seed)
        layout = DecodeLayout(self.prefix, cache, torch.tensor([len(s) for s in suffixes]))
        logits = forward(self.model, new, layout.position_ids(), layout)
        for suffix, token, row in zip(suffixes, new, logits, strict=True):
            suffix.append(token)
            torch.testing.assert_close(row, self.alone(suffix)[-1], **TOLERANCE)

    def alone(self, suffix: list[int]) -> torch.Tensor:
        return reference(self.architecture, self.shared + suffix)


@pytest.mark.parametrize("prefix", [0, 4, 19])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_decoding_equals_a_full_forward_at_every_step_also_when_rows_leave(architecture: str, prefix: int) -> None:
    run = Decoding(architecture, tiny.token_ids(prefix))
    suffixes = [tiny.token_ids(n, seed=n) for n in (2, 11, 5, 1)]
    cache = run.prefill(suffixes, capacity=24)
    for step in range(4):
        run.step(suffixes, cache, step)
    suffixes = [suffixes[3], suffixes[1]]
    cache.keep(torch.tensor([3, 1]), capacity=20)
    assert cache.capacity == 20
    assert all(keys.shape[0] == 2 and keys.shape[2] == 20 for keys in cache.keys.values())
    for step in range(4, 8):
        run.step(suffixes, cache, step)


@pytest.mark.parametrize("prefix", [0, 9])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_sequences_of_a_later_prefill_join_a_running_group(architecture: str, prefix: int) -> None:
    from honekit.inference.session import _Group, _merge

    run = Decoding(architecture, tiny.token_ids(prefix))
    first = [tiny.token_ids(n, seed=n) for n in (7, 2)]
    group = _Group(run.prefix, run.prefill(first, capacity=12))
    run.step(first, group.cache, 1)
    second = [tiny.token_ids(n, seed=n) for n in (13,)]
    _merge(group, run.prefill(second, capacity=18), [])
    assert group.cache.capacity == 18
    for step in range(2, 5):
        run.step([*first, *second], group.cache, step)


def test_positions_go_on_from_the_prefix() -> None:
    assert PackedLayout(2, [3, 1]).position_ids().tolist() == [[0, 1, 2, 3, 4, 2]]
    cached = PackedLayout(2, [3, 1], prefix=PrefixCache(2))
    assert cached.position_ids().tolist() == [[2, 3, 4, 2]]
    decode = DecodeLayout(PrefixCache(2), SuffixCache(8), torch.tensor([3, 1]))
    assert decode.position_ids().tolist() == [[5, 3]]
