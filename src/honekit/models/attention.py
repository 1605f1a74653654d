"""One attention for training, prefill and decoding in which a shared prompt prefix is computed once.

Sequences lie packed in one row of tokens, with no padding in any linear layer: `[prefix][suffix 1][suffix 2]...`.
Every suffix sees the prefix and itself, never another suffix, so each example's outputs and gradients are those that it
would have alone (prefix-tree attention, as in arXiv:2511.00413). The function plugs into transformers' attention
interface under the name `hone`, and so serves every architecture that uses it; the layout travels as the keyword
argument `hone_layout` of the model's forward.

Letters in shapes: T packed tokens, P prefix tokens, B sequences, n tokens of one suffix, H query heads, K key/value
heads, G = H / K, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from honekit.errors import ModelError

NAME = "hone"
LARGE_SCORES = 16_000_000
"""Elements of one sequence's score matrix (H * n * seen) above which the fused kernel is used."""


@dataclass
class PackedLayout:
    """Packed suffixes after one prefix, which is either the first tokens of the row or comes from `prefix`.

    With `cache` set, the keys and values of the suffixes are stored there for decoding.
    """

    prefix_length: int
    lengths: list[int]
    prefix: PrefixCache | None = None
    cache: SuffixCache | None = None
    device: torch.device | str = "cpu"

    def __post_init__(self) -> None:
        self._masks: dict[tuple[int, int, int | None, torch.dtype], Tensor] = {}

    @property
    def in_row(self) -> int:
        """Prefix tokens that are part of the row itself."""
        return 0 if self.prefix is not None else self.prefix_length

    def position_ids(self) -> Tensor:
        """(1, T): the prefix counts from 0, every suffix goes on from its end."""
        parts = [torch.arange(self.in_row)]
        parts += [torch.arange(self.prefix_length, self.prefix_length + n) for n in self.lengths]
        return torch.cat(parts)[None].to(self.device)

    def mask(self, length: int, groups: int, window: int | None, dtype: torch.dtype) -> Tensor:
        """(G * length, P + length) additive: the whole prefix and the suffix up to oneself, in a sliding window if any."""
        key = (length, groups, window, dtype)
        if key not in self._masks:
            queries = torch.arange(self.prefix_length, self.prefix_length + length)[:, None]
            keys = torch.arange(self.prefix_length + length)[None, :]
            visible = keys <= queries
            if window is not None:
                visible &= queries - keys < window
            additive = torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)
            self._masks[key] = additive.repeat(groups, 1).to(self.device)
        return self._masks[key]


@dataclass
class PrefixCache:
    """Keys and values of a shared prefix, by layer: (K, P, D)."""

    length: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)


@dataclass
class SuffixCache:
    """Keys and values of the running sequences, by layer: (B, K, capacity, D)."""

    capacity: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    def keep(self, rows: Tensor, capacity: int) -> None:
        """Drop finished sequences: `rows` (kept,) stay, in this order, with room for `capacity` tokens."""
        self.capacity = min(capacity, self.capacity)
        for store in (self.keys, self.values):
            for layer, tensor in store.items():
                store[layer] = tensor[rows, :, : self.capacity].contiguous()


@dataclass
class PrefixLayout:
    """One plain causal sequence whose keys and values become a `PrefixCache`."""

    cache: PrefixCache


@dataclass
class DecodeLayout:
    """One new token for each of B running sequences."""

    prefix: PrefixCache
    cache: SuffixCache
    lengths: Tensor
    """(B,) suffix tokens already in the cache, the new one not counted."""
    rows: Tensor = field(init=False)
    longest: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = torch.arange(len(self.lengths), device=self.lengths.device)
        self.longest = int(self.lengths.max()) + 1
        self._masks: dict[int | None, tuple[Tensor, Tensor]] = {}

    def position_ids(self) -> Tensor:
        """(1, B)."""
        return (self.lengths + self.prefix.length)[None]

    def masks(self, window: int | None) -> tuple[Tensor, Tensor]:
        """Hidden positions of the prefix (B, 1, 1, P) and of the suffixes (B, 1, 1, longest)."""
        if window not in self._masks:
            device = self.lengths.device
            suffix = torch.arange(self.longest, device=device)
            hidden = suffix[None, :] > self.lengths[:, None]
            prefix = torch.zeros((len(self.lengths), self.prefix.length), dtype=torch.bool, device=device)
            if window is not None:
                now = (self.lengths + self.prefix.length)[:, None]
                hidden |= now - (suffix + self.prefix.length)[None, :] >= window
                prefix |= now - torch.arange(self.prefix.length, device=device)[None, :] >= window
            self._masks[window] = prefix[:, None, None], hidden[:, None, None]
        return self._masks[window]


Layout = PackedLayout | PrefixLayout | DecodeLayout


def attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    hone_layout: Layout | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of one layer under a layout.

    Shapes:  query (1, H, T, D), key and value (1, K, T, D) -> (1, T, H, D)
    """
    if softcap is not None or s_aux is not None:
        raise ModelError(
            "model.attention_unsupported",
            what="this base caps its attention scores or adds sinks to them, which Hone's attention does not compute",
            where=type(module).__name__,
            mend="take a base without these, such as a Llama, Qwen or Gemma 3 model",
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    return attend(layer, query, key, value, scale, sliding_window, hone_layout, dropout), None


def attend(
    layer: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    window: int | None,
    layout: Layout | None,
    dropout: float = 0.0,
) -> Tensor:
    """`attention` without transformers' module: the layer by its number. -> (1, T, H, D)"""
    match layout:
        case PackedLayout():
            return _packed(layer, query, key, value, scale, window, layout, dropout)
        case DecodeLayout():
            return _decode(layer, query[0], key[0], value[0], scale, window, layout)
        case PrefixLayout():
            layout.cache.keys[layer], layout.cache.values[layer] = key[0], value[0]
    return _causal(query, key, value, scale, window)


def _causal(query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
    length = query.shape[2]
    if window is None or length <= window:
        out = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, enable_gqa=True)
    else:
        distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        visible = ((distance >= 0) & (distance < window)).to(query.device)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=visible, scale=scale, enable_gqa=True)
    return out.transpose(1, 2)


def _packed(
    layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: PackedLayout, dropout: float
) -> Tensor:
    in_row = layout.in_row
    queries, keys, values = (torch.split(t[0], [in_row, *layout.lengths], dim=1) for t in (query, key, value))
    outs = []
    prefix_k, prefix_v = keys[0], values[0]
    if layout.prefix is not None and layout.prefix_length:
        prefix_k, prefix_v = layout.prefix.keys[layer], layout.prefix.values[layer]
    elif in_row:
        outs.append(_causal(queries[0][None], prefix_k[None], prefix_v[None], scale, window)[0].transpose(0, 1))
    if layout.cache is not None:
        _fill(layout.cache, layer, keys[1:], values[1:])
    for q, k, v in zip(queries[1:], keys[1:], values[1:], strict=True):
        if layout.prefix_length:
            k, v = torch.cat([prefix_k, k], dim=1), torch.cat([prefix_v, v], dim=1)
        outs.append(_one_suffix(q, k, v, scale, window, layout, dropout))
    return torch.cat(outs, dim=1).transpose(0, 1)[None]


def _one_suffix(
    query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: PackedLayout, dropout: float
) -> Tensor:
    """query (H, n, D), key and value (K, P + n, D) -> (H, n, D).

    Plain matrix products: on CPUs their backward pass takes about half the time of the fused kernel's at these lengths
    (`benchmarks/attention.py`). Where the score matrix would be large the fused kernel saves its memory.
    """
    heads, length, width = query.shape
    kv_heads, seen = key.shape[0], key.shape[1]
    groups = heads // kv_heads
    # The G query heads of one key/value head stand below each other as further queries: no copy of keys and values.
    folded = query.reshape(kv_heads, groups * length, width)
    mask = layout.mask(length, groups, window, query.dtype)
    if heads * length * seen > LARGE_SCORES:
        out = F.scaled_dot_product_attention(
            folded[None], key[None], value[None], attn_mask=mask, scale=scale, dropout_p=dropout
        )[0]
    else:
        scores = torch.baddbmm(mask, folded, key.transpose(1, 2), alpha=scale)
        weights = scores.softmax(-1)
        out = torch.bmm(F.dropout(weights, dropout) if dropout else weights, value)
    return out.view(heads, length, width)


def _fill(cache: SuffixCache, layer: int, keys: tuple[Tensor, ...], values: tuple[Tensor, ...]) -> None:
    for store, rows in ((cache.keys, keys), (cache.values, values)):
        room = rows[0].new_zeros((len(rows), rows[0].shape[0], cache.capacity, rows[0].shape[2]))
        for place, row in zip(room, rows, strict=True):
            place[:, : row.shape[1]] = row
        store[layer] = room


def _decode(
    layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: DecodeLayout
) -> Tensor:
    heads, count, width = query.shape
    kv_heads = key.shape[0]
    groups, prefix_length, longest = heads // kv_heads, layout.prefix.length, layout.longest
    keys, values = layout.cache.keys[layer], layout.cache.values[layer]
    keys[layout.rows, :, layout.lengths] = key.transpose(0, 1)
    values[layout.rows, :, layout.lengths] = value.transpose(0, 1)

    hidden_prefix, hidden_suffix = layout.masks(window)
    per_sequence = query.view(kv_heads, groups, count, width).permute(2, 0, 1, 3) * scale
    suffix = torch.matmul(per_sequence, keys[:, :, :longest].transpose(2, 3)).float()
    suffix = suffix.masked_fill(hidden_suffix, float("-inf"))
    if not prefix_length:
        weights = suffix.softmax(-1).to(value.dtype)
        out = torch.matmul(weights, values[:, :, :longest])
    else:
        # All sequences read the prefix's keys and values in one product per head, once per step.
        stacked = (query * scale).reshape(kv_heads, groups * count, width)
        prefix = torch.matmul(stacked, layout.prefix.keys[layer].transpose(1, 2)).float()
        prefix = prefix.view(kv_heads, groups, count, prefix_length).permute(2, 0, 1, 3)
        if window is not None:
            prefix = prefix.masked_fill(hidden_prefix, float("-inf"))
        weights = torch.cat([prefix, suffix], dim=-1).softmax(-1).to(value.dtype)
        out = torch.matmul(weights[..., prefix_length:], values[:, :, :longest])
        shared = weights[..., :prefix_length].permute(1, 2, 0, 3).reshape(kv_heads, groups * count, prefix_length)
        shared = torch.matmul(shared, layout.prefix.values[layer])
        out = out + shared.view(kv_heads, groups, count, width).permute(2, 0, 1, 3)
    return out.reshape(1, count, heads, width)


def register() -> str:
    """Make the attention known to transformers; returns the name to load models with."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)
    return NAME
