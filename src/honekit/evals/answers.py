"""Answers of language-model arms, generated once and kept: an interrupted evaluation goes on where it stopped.

The key of an answer is what determines it: the model's fingerprint, the exact prompt tokens, and the sampling (greedy,
cap). A file per model, one JSON line per answer, appended as each one ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.store.atomic import writing

if TYPE_CHECKING:
    from honekit.inference.engine import Engine
    from honekit.inference.requests import Completion, Request

Progress = Callable[[int, int], None]
"""(answers done, answers in all)"""


@dataclass(frozen=True)
class Answer:
    """One greedy answer with what it cost."""

    key: str
    text: str
    finish_reason: str
    prompt_tokens: int
    new_tokens: int
    token_ids: list[int]
    seconds: float | None
    """Wall time when it was answered alone (batch 1); None when it came from a batch."""


@dataclass
class AnswerStore:
    """Answers of one model under `directory`."""

    directory: Path
    fingerprint: str
    _known: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            for line in self.path.read_bytes().splitlines():
                try:
                    answer = Answer(**json.loads(line))
                except (ValueError, TypeError):  # the line that a kill cut in half
                    continue
                self._known[answer.key] = answer

    @property
    def path(self) -> Path:
        return self.directory / f"{self.fingerprint}.jsonl"

    @property
    def count(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Answer | None:
        return self._known.get(key)

    def key(self, request: Request) -> str:
        """Where this model's greedy answer to the request is kept."""
        grammar = request.constraint.grammar if request.constraint else ""
        return answer_key(self.fingerprint, request.prompt_ids, request.sampling.max_new_tokens, grammar)

    def timed(self, key: str) -> bool:
        """Whether there is an answer that was given alone."""
        known = self.get(key)
        return known is not None and known.seconds is not None

    def put(self, answer: Answer) -> None:
        """Append one answer; on the disk before the next one is accepted.

        Raises: StoreError[store.disk_full | store.read_only | store.write_failed].
        """
        self._known[answer.key] = answer
        with writing(self.path), open(self.path, "ab") as file:
            if file.tell() and not _ends_with_newline(self.path):
                file.write(b"\n")
            file.write(json.dumps(asdict(answer), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def answer_key(fingerprint: str, prompt_ids: Sequence[int], max_new_tokens: int, grammar: str = "") -> str:
    """Content hash of (model, prompt, greedy, cap), and of what the answer is held to."""
    content = [fingerprint, list(prompt_ids), "greedy", max_new_tokens, *([grammar] if grammar else [])]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def answer_all(
    engine: Engine,
    requests: Sequence[Request],
    store: AnswerStore,
    *,
    batch_size: int,
    alone: int = 0,
    progress: Progress | None = None,
) -> list[Answer]:
    """Answers in the order of `requests`; those in the store are not computed again.

    The first `alone` of them are answered one at a time, which measures latency; the others in batches.
    """
    keys = [store.key(request) for request in requests]
    before = [store.get(key) for key in keys]
    timed_anew = sum(answer is not None and answer.seconds is None for answer in before[:alone])
    done = sum(answer is not None for answer in before) - timed_anew

    def finished() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(requests))

    for request, key in list(zip(requests, keys, strict=True))[:alone]:
        if not store.timed(key):
            engine.prefix(tuple(request.prompt_ids[: request.shared]))
            started = time.perf_counter()
            completion = engine.generate([request], 1)[0]
            store.put(_answer(key, request, completion, time.perf_counter() - started))
            finished()
    missing = [i for i, key in enumerate(keys) if store.get(key) is None]

    def keep(position: int, completion: Completion) -> None:
        index = missing[position]
        if store.get(keys[index]) is None:
            store.put(_answer(keys[index], requests[index], completion, None))
            finished()

    if missing:
        engine.generate([requests[i] for i in missing], batch_size, on_finish=keep)
    answers = [store.get(key) for key in keys]
    return [answer for answer in answers if answer is not None]


def answer_alone(engine: Engine, requests: Sequence[Request], store: AnswerStore, count: int, progress: Progress | None) -> None:
    """`count` of the requests one at a time: those that were asked so before, as of a part of the test set, then the first."""
    asked = sorted(requests, key=lambda request: not store.timed(store.key(request)))[:count]
    answer_all(engine, asked, store, batch_size=1, alone=count, progress=progress)


def _answer(key: str, request: Request, completion: Completion, seconds: float | None) -> Answer:
    return Answer(
        key=key,
        text=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=len(request.prompt_ids),
        new_tokens=len(completion.token_ids),
        token_ids=completion.token_ids,
        seconds=seconds,
    )


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def latency_ms(answers: Sequence[Answer]) -> dict[str, Any]:
    """p50 and p95 (linear between the two nearest) over the answers that were given alone, and how many these were."""
    return latency_of([a.seconds for a in answers if a.seconds is not None])


def latency_of(seconds: Sequence[float]) -> dict[str, Any]:
    """The same of times; the median's 95 % interval is None where fewer than two are there."""
    import numpy as np

    from honekit.evals.amounts import typical_interval

    alone = [1000 * one for one in seconds]
    p50, p95 = (float(value) for value in np.percentile(alone, [50, 95])) if alone else (None, None)
    interval = typical_interval(alone)
    return {
        "latency_ms_p50": p50,
        "latency_ms_p50_interval": list(interval) if interval else None,
        "latency_ms_p95": p95,
        "latency_sample": len(alone),
    }
