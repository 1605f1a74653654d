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

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from honekit.errors import ModelError

NAME = "hone"
LARGE_SCORES = 16_000_000
"""Elements of one sequence's score matrix (H * n * seen) above which the fused kernel is used."""
STEP = 32
"""Tokens by which the cache of running sequences grows."""


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

    def row_mask(self, window: int | None, dtype: torch.dtype) -> Tensor:
        """(T, T) additive over a row that holds its own prefix."""
        key = (-1, -1, window, dtype)
        if key not in self._masks:
            lengths = torch.tensor([self.in_row, *self.lengths])
            owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths).to(self.device)
            position = self.position_ids()[0]
            distance = position[:, None] - position[None, :]
            hidden = (distance < 0) | ((owner[None, :] > 0) & (owner[None, :] != owner[:, None]))
            if window is not None:
                hidden |= distance >= window
            self._masks[key] = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(
                hidden, torch.finfo(dtype).min
            )
        return self._masks[key]

    def mask(self, length: int, prefix: int, window: int | None, dtype: torch.dtype) -> Tensor:
        """Additive over the last keys of a sequence: (n, n) causal, or (n, prefix + n) where a window hides the prefix too."""
        key = (length, prefix, window, dtype)
        if key not in self._masks:
            distance = torch.arange(prefix, prefix + length)[:, None] - torch.arange(prefix + length)[None, :]
            hidden = distance < 0
            if window is not None:
                hidden |= distance >= window
            else:
                hidden = hidden[:, prefix:]
            additive = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, torch.finfo(dtype).min)
            self._masks[key] = additive.to(self.device)
        return self._masks[key]


@dataclass
class PrefixCache:
    """Keys and values of a shared prefix, by layer: (K, P, D)."""

    length: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)


@dataclass
class SuffixCache:
    """Keys and values of the running sequences, by layer: (B, K, capacity, D).

    The whole capacity is multiplied in every step (a part of it would be copied first), so there is little to spare.
    """

    capacity: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    def keep(self, rows: Tensor, capacity: int) -> None:
        """Drop finished sequences: `rows` (kept,) stay, in this order, with room for `capacity` tokens."""
        self.capacity = min(capacity, self.capacity)
        for store in (self.keys, self.values):
            for layer, tensor in store.items():
                store[layer] = tensor[rows, :, : self.capacity].contiguous()

    def reserve(self, tokens: int) -> None:
        """Make room for sequences of `tokens`."""
        if tokens > self.capacity:
            more = room(tokens) - self.capacity
            self.capacity += more
            for store in (self.keys, self.values):
                for layer, tensor in store.items():
                    store[layer] = F.pad(tensor, (0, 0, 0, more))


def room(tokens: int) -> int:
    """The capacity to hold `tokens` in: the next multiple of `STEP`."""
    return -(-tokens // STEP) * STEP


@dataclass
class PrefixLayout:
    """One plain causal sequence whose keys and values become a `PrefixCache`."""

    cache: PrefixCache


@dataclass
class DecodeLayout:
    """The next token for each of B running sequences; of some the ones behind it too, where these are guessed.

    A sequence's tokens stand next to each other, so T of them in all.
    """

    prefix: PrefixCache
    cache: SuffixCache
    lengths: Tensor
    """(B,) suffix tokens already in the cache, the new ones not counted."""
    counts: list[int] | None = None
    """New tokens of each sequence; one where it is not given."""
    rows: Tensor = field(init=False)
    """(T,) the row of the cache that each token belongs to."""
    waves: list[tuple[Tensor | slice, Tensor | None]] = field(init=False)
    """Tokens of which no two belong to the same sequence, and their rows; None for all rows: then nothing is copied."""

    def __post_init__(self) -> None:
        device = self.lengths.device
        self.rows = torch.arange(len(self.lengths), device=device)
        self.waves = [(slice(None), None)]
        if self.counts and max(self.counts) > 1:
            counts = torch.tensor(self.counts, device=device)
            first = counts.cumsum(0) - counts
            if min(self.counts) == max(self.counts):  # views, where indices would copy
                self.waves = [(slice(place, None, self.counts[0]), None) for place in range(self.counts[0])]
            else:
                each = [self.rows[counts > place] for place in range(max(self.counts))]
                self.waves = [
                    (first[rows] + place, None if len(rows) == len(counts) else rows) for place, rows in enumerate(each)
                ]
            self.rows = self.rows.repeat_interleave(counts)
            self.lengths = self.lengths[self.rows] + torch.arange(len(self.rows), device=device) - first[self.rows]
        self.cache.reserve(int(self.lengths.max()) + 1)
        self._masks: dict[tuple[int | None, torch.dtype], Tensor] = {}

    def position_ids(self) -> Tensor:
        """(1, T)."""
        return (self.lengths + self.prefix.length)[None]

    def mask(self, window: int | None, dtype: torch.dtype) -> Tensor:
        """(T, 1, 1, P + capacity) additive: what each token sees of its prefix and its sequence, in a sliding window if any."""
        if (window, dtype) not in self._masks:
            device, total = self.lengths.device, self.prefix.length + self.cache.capacity
            positions, now = torch.arange(total, device=device)[None, :], (self.lengths + self.prefix.length)[:, None]
            hidden = positions > now
            if window is not None:
                hidden |= now - positions >= window
            additive = torch.zeros(hidden.shape, dtype=dtype, device=device).masked_fill_(hidden, float("-inf"))
            self._masks[window, dtype] = additive[:, None, None]
        return self._masks[window, dtype]


@dataclass
class GroupsLayout:
    """One new token for the sequences of several groups, group by group, each over a prefix of its own."""

    groups: list[DecodeLayout]

    def position_ids(self) -> Tensor:
        """(1, T of all groups)."""
        return torch.cat([group.position_ids() for group in self.groups], dim=1)


Layout = PackedLayout | PrefixLayout | DecodeLayout | GroupsLayout


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
        case GroupsLayout():
            parts = (torch.split(t[0], [len(g.rows) for g in layout.groups], dim=1) for t in (query, key, value))
            outs = [
                _decode(layer, q, k, v, scale, window, group)
                for q, k, v, group in zip(*parts, layout.groups, strict=True)
            ]  # fmt: skip
            return torch.cat(outs, dim=1)
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
    if query.device.type != "cpu" and layout.prefix is None and layout.cache is None:
        return _whole_row(query, key, value, scale, window, layout, dropout)
    heads, largest = query.shape[1], max([layout.in_row**2, *(n * (layout.prefix_length + n) for n in layout.lengths)])
    if torch.is_grad_enabled() and layout.prefix is None and not dropout and heads * largest <= LARGE_SCORES:
        out: Tensor = _PackedScores.apply(query[0], key[0], value[0], scale, window, layout)  # type: ignore[no-untyped-call]
        return out[None]
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


def _whole_row(
    query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: PackedLayout, dropout: float
) -> Tensor:
    """All sequences of a row at once under one mask. A GPU takes less time to compute what the mask hides than to begin one
    operation after the other for each sequence."""
    groups = query.shape[1] // key.shape[1]
    # Not `enable_gqa`: with a mask that has no fused kernel.
    keys, values = (rows.repeat_interleave(groups, dim=1) if groups > 1 else rows for rows in (key, value))
    mask = layout.row_mask(window, query.dtype)
    out = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scale, dropout_p=dropout)
    return out.transpose(1, 2)


class _PackedScores(torch.autograd.Function):
    """Attention of a whole row by plain matrix products, one sequence after the other, with its gradient.

    On CPUs this takes about half the time of the fused kernel's backward pass at these lengths (`docs/lab-notes.md`), and
    the prefix's gradients are summed in place, where autograd would pad and add one tensor for every sequence.

    Shapes:  query (H, T, D), key and value (K, T, D) -> (T, H, D)
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: PackedLayout
    ) -> Tensor:
        heads, tokens, width = query.shape
        out = query.new_empty(tokens, heads, width)
        weights = []
        for prefix, start, stop in _sequences(layout):
            folded = _fold(query[:, start:stop], len(key))
            keys, values = (_seen(rows, prefix, start, stop) for rows in (key, value))
            weights.append(_soft(folded, keys, scale, layout.mask(stop - start, prefix, window, query.dtype)))
            out[start:stop] = torch.bmm(weights[-1], values).view(heads, -1, width).transpose(0, 1)
        ctx.save_for_backward(query, key, value, *weights)
        ctx.scale, ctx.layout = scale, layout
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        query, key, value, *weights = ctx.saved_tensors
        heads, _, width = query.shape
        # Laid out by token, as the projections want them.
        grad_q, grad_k, grad_v = (t.new_zeros(t.shape[1], t.shape[0], width).transpose(0, 1) for t in (query, key, value))
        for (prefix, start, stop), soft in zip(_sequences(ctx.layout), weights, strict=True):
            folded, grad = _fold(query[:, start:stop], len(key)), _fold(grads[0][start:stop].transpose(0, 1), len(key))
            keys, values = (_seen(rows, prefix, start, stop) for rows in (key, value))
            to_soft = torch.bmm(grad, values.transpose(1, 2))
            to_scores = torch.ops.aten._softmax_backward_data(to_soft, soft, -1, soft.dtype).mul_(ctx.scale)
            grad_q[:, start:stop] = torch.bmm(to_scores, keys).view(heads, -1, width)
            for total, part in (
                (grad_k, torch.bmm(to_scores.transpose(1, 2), folded)),
                (grad_v, torch.bmm(soft.transpose(1, 2), grad)),
            ):
                total[:, :prefix] += part[:, :prefix]
                total[:, start:stop] += part[:, prefix:]
        return grad_q, grad_k, grad_v, None, None, None


def _sequences(layout: PackedLayout) -> Iterator[tuple[int, int, int]]:
    """(prefix tokens that it sees, first row, row behind the last) of each sequence, the prefix itself first."""
    start = layout.in_row
    if start:
        yield 0, 0, start
    for length in layout.lengths:
        yield layout.in_row, start, start + length
        start += length


def _fold(query: Tensor, kv_heads: int) -> Tensor:
    """(H, n, D) -> (K, G * n, D): the query heads of one key/value head below each other, with no copy of keys or values."""
    heads, length, width = query.shape
    return query.reshape(kv_heads, heads // kv_heads * length, width)


def _seen(rows: Tensor, prefix: int, start: int, stop: int) -> Tensor:
    """Keys or values of the prefix and of a sequence: (K, prefix + stop - start, D)."""
    own = rows[:, start:stop]
    return torch.cat([rows[:, :prefix], own], dim=1) if prefix else own


def _one_suffix(
    query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None, layout: PackedLayout, dropout: float
) -> Tensor:
    """query (H, n, D), key and value (K, P + n, D) -> (H, n, D).

    Where the score matrix would be large the fused kernel saves its memory.
    """
    heads, length, width = query.shape
    folded = _fold(query, len(key))
    mask = layout.mask(length, layout.prefix_length, window, query.dtype)
    if heads * length * key.shape[1] > LARGE_SCORES:
        whole = F.pad(mask, (key.shape[1] - mask.shape[1], 0)).repeat(heads // len(key), 1)
        out = F.scaled_dot_product_attention(
            folded[None], key[None], value[None], attn_mask=whole, scale=scale, dropout_p=dropout
        )[0]
    else:
        weights = _soft(folded, key, scale, mask)
        out = torch.bmm(F.dropout(weights, dropout) if dropout else weights, value)
    return out.view(heads, length, width)


def _soft(folded: Tensor, keys: Tensor, scale: float, mask: Tensor) -> Tensor:
    """Attention weights (K, G * n, seen) of folded queries (K, G * n, D) over keys (K, seen, D), the last of them masked."""
    kv_heads, seen = keys.shape[:2]
    scores = torch.baddbmm(folded.new_empty(1), folded, keys.transpose(1, 2), beta=0, alpha=scale)
    masked = scores.view(kv_heads, -1, len(mask), seen)[..., seen - mask.shape[1] :]
    masked += mask
    return scores.softmax(-1)


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
    groups, prefix_length, capacity = heads // kv_heads, layout.prefix.length, layout.cache.capacity
    keys, values = layout.cache.keys[layer], layout.cache.values[layer]
    keys[layout.rows, :, layout.lengths] = key.transpose(0, 1)
    values[layout.rows, :, layout.lengths] = value.transpose(0, 1)

    asked = (query.transpose(0, 1) * scale).reshape(count, kv_heads, groups, width)
    scores = query.new_empty(count, kv_heads, groups, capacity)
    for at, rows in layout.waves:
        seen = (keys if rows is None else keys[rows]).view(-1, capacity, width)
        scores[at] = torch.bmm(asked[at].flatten(0, 1), seen.transpose(1, 2)).view(-1, kv_heads, groups, capacity)
    if prefix_length:
        # All sequences read the prefix's keys and values in one product per head, once per step.
        shared = torch.bmm(_by_head(asked), layout.prefix.keys[layer].transpose(1, 2))
        scores = torch.cat([_by_row(shared, count), scores], dim=-1)
    weights = scores.add_(layout.mask(window, scores.dtype)).softmax(-1)
    own, out = weights[..., prefix_length:], query.new_empty(count, kv_heads, groups, width)
    for at, rows in layout.waves:
        seen = (values if rows is None else values[rows]).view(-1, capacity, width)
        out[at] = torch.bmm(own[at].reshape(-1, groups, capacity), seen).view(-1, kv_heads, groups, width)
    if prefix_length:
        shared = torch.bmm(_by_head(weights[..., :prefix_length]), layout.prefix.values[layer])
        out += _by_row(shared, count)
    return out.view(1, count, heads, width)


def _by_head(rows: Tensor) -> Tensor:
    """(B, K, G, x) -> (K, B * G, x)"""
    return rows.transpose(0, 1).reshape(rows.shape[1], -1, rows.shape[3])


def _by_row(heads: Tensor, count: int) -> Tensor:
    """(K, B * G, x) -> (B, K, G, x)"""
    return heads.view(len(heads), count, -1, heads.shape[2]).transpose(0, 1)


def register() -> str:
    """Make the attention known to transformers; returns the name to load models with."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)
    return NAME
