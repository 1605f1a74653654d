"""The generation engine: continuous batching of requests that share prompt prefixes.

An `Engine` is one model with one adapter at most. A `Session` runs requests on it: each `step` admits waiting requests
(one packed prefill), then makes one token for every running sequence, and drops the finished ones from the batch.
Sequences with the same shared prefix run as one group, in which the prefix's keys and values are held and read once.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from tokenizers import Tokenizer
from torch import Tensor

from honekit.chat.template import ChatTemplate
from honekit.errors import ModelError
from honekit.inference.constrain import Constraint, Grammars, Held
from honekit.inference.fused import FusedLlama
from honekit.inference.sampling import Chosen, SamplingParams, adjust, choose, generator_of
from honekit.inference.text import TextStream, token_bytes
from honekit.models.attention import DecodeLayout, GroupsLayout, PackedLayout, PrefixCache, PrefixLayout, SuffixCache, room
from honekit.models.llama import is_plain_llama

PREFILL_TOKENS = 1024
"""Packed prompt tokens per forward pass; with more, what a layer computes no longer fits the cache of a processor."""
SCORED_ROWS = 256
"""Positions of a prompt whose logits are held at once: a whole prompt's may take more memory than the model."""
KEPT_PREFIXES = 8
MIN_SHARED = 8


@dataclass(frozen=True)
class Request:
    """One prompt. `shared` leading tokens are expected in other prompts too (the system message, demonstrations)."""

    prompt_ids: list[int]
    sampling: SamplingParams
    shared: int = 0
    constraint: Constraint | None = None
    """What the answer is held to, compiled by `Engine.grammars`."""


@dataclass(frozen=True)
class Token:
    """One generated token. `text` is what became certain with it (maybe nothing); the last one has a `finish_reason`:
    "stop", "length", or "error" when the answer could not be held to its grammar within the work that it may take.
    """

    token_id: int
    text: str
    bytes: bytes
    logprob: float
    top: list[tuple[int, str, float]]
    finish_reason: str | None


@dataclass(frozen=True)
class Scored:
    """A token of a given text: its log-probability, and the likeliest tokens at its place."""

    token_id: int
    logprob: float
    top: list[tuple[int, float]]


@dataclass
class Completion:
    """A whole answer."""

    token_ids: list[int]
    text: str
    finish_reason: str
    tokens: list[Token]
    seconds: float = 0.0
    """From submission to the last token."""


@dataclass
class Work:
    """Tokens that an engine really computed, for the floor of a stage: nothing repeated, no padding."""

    prompt_tokens: int = 0
    new_tokens: int = 0
    logit_rows: int = 0

    def minus(self, other: Work) -> Work:
        return Work(
            self.prompt_tokens - other.prompt_tokens,
            self.new_tokens - other.new_tokens,
            self.logit_rows - other.logit_rows,
        )


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


@dataclass
class _Group:
    """Running sequences over one prefix; row i of the cache belongs to sequences[i]."""

    prefix: PrefixCache
    cache: SuffixCache
    sequences: list[_Sequence] = field(default_factory=list)


class Engine:
    """A model ready to generate. Not thread-safe: one thread at a time."""

    writes: ClassVar[bool] = True

    def __init__(
        self,
        model: Any,
        template: ChatTemplate,
        *,
        stop_ids: Sequence[int],
        context_tokens: int,
        fingerprint: str,
        precision: str = "fp32",
        device: torch.device | str = "cpu",
        keep_model: bool = False,
    ) -> None:
        """The model belongs to the engine and is of no use to others any more, unless `keep_model` is set: then the engine
        generates with the weights of this moment, adapters merged, and is thrown away once they change."""
        self.template, self.tokenizer = template, template.tokenizer
        vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self._fused = FusedLlama(model, keep=keep_model) if is_plain_llama(model) else None
        self._model = None if self._fused else model
        self.stop_ids = frozenset(stop_ids)
        self.grammars = Grammars(self.tokenizer, self.stop_ids)
        self.vocabulary = vocabulary
        """Tokens that have a logit."""
        self.context_tokens, self.fingerprint = context_tokens, fingerprint
        self.precision, self.device = precision, torch.device(device)
        self.work = Work()
        self._prefixes: OrderedDict[tuple[int, ...], PrefixCache] = OrderedDict()

    @property
    def computes_as(self) -> str:
        """Weights, precision and, on a GPU, the kind of it: answers of engines that agree in these are the same."""
        on = "" if self.device.type == "cpu" else f"-{self.device.type}"
        return f"{self.fingerprint}-{self.precision}{on}"

    def open(self, batch_size: int = 64) -> Session:
        """A session that runs at most `batch_size` sequences at once."""
        return Session(self, batch_size)

    def stream(self, request: Request) -> Iterator[Token]:
        """One request alone, token by token."""
        session = self.open(1)
        session.add(request)
        while session.busy:
            for _, token in session.step():
                yield token

    def generate(
        self,
        requests: Sequence[Request],
        batch_size: int = 64,
        on_finish: Callable[[int, Completion], None] | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """All requests, in batches; results in the order of `requests`.

        `on_finish(index, completion)` is called as each one ends, `on_step(new_tokens)` after every step.
        Requests of like prompt length run together, so that little of a batch's cache is empty.
        Raises: ModelError[model.prompt_too_long] before anything is computed.
        """
        self._check_lengths(requests)
        session = self.open(batch_size)
        order = sorted(range(len(requests)), key=lambda i: (requests[i].shared, len(requests[i].prompt_ids)))
        index_of = {session.add(requests[i]): i for i in order}
        started = time.perf_counter()
        tokens: dict[int, list[Token]] = {i: [] for i in range(len(requests))}
        done: dict[int, Completion] = {}
        while session.busy:
            produced = session.step()
            for number, token in produced:
                index = index_of[number]
                tokens[index].append(token)
                if token.finish_reason:
                    done[index] = _completion(tokens[index], time.perf_counter() - started)
                    if on_finish:
                        on_finish(index, done[index])
            if on_step:
                on_step(len(produced))
        return [done[i] for i in range(len(requests))]

    def _check_lengths(self, requests: Sequence[Request]) -> None:
        longest = max((len(request.prompt_ids) for request in requests), default=0)
        if longest >= self.context_tokens:
            raise ModelError(
                "model.prompt_too_long",
                what=f"a prompt has {longest:,} tokens, and the base model holds {self.context_tokens:,}",
                mend="shorten the instructions, use fewer demonstrations or passages, or take a base with a longer context",
            )

    @torch.inference_mode()
    def prefix(self, ids: tuple[int, ...]) -> PrefixCache:
        """Keys and values of a prefix, computed once and kept while it is among the last used ones."""
        if ids in self._prefixes:
            self._prefixes.move_to_end(ids)
            return self._prefixes[ids]
        cache = PrefixCache(len(ids))
        if ids:
            self.forward(
                torch.tensor(ids, device=self.device)[None],
                torch.arange(len(ids), device=self.device)[None],
                PrefixLayout(cache),
                1,
            )
            self.work.prompt_tokens += len(ids)
        self._prefixes[ids] = cache
        if len(self._prefixes) > KEPT_PREFIXES:
            self._prefixes.popitem(last=False)
        return cache

    @torch.inference_mode()
    def embed(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """One vector of length 1 for each text: the mean of the last layer's normalised outputs over its tokens.

        Shapes:  texts of at least one token id each -> (texts, d), fp32, on the CPU
        """
        vectors = []
        for start, stop in _packs([len(ids) for ids in texts]):
            lengths = [len(ids) for ids in texts[start:stop]]
            row = [token for ids in texts[start:stop] for token in ids]
            layout = PackedLayout(0, lengths, device=self.device)
            ids = torch.tensor(row, device=self.device)[None]
            if self._fused is not None:
                hidden = self._fused.hidden(ids, layout.position_ids(), layout, 0)
            else:
                assert self._model is not None
                body = self._model.base_model
                out = body(input_ids=ids, position_ids=layout.position_ids(), use_cache=False, hone_layout=layout)
                hidden = out.last_hidden_state[0]
            self.work.prompt_tokens += len(row)
            vectors += [part.float().mean(0) for part in torch.split(hidden, lengths)]
        return torch.nn.functional.normalize(torch.stack(vectors), dim=1).cpu()

    @torch.inference_mode()
    def score(self, ids: Sequence[int], top: int = 0) -> list[Scored]:
        """How likely each token of a text is after those before it; from the second one on, so one entry less than `ids`."""
        scored: list[Scored] = []
        row = torch.tensor(ids, device=self.device)[None]
        layout = PackedLayout(0, [len(ids)], device=self.device)
        for start in range(0, len(ids) - 1, SCORED_ROWS):
            keep = torch.arange(start, min(start + SCORED_ROWS, len(ids) - 1), device=self.device)
            logprobs = self.forward(row, layout.position_ids(), layout, keep).float().log_softmax(-1)
            self.work.prompt_tokens += len(ids)
            own = logprobs.gather(1, row[0, keep + 1][:, None])[:, 0].tolist()
            values, best = logprobs.topk(top) if top else (logprobs[:, :0], logprobs[:, :0])
            for token, logprob, names, likely in zip(ids[start + 1 :], own, best.tolist(), values.tolist(), strict=False):
                scored.append(Scored(token, logprob, list(zip(names, likely, strict=True))))
        return scored

    def forward(self, ids: Tensor, positions: Tensor, layout: Any, keep: int | Tensor) -> Tensor:
        """Logits (rows, V) of the kept positions of one packed row."""
        if self._fused is not None:
            return self._fused(ids, positions, layout, keep)
        assert self._model is not None
        out = self._model(input_ids=ids, position_ids=positions, use_cache=False, hone_layout=layout, logits_to_keep=keep)
        return out.logits[0]  # type: ignore[no-any-return]


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
        self._waiting.append(
            _Sequence(
                self._next,
                request,
                TextStream(self._engine.tokenizer, request.sampling.stop),
                generator_of(request.sampling),
                len(request.prompt_ids) - request.shared,
                held=request.constraint.start() if request.constraint else None,
            )
        )
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
        """Admit what fits, then one token for every running sequence. Returns (request number, token) pairs."""
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
            for start, stop in _packs([s.length for s in sequences]):
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
        produced = self._take(sequences, logits)
        same = next((g for g in self._groups if g.prefix is prefix), None)
        if same is None:
            self._groups.append(_Group(prefix, cache, list(sequences)))
        else:
            _merge(same, cache, sequences)
        return produced

    def _decode(self, groups: list[_Group]) -> list[tuple[int, Token]]:
        engine = self._engine
        layouts = []
        for group in groups:
            lengths = torch.tensor([s.length for s in group.sequences], device=engine.device)
            layouts.append(DecodeLayout(group.prefix, group.cache, lengths))
        layout = layouts[0] if len(layouts) == 1 else GroupsLayout(layouts)
        sequences = [sequence for group in groups for sequence in group.sequences]
        ids = torch.tensor([s.last for s in sequences], device=engine.device)[None]
        logits = engine.forward(ids, layout.position_ids(), layout, 0)
        rows = [i for i, s in enumerate(sequences) if not s.done]
        if len(rows) < len(sequences):
            logits = logits[torch.tensor(rows, device=engine.device)]
        running = [sequences[i] for i in rows]
        for sequence in running:
            sequence.length += 1
        engine.work.new_tokens += len(running)
        return self._take(running, logits)

    def _take(self, sequences: list[_Sequence], logits: Tensor) -> list[tuple[int, Token]]:
        params = [s.request.sampling for s in sequences]
        self._engine.work.logit_rows += len(sequences)
        logits = adjust(logits, params, [s.counts for s in sequences], [s.held.allowed() if s.held else None for s in sequences])
        chosen = choose(logits, params, [s.generator for s in sequences])
        return [(s.number, self._accept(s, c)) for s, c in zip(sequences, chosen, strict=True)]

    def _accept(self, sequence: _Sequence, chosen: Chosen) -> Token:
        engine = self._engine
        sequence.last, sequence.made = chosen.token_id, sequence.made + 1
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


def _packs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
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


def _completion(tokens: list[Token], seconds: float) -> Completion:
    return Completion(
        token_ids=[t.token_id for t in tokens],
        text="".join(t.text for t in tokens),
        finish_reason=tokens[-1].finish_reason or "length",
        tokens=tokens,
        seconds=seconds,
    )


def load_engine(base: str, adapter_dir: Path | None = None, *, device: str = "auto", precision: str = "auto") -> Engine:
    """Load a base (catalogue id, Hub id or directory), merge an adapter into it, and make it ready.

    Raises: ModelError for a missing or broken base, for an adapter made on another one, for an absent device.
    """
    from honekit.models import adapters, bases, fingerprint, plain_llama
    from honekit.models.precision import choose_precision, measure, resolve_device

    target = resolve_device(device)
    chosen = precision
    if precision == "auto":
        chosen = choose_precision(measure(), "auto", target)
    path = bases.resolve_base(base)
    print_of_base = fingerprint.fingerprint_base(path)
    if adapter_dir is not None:
        adapters.check_adapter(adapter_dir, print_of_base)
    dtype = torch.bfloat16 if chosen == "bf16" else torch.float32
    model = plain_llama.load_model(path, dtype, target)
    own_print = print_of_base
    if adapter_dir is not None:
        adapters.merge_adapter(model, adapter_dir)
        own_print = fingerprint.fingerprint_text(f"{print_of_base}+{fingerprint.fingerprint_adapter(adapter_dir)}")
    tokenizer: Tokenizer = bases.load_tokenizer(path)
    return Engine(
        model,
        bases.load_template(path, tokenizer),
        stop_ids=bases.stop_token_ids(path, tokenizer),
        context_tokens=int(model.config.max_position_embeddings),
        fingerprint=own_print,
        precision=chosen,
        device=target,
    )
