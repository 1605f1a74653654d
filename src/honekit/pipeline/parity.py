"""The parity certificate: held-out items answered by the live endpoint equal the evaluation's own greedy answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honekit.data import Example, build_messages
from honekit.evals.answers import Answer
from honekit.evals.prompting import Prompting
from honekit.project import Project
from honekit.retrieval import Index

CLIENTS = 8
"""Requests under way at once, so that the check goes through the server's batching too."""


@dataclass(frozen=True)
class Certificate:
    """`equal` of `items` answers were the same, letter by letter; `different` lists up to five that were not."""

    items: int
    equal: int
    different: list[dict[str, str]]

    @property
    def holds(self) -> bool:
        return self.items > 0 and self.equal == self.items

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def certify(
    project: Project,
    version: str,
    prompting: Prompting,
    examples: Sequence[Example],
    answers: Sequence[Answer],
    index: Index | None,
    precision: str,
) -> Certificate:
    """Serve the version on a free loopback port, ask for `gate.parity_items` examples through the OpenAI client, compare."""
    from concurrent.futures import ThreadPoolExecutor

    from openai import OpenAI

    from honekit.api import auth
    from honekit.api.engines import Engines
    from honekit.api.server import running

    def ask(example: Example) -> str:
        passages = None
        if prompting.retrieval and index is not None and project.retrieval is not None:
            passages = index.search(example.input, project.retrieval.k)
        messages: Any = build_messages(project, example, system=prompting.system, passages=passages)
        reply = client.chat.completions.create(
            model=version, messages=messages, temperature=0, max_tokens=project.task.max_new_tokens
        )
        return reply.choices[0].message.content or ""

    count = min(project.gate.parity_items, len(examples))
    secret, key = auth.create_key(name="parity check")
    try:
        engines = Engines(device=project.train.device, precision=precision, max_loaded=1)
        with (
            running(engines) as url,
            OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=2, timeout=600) as client,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            texts = list(pool.map(ask, examples[:count]))
    finally:
        auth.forget_key(key.id)
    different = [
        {"id": example.id, "served": text, "evaluated": answer.text}
        for example, text, answer in zip(examples[:count], texts, answers[:count], strict=True)
        if text != answer.text
    ]
    return Certificate(count, count - len(different), different[:5])
