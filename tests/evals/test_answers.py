"""Answers are computed once, and progress counts each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from honekit.evals.answers import AnswerStore, answer_all
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
