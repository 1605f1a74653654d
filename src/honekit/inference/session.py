"""Continuous batching: requests that share prompt prefixes, admitted and finished at any step of an engine.

Each `step` admits waiting requests (one packed prefill), then makes a token for every running sequence, and drops the
finished ones from the batch. While few run, the tokens behind it are guessed and checked in the same step (`guesses`).
Sequences with the same shared prefix run as one group, in which the prefix's keys and values are held and read once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from honekit.inference.constrain import Held
from honekit.inference.guesses import CONTEXTS, Guesses, following, tokens_each
from honekit.inference.requests import Request, Token
from honekit.inference.sampling import Chosen, adjust, choose, generator_of
from honekit.inference.text import TextStream, token_bytes
from honekit.models.attention import DecodeLayout, GroupsLayout, PackedLayout, PrefixCache, SuffixCache, room

if TYPE_CHECKING:
    from honekit.inference.engine import Engine

PREFILL_TOKENS = 1024
"""Packed prompt tokens per forward pass; with more, what a layer computes no longer fits the cache of a processor."""
MIN_SHARED = 8


@dataclass
class _Sequence:
    number: int
    request: Request
    stream: TextStream
    generator: torch.Generator | None
    length: int
    """Suffix tokens whose keys and values are in the cache."""
    made: int = 0
    last: int = -1
    done: bool = False
    held: Held | None = None
    counts: dict[int, int] = field(default_factory=dict)
    """How often the answer has each token; kept only for a request with penalties."""
    sources: list[Guesses] = field(default_factory=list)
    """What the next tokens are guessed from: the own prompt, and answers of the same scope. None for one that is not guessed."""
    tail: tuple[int, ...] = ()
    """The last tokens so far, for the next guess."""

    @property
    def told(self) -> int | None:
        """The next token, of an answer that was told as far as that."""
        return self.request.told[self.made] if self.made < len(self.request.told) else None


@dataclass
class _Group:
    """Running sequences over one prefix; row i of the cache belongs to sequences[i]."""

    prefix: PrefixCache
    cache: SuffixCache
    sequences: list[_Sequence] = field(default_factory=list)


class Session:
    """Requests running on an engine, admitted and finished at any step."""

    def __init__(self, engine: Engine, batch_size: int) -> None:
        self._engine, self._batch_size = engine, batch_size
        self._waiting: deque[_Sequence] = deque()
        self._groups: list[_Group] = []
        self._next = 0

    @property
    def active(self) -> int:
        """Sequences that are being generated now."""
        return sum(not s.done for g in self._groups for s in g.sequences)

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or self.active > 0

    def add(self, request: Request) -> int:
        """Queue a request; returns the number under which its tokens come."""
        shared = min(request.shared, len(request.prompt_ids) - 1)
        request = replace(request, shared=shared if shared >= MIN_SHARED else 0)
        sequence = _Sequence(
            self._next,
            request,
            TextStream(self._engine.tokenizer, request.sampling.stop, request.calls() if request.calls else None),
            generator_of(request.sampling),
            len(request.prompt_ids) - request.shared,
            held=request.constraint.start() if request.constraint else None,
        )
        if request.sampling.temperature <= 0 and not request.sampling.penalises and not request.constraint:
            # Of any other answer a token can only be chosen once the one before it is.
            own = Guesses()
            own.learn_text(request.prompt_ids)
            sequence.sources = [own] if request.scope is None else [own, self._engine.guesses(request.scope)]
            sequence.tail = tuple(request.prompt_ids[-CONTEXTS[0] :])
        self._waiting.append(sequence)
        self._next += 1
        return self._next - 1

    def cancel(self, number: int) -> None:
        """Forget a request, waiting or running."""
        self._waiting = deque(s for s in self._waiting if s.number != number)
        for group in self._groups:
            for sequence in group.sequences:
                sequence.done |= sequence.number == number

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Token]]:
        """Admit what fits, then a token for every running sequence, or several where they were guessed rightly. Returns
        (request number, token) pairs."""
        produced: list[tuple[int, Token]] = []
        free = self._batch_size - self.active
        # Admission copies caches, so a nearly full batch waits until a quarter of it is free.
        if self._waiting and (free >= max(1, self._batch_size // 4) or free >= len(self._waiting)):
            produced += self._admit(free)
        for group in self._groups:
            self._compact(group)
        running = [group for group in self._groups if group.sequences]
        if running:
            produced += self._decode(running)
        self._groups = [g for g in self._groups if any(not s.done for s in g.sequences)]
        return produced

    def _admit(self, count: int) -> list[tuple[int, Token]]:
        produced: list[tuple[int, Token]] = []
        by_prefix: dict[tuple[int, ...], list[_Sequence]] = {}
        for _ in range(min(count, len(self._waiting))):
            sequence = self._waiting.popleft()
            by_prefix.setdefault(tuple(sequence.request.prompt_ids[: sequence.request.shared]), []).append(sequence)
        for prefix_ids, sequences in by_prefix.items():
            prefix = self._engine.prefix(prefix_ids)
            for start, stop in packs([s.length for s in sequences]):
                produced += self._prefill(prefix, sequences[start:stop])
        return produced

    def _prefill(self, prefix: PrefixCache, sequences: list[_Sequence]) -> list[tuple[int, Token]]:
        engine = self._engine
        lengths = [s.length for s in sequences]
        cache = SuffixCache(room(max(lengths) + 1))
        layout = PackedLayout(prefix.length, lengths, prefix=prefix, cache=cache, device=engine.device)
        row = [token for s in sequences for token in s.request.prompt_ids[s.request.shared :]]
        ends = torch.tensor(lengths, device=engine.device).cumsum(0) - 1
        logits = engine.forward(torch.tensor(row, device=engine.device)[None], layout.position_ids(), layout, ends)
        engine.work.prompt_tokens += len(row)
        engine.work.logit_rows += len(sequences)
        chosen = self._choose(sequences, logits)
        produced = [(s.number, self._accept(s, c)) for s, c in zip(sequences, chosen, strict=True)]
        same = next((g for g in self._groups if g.prefix is prefix), None)
        if same is None:
            self._groups.append(_Group(prefix, cache, list(sequences)))
        else:
            _merge(same, cache, sequences)
        return produced

    def _decode(self, groups: list[_Group]) -> list[tuple[int, Token]]:
        engine = self._engine
        each = tokens_each(self.active)
        guessed = [[self._guess(s, each) for s in group.sequences] for group in groups]
        layouts = []
        for group, own in zip(groups, guessed, strict=True):
            lengths = torch.tensor([s.length for s in group.sequences], device=engine.device)
            layouts.append(
                DecodeLayout(group.prefix, group.cache, lengths, [1 + len(tokens) for tokens in own] if each else None)
            )
        layout = layouts[0] if len(layouts) == 1 else GroupsLayout(layouts)
        sequences = [sequence for group in groups for sequence in group.sequences]
        asked = list(zip(sequences, chain.from_iterable(guessed), strict=True))
        ids = torch.tensor([i for s, tokens in asked for i in (s.last, *tokens)], device=engine.device)[None]
        logits = engine.forward(ids, layout.position_ids(), layout, 0)
        rows = [s for s, tokens in asked for _ in range(1 + len(tokens))]
        live = [i for i, s in enumerate(rows) if not s.done]
        if len(live) < len(rows):
            logits = logits[torch.tensor(live, device=engine.device)]
        chosen = iter(self._choose([rows[i] for i in live], logits))
        produced: list[tuple[int, Token]] = []
        for sequence, tokens in asked:
            if not sequence.done:
                produced += self._take(sequence, tokens, list(islice(chosen, 1 + len(tokens))))
        engine.work.new_tokens += len(produced)
        engine.work.logit_rows += len(produced)
        return produced

    def _guess(self, sequence: _Sequence, most: int) -> list[int]:
        if not sequence.sources or sequence.done or not most or sequence.told is not None:
            return []
        left = sequence.request.sampling.max_new_tokens - sequence.made
        room_left = self._engine.context_tokens - len(sequence.request.prompt_ids) - sequence.made
        return following(sequence.sources, sequence.tail, min(most, left - 1, room_left - 1), self._engine.stop_ids)

    def _choose(self, rows: list[_Sequence], logits: Tensor) -> list[Chosen]:
        """The next token of the sequence that each row belongs to."""
        params = [s.request.sampling for s in rows]
        logits = adjust(logits, params, [s.counts for s in rows], [s.held.allowed() if s.held else None for s in rows])
        return choose(logits, params, [s.generator for s in rows], [s.told for s in rows])

    def _take(self, sequence: _Sequence, guessed: list[int], chosen: list[Chosen]) -> list[tuple[int, Token]]:
        """The chosen tokens as far as the ones before them were guessed rightly."""
        produced: list[tuple[int, Token]] = []
        for place, one in enumerate(chosen):
            if place and (sequence.done or guessed[place - 1] != sequence.last):
                break
            sequence.length += 1
            produced.append((sequence.number, self._accept(sequence, one)))
        return produced

    def _accept(self, sequence: _Sequence, chosen: Chosen) -> Token:
        engine = self._engine
        sequence.last, sequence.made = chosen.token_id, sequence.made + 1
        for source in sequence.sources:
            source.learn(sequence.tail, chosen.token_id)
        sequence.tail = (*sequence.tail, chosen.token_id)[-CONTEXTS[0] :]
        if sequence.request.sampling.penalises:
            sequence.counts[chosen.token_id] = sequence.counts.get(chosen.token_id, 0) + 1
        used = len(sequence.request.prompt_ids) + sequence.made
        reason, text = None, ""
        if chosen.token_id in engine.stop_ids:
            reason = "stop"
        elif sequence.held is not None and not sequence.held.accept(chosen.token_id):
            reason = "error"
        else:
            text = sequence.stream.push(chosen.token_id)
            if sequence.stream.stopped or (sequence.held is not None and sequence.held.finished):
                reason = "stop"
            elif sequence.made >= sequence.request.sampling.max_new_tokens or used >= engine.context_tokens:
                reason = "length"
        if reason:
            text += sequence.stream.end()
            sequence.done = True
        top = [(i, engine.tokenizer.decode([i], skip_special_tokens=False), p) for i, p in chosen.top]
        own = token_bytes(engine.tokenizer, chosen.token_id) if sequence.request.sampling.top_logprobs else b""
        return Token(chosen.token_id, text, own, chosen.logprob, top, reason)

    def _compact(self, group: _Group) -> None:
        """Drop finished rows; a copy of the cache, so it waits until an eighth of the rows is done."""
        finished = sum(s.done for s in group.sequences)
        if not finished or (finished < len(group.sequences) and finished * 8 < len(group.sequences)):
            return
        rows = [i for i, s in enumerate(group.sequences) if not s.done]
        group.sequences = [group.sequences[i] for i in rows]
        if rows:
            longest = max(s.length for s in group.sequences)
            group.cache.keep(torch.tensor(rows, device=self._engine.device), room(longest + 1))


def packs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """From where to where sequences go into one forward pass: as many as `PREFILL_TOKENS` hold, one at least."""
    start = 0
    while start < len(lengths):
        stop, tokens = start, 0
        while stop < len(lengths) and (stop == start or tokens + lengths[stop] <= PREFILL_TOKENS):
            tokens += lengths[stop]
            stop += 1
        yield start, stop
        start = stop


def _merge(group: _Group, cache: SuffixCache, sequences: list[_Sequence]) -> None:
    """Append the rows of a fresh prefill to a running group of the same prefix."""
    capacity = max(group.cache.capacity, cache.capacity)
    merged = SuffixCache(capacity)
    for kind in ("keys", "values"):
        old, new, out = getattr(group.cache, kind), getattr(cache, kind), getattr(merged, kind)
        for layer in old:
            first, second = old[layer], new[layer]
            room = first.new_zeros((len(first) + len(second), first.shape[1], capacity, first.shape[3]))
            room[: len(first), :, : first.shape[2]] = first
            room[len(first) :, :, : second.shape[2]] = second
            out[layer] = room
    group.cache = merged
    group.sequences += sequences
