"""Where models are asked during an evaluation: any server of OpenAI's API, Hone's own included, through the official client."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from honekit.errors import EvalError, HoneError
from honekit.graders import elsewhere
from honekit.graders.judges import Answer, AskFailed, completion_answer, completion_request
from honekit.graders.schema import SamplingParams
from honekit.graders.similarity import Embed

if TYPE_CHECKING:
    from openai import AsyncOpenAI


NOT_OF_THE_ITEM = (401, 403, 408, 429)
"""Statuses that say something of the server, the key or the moment: the same question may be answered later."""


class Refused(Exception):
    """The endpoint answered that it will not answer this request: a fault of one item, not of the run."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Endpoint:
    """A server of models; `name` is its address, empty for Hone's own models. `embedder`: the model by which text_similarity
    graders compare embeddings; without one `cosine` is of word counts."""

    client: AsyncOpenAI
    name: str = ""
    embedder: str = ""

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as JSON. The client tries again what is worth it.

        Raises: Refused; EvalError[evals.endpoint_gone] when nobody answers there, or not with this API;
        EvalError[evals.unknown_model] when it does not have the model; HoneError of Hone's own installation.
        """
        from openai import APIConnectionError, APIStatusError

        try:
            answer: Any = _readable(await self.client.post(path, cast_to=object, body=dict(body)))
        except APIStatusError as fault:
            told = fault.body if isinstance(fault.body, dict) else {}
            if fault.status_code in NOT_OF_THE_ITEM or fault.status_code >= 500 or not told:
                raise self.gone(f"it answers {fault.status_code}: {told.get('message') or fault}"[:300]) from fault
            message = str(told.get("message") or fault)
            if fault.status_code == 404:
                raise self._unknown_model(str(body.get("model")), message) from fault
            raise Refused(str(told.get("code") or fault.status_code), message) from fault
        except APIConnectionError as fault:
            if isinstance(fault.__cause__, HoneError):
                raise fault.__cause__ from None
            raise self.gone(str(fault.__cause__ or fault)) from fault
        except ValueError as fault:
            raise self.gone("its answer is not JSON") from fault
        if not isinstance(answer, dict):
            raise self.gone("its answer is not JSON")
        return answer

    async def version(self, model: str) -> str:
        """What tells versions of a model apart, as far as the endpoint says: its address, the name, when it was made."""
        from openai import APIError

        try:
            found = await self.client.models.retrieve(model)
            made = f"{found.id} {found.created}"
        except APIError:  # many servers have no such route
            made = model
        return f"{self.name} {made}".strip()

    def _unknown_model(self, model: str, message: str) -> EvalError:
        """What is true of every item: no other one would be answered either."""
        return EvalError(
            "evals.unknown_model",
            what=f"the model {model!r} cannot be asked: {message}"[:300],
            where=self.name or None,
            mend="begin another run with a model that this server has, or go on with this one when it has the model",
        )

    def gone(self, why: str) -> EvalError:
        """The fault that ends a run, which can go on later."""
        return EvalError(
            "evals.endpoint_gone",
            what=f"the models cannot be asked: {why}",
            where=self.name or None,
            mend="mend the address, the key or that server, then run the same command again: it goes on where it stopped",
        )


@dataclass(frozen=True)
class Judges:
    """The models that graders ask, for graders, which run in threads. `loop` is the event loop of the endpoint's client."""

    endpoint: Endpoint
    loop: asyncio.AbstractEventLoop

    def ask(self, model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str]) -> Answer:
        """Hone's own models are held to the labels; of other servers it is not known whether they can be. Where Hone's own are
        asked, an administrator may have named further ones (`honekit.graders.elsewhere`).

        Raises: AskFailed; HoneError as `Endpoint.post`, which ends the run: the item can be graded later.
        """
        if self.endpoint.name:
            return completion_answer(self._post("/chat/completions", completion_request(model, messages, sampling)))
        if elsewhere.is_elsewhere(model):
            try:
                return elsewhere.ask(model, messages, sampling, labels)
            except elsewhere.Gone as fault:
                raise self.endpoint.gone(str(fault)) from fault
        return completion_answer(self._post("/chat/completions", completion_request(model, messages, sampling, labels)))

    def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Raises: as `ask`."""
        answer = self._post("/embeddings", {"model": model, "input": list(texts), "encoding_format": "float"})
        try:
            return [[float(number) for number in one["embedding"]] for one in answer["data"]]
        except (KeyError, TypeError, ValueError) as fault:
            raise AskFailed("the answer holds no embeddings") from fault

    @property
    def compare(self) -> Embed | None:
        """The embeddings of the endpoint's own embedder."""
        return partial(self.embed, self.endpoint.embedder) if self.endpoint.embedder else None

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return asyncio.run_coroutine_threadsafe(self.endpoint.post(path, body), self.loop).result()
        except Refused as fault:
            raise AskFailed(fault.message) from fault


def _readable(answer: Any) -> Any:
    """The answer without halves of surrogate pairs, which no file or database takes."""
    try:
        json.dumps(answer, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
    return answer


def answer_key(owner: str, version: str, path: str, body: Mapping[str, Any]) -> str:
    """Content hash of (project, model version, request): whatever determines an answer."""
    content = json.dumps([owner, version, path, body], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
