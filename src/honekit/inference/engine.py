"""The generation engine: one model, with one adapter at most, ready to answer, to embed and to score."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from tokenizers import Tokenizer
from torch import Tensor

from honekit.chat.template import ChatTemplate
from honekit.errors import ModelError
from honekit.inference.constrain import Grammars
from honekit.inference.fused import FusedLlama
from honekit.inference.guesses import Guesses
from honekit.inference.requests import Completion, Request, Scored, Token, Work
from honekit.inference.session import Session, packs
from honekit.models.attention import PackedLayout, PrefixCache, PrefixLayout
from honekit.models.llama import is_plain_llama

SCORED_ROWS = 256
"""Positions of a prompt whose logits are held at once: a whole prompt's may take more memory than the model."""
KEPT_PREFIXES = 8
KEPT_SCOPES = 16


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
        self._guesses: OrderedDict[str, Guesses] = OrderedDict()

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

    def guesses(self, scope: str) -> Guesses:
        """What the answers of a scope were, kept for the scopes that were used last."""
        found = self._guesses[scope] = self._guesses.pop(scope, Guesses())
        if len(self._guesses) > KEPT_SCOPES:
            self._guesses.popitem(last=False)
        return found

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
        for start, stop in packs([len(ids) for ids in texts]):
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


def _completion(tokens: list[Token], seconds: float) -> Completion:
    return Completion(
        token_ids=[t.token_id for t in tokens],
        text="".join(t.text for t in tokens),
        finish_reason=tokens[-1].finish_reason or "length",
        tokens=tokens,
        seconds=seconds,
    )


def load_engine(base: str, adapter_dir: Path | None = None, *, device: str = "auto", precision: str = "auto") -> Engine:
    """Load a base (catalogue id, Hub id or directory), merge an adapter into it, and make it ready. What a full fine-tuning left
    in place of an adapter is loaded in the base's place.

    Raises: ModelError for a missing or broken base, for an adapter made on another one, for an absent device.
    """
    from honekit.models import adapters, bases, fingerprint, plain_llama
    from honekit.models.precision import precision_of, resolve_device

    target = resolve_device(device)
    chosen = precision_of(target) if precision == "auto" else precision
    if adapter_dir is not None and adapters.is_whole_model(adapter_dir):
        path, adapter_dir = adapter_dir, None
    else:
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
