"""The fused Llama against transformers' layer by layer forward, under every layout."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from tests import tiny

from honekit.inference import fused as fused_module
from honekit.inference.fused import FusedLlama
from honekit.models import lora
from honekit.models.attention import DecodeLayout, PackedLayout, PrefixCache, PrefixLayout, SuffixCache
from honekit.models.llama import is_plain_llama

CHANGES: list[dict[str, Any]] = [
    {},
    {"num_key_value_heads": 4},
    {"num_key_value_heads": 1, "head_dim": 16},
    {"tie_word_embeddings": False},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_prefix_prefill_and_decoding_give_the_models_logits(changes: dict[str, Any]) -> None:
    plain = tiny.model(**changes)
    assert is_plain_llama(plain)
    fused = FusedLlama(deepcopy(plain))

    def theirs(ids: torch.Tensor, positions: torch.Tensor, layout: Any, keep: Any) -> torch.Tensor:
        return plain(
            input_ids=ids, position_ids=positions, use_cache=False, hone_layout=layout, logits_to_keep=keep
        ).logits[0]  # fmt: skip

    def run(forward: Any) -> list[torch.Tensor]:
        with torch.no_grad():
            prefix, cache = PrefixCache(9), SuffixCache(20)
            outs = [forward(torch.tensor([tiny.token_ids(9)]), torch.arange(9)[None], PrefixLayout(prefix), 1)]
            layout = PackedLayout(9, [4, 7], prefix=prefix, cache=cache)
            row = torch.tensor([tiny.token_ids(11, seed=1)])
            outs.append(forward(row, layout.position_ids(), layout, torch.tensor([3, 10])))
            for step in range(3):
                decode = DecodeLayout(prefix, cache, torch.tensor([4, 7]) + step)
                ids = torch.tensor([tiny.token_ids(2, seed=step + 5)])
                outs.append(forward(ids, decode.position_ids(), decode, 0))
            return outs

    for mine, expected in zip(run(fused), run(theirs), strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=2e-5)


def test_in_bf16_the_logits_stay_as_near_to_fp32_as_the_models_own() -> None:
    exact, plain = tiny.model(), tiny.model().bfloat16()
    fused = FusedLlama(deepcopy(plain))
    ids = torch.tensor([tiny.token_ids(30)])

    def logits(model: Any) -> torch.Tensor:
        layout = PackedLayout(0, [30], prefix=PrefixCache(0))
        with torch.no_grad():
            if isinstance(model, FusedLlama):
                return model(ids, layout.position_ids(), layout, 0).float()
            row = {"input_ids": ids, "position_ids": layout.position_ids()}
            return model(**row, use_cache=False, hone_layout=layout).logits[0].float()

    reference, theirs, mine = logits(exact), logits(plain), logits(fused)
    assert (mine - reference).abs().mean() < 1.5 * (theirs - reference).abs().mean() + 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_row_of_a_linear_layer_has_the_same_bits_in_any_company(dtype: torch.dtype) -> None:
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        pytest.skip("this torch has no oneDNN")
    draw = torch.Generator().manual_seed(1)
    for out, width in ((48, 64), (960, 576), (576, 1536)):
        rows, weight = torch.randn(100, width, generator=draw).to(dtype), torch.randn(out, width, generator=draw).to(dtype)
        packed = fused_module._packed(weight)
        together = fused_module._linear(rows, packed)
        torch.testing.assert_close(together, rows @ weight.T, rtol=2e-2, atol=1e-3 if dtype == torch.float32 else 0.5)
        for count in (1, 2, 3, 5, 16, 33):
            assert torch.equal(fused_module._linear(rows[7 : 7 + count], packed), together[7 : 7 + count]), (out, count)


def test_where_kernels_change_with_the_number_of_rows_blocks_of_one_size_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_module, "_is_one_kernel", lambda weight: False)
    draw = torch.Generator().manual_seed(2)
    rows, weight = (torch.randn(count, 64, generator=draw).bfloat16() for count in (70, 48))
    together = fused_module._linear(rows, weight)
    torch.testing.assert_close(together, rows @ weight.T, rtol=2e-2, atol=0.5)
    for count in (1, 2, 31, 32, 33, 64):
        assert torch.equal(fused_module._linear(rows[3 : 3 + count], weight), together[3 : 3 + count]), count


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("qwen3", {}),
        ("gemma3", {}),
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"hidden_act": "gelu"}),
        ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}}),
    ],
    ids=str,
)
def test_what_differs_from_a_plain_llama_runs_through_transformers(architecture: str, changes: dict[str, Any]) -> None:
    assert not is_plain_llama(tiny.model(architecture, **changes))


def test_a_kept_model_is_copied_with_its_adapters_and_goes_on_being_trained() -> None:
    plain = tiny.model()
    lora.inject(plain, targets="all-linear", rank=3, alpha=6, dropout=0, seed=0)
    ids = torch.tensor([tiny.token_ids(12)])
    layout = PackedLayout(0, [12], prefix=PrefixCache(0))

    def logits(forward: Any) -> torch.Tensor:
        with torch.no_grad():
            return forward(ids, torch.arange(12)[None], layout, 12)  # type: ignore[no-any-return]

    bare = logits(FusedLlama(plain, keep=True))
    with torch.no_grad():
        for _, layer in lora.layers(plain):
            layer.lora_b.normal_(std=0.3, generator=torch.Generator().manual_seed(3))
    copied = FusedLlama(plain, keep=True)
    expected = plain(input_ids=ids).logits[0].detach()
    assert not torch.allclose(expected, bare, atol=0.1)
    torch.testing.assert_close(logits(copied), expected, rtol=1e-4, atol=1e-4)
    plain(input_ids=ids).logits.sum().backward()
    assert all(layer.lora_a.grad is not None for _, layer in lora.layers(plain))
