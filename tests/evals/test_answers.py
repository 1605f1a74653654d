"""Answers are computed once, and progress counts each once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from honekit.errors import StoreError
from honekit.evals.answers import AnswerStore, answer_all, answer_alone
from honekit.inference.requests import Completion, Request
from honekit.inference.sampling import SamplingParams


class Echo:
    """An engine that answers at once."""

    def prefix(self, ids: tuple[int, ...]) -> None: ...

    def generate(
        self, requests: Sequence[Request], batch_size: int, on_finish: Callable[[int, Completion], None] | None = None
    ) -> list[Completion]:
        made = [Completion(list(one.prompt_ids), "a", "stop", []) for one in requests]
        for position, completion in enumerate(made):
            if on_finish:
                on_finish(position, completion)
        return made


def test_an_answer_that_is_timed_anew_is_counted_once(tmp_path: Path) -> None:
    requests = [Request([1, number], SamplingParams(max_new_tokens=4)) for number in range(5)]
    engine: Any = Echo()
    store = AnswerStore(tmp_path, "model")
    answer_all(engine, requests[:3], store, batch_size=4)
    told: list[tuple[int, int]] = []
    answer_all(engine, requests, store, batch_size=1, alone=4, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_those_that_were_asked_alone_before_are_the_sample(tmp_path: Path) -> None:
    requests = [Request([1, number], SamplingParams(max_new_tokens=4)) for number in range(6)]
    engine: Any = Echo()
    store = AnswerStore(tmp_path, "model")
    answer_alone(engine, requests[3:], store, 2, None)
    answer_all(engine, requests[3:], store, batch_size=4)
    before = store.path.read_bytes()
    answer_alone(engine, requests, store, 2, None)
    assert store.path.read_bytes() == before
    answer_alone(engine, requests, store, 3, None)
    assert [store.timed(store.key(request)) for request in requests] == [True, False, False, True, True, False]


def test_a_full_disk_is_told_with_the_file_of_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    engine: Any = Echo()
    with pytest.raises(StoreError) as caught:
        answer_all(engine, [Request([1], SamplingParams(max_new_tokens=4))], AnswerStore(tmp_path, "model"), batch_size=4)
    assert (caught.value.code, caught.value.where) == ("store.disk_full", str(tmp_path / "model.jsonl"))
