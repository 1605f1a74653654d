"""An OpenAI-compatible provider as the one who answers an arm's prompts.

Answers are kept as those of models here are: by provider, model, messages, and what the answer is held to.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from honekit.data import Example
from honekit.data.prompts import answer_schema
from honekit.errors import EvalError
from honekit.evals.answers import Answer, AnswerStore, Progress
from honekit.evals.prompting import Prompting, Sources
from honekit.project import Project

if TYPE_CHECKING:
    from openai import OpenAI

CLIENTS = 8
"""Requests under way at once."""
TIMEOUT_S = 120.0


def require_key(variable: str, base_url: str) -> str:
    """The provider's key. Raises: EvalError[eval.endpoint_key]."""
    key = os.environ.get(variable)
    if not key:
        raise EvalError(
            "eval.endpoint_key",
            what=f"the environment variable {variable} with the provider's key is not set",
            where=base_url,
            mend=f"export {variable}=..., or name another one as decide.measure.api_key_env in hone.toml",
        )
    return key


@dataclass
class EndpointAsker:
    """Asks `model` at `base_url`; the key is in the environment variable `api_key_env`."""

    project: Project
    sources: Sources
    store: AnswerStore
    base_url: str
    model: str
    api_key_env: str
    seed: int = 0

    def answer_each(
        self, promptings: Sequence[Prompting], examples: Sequence[Example], *, progress: Progress | None = None
    ) -> list[list[Answer]]:
        """The answers under each prompting, several requests at once. Raises: EvalError[eval.endpoint]."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        asked = [(prompting, example) for prompting in promptings for example in examples]
        keys = [self._key(prompting, example) for prompting, example in asked]
        missing = {key: pair for key, pair in zip(keys, asked, strict=True) if self.store.get(key) is None}
        done = len(asked) - len(missing)
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(self._ask, key, *pair, alone=False) for key, pair in missing.items()]
            try:
                for future in as_completed(running):
                    self.store.put(future.result())
                    done += 1
                    if progress:
                        progress(done, len(asked))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        answers = [answer for key in keys if (answer := self.store.get(key)) is not None]
        return [answers[start : start + len(examples)] for start in range(0, len(answers), len(examples))]

    def answer_first(self, prompting: Prompting, examples: Sequence[Example], count: int, progress: Progress) -> None:
        """One request at a time, whose seconds count."""
        for number, example in enumerate(examples[:count], 1):
            key = self._key(prompting, example)
            if not self.store.timed(key):
                self.store.put(self._ask(key, prompting, example, alone=True))
            progress(number, count)

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        key = require_key(self.api_key_env, self.base_url)
        return OpenAI(base_url=self.base_url, api_key=key, max_retries=4, timeout=TIMEOUT_S)

    def _key(self, prompting: Prompting, example: Example) -> str:
        messages = self.sources.conversation(prompting, example)
        content = [self.store.fingerprint, messages, self.project.task.max_new_tokens, self._format(prompting), self.seed]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def _format(self, prompting: Prompting) -> dict[str, Any] | None:
        if not prompting.constrained:
            return None
        schema = answer_schema(self.project)
        return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}

    def _ask(self, key: str, prompting: Prompting, example: Example, *, alone: bool) -> Answer:
        from openai import OpenAIError

        messages: Any = self.sources.conversation(prompting, example)
        further: Any = {"response_format": form} if (form := self._format(prompting)) else {}
        started = time.perf_counter()
        try:
            reply = self._client.chat.completions.create(
                model=self.model,
                messages=messages,
                temperature=0,
                seed=self.seed,
                max_tokens=self.project.task.max_new_tokens,
                **further,
            )
        except OpenAIError as fault:
            raise EvalError(
                "eval.endpoint",
                what=f"the provider did not answer for {self.model}: {str(fault)[:300]}",
                where=self.base_url,
                mend="check endpoint, model and key; running the command again goes on where it stopped",
            ) from fault
        choice = reply.choices[0]
        usage = reply.usage
        return Answer(
            key=key,
            text=choice.message.content or "",
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            new_tokens=usage.completion_tokens if usage else 0,
            token_ids=[],
            seconds=time.perf_counter() - started if alone else None,
        )
