"""POST /v1/embeddings: texts as vectors, from the hidden states of a served language model."""

from __future__ import annotations

import asyncio
import base64
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from honekit.api.batcher import Worker
from honekit.api.errors import bad_request
from honekit.api.openai import answering
from honekit.api.openai.chat_schema import Body, Text
from honekit.api.openai.raw import Texts, check_tokens, listed, token_ids
from honekit.api.routes import JsonRoute

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

router = APIRouter(prefix="/v1", tags=["embeddings"], route_class=JsonRoute)

MAX_TOKENS = 300_000
"""Of all inputs of a request together."""
TOKENS_AT_ONCE = 1024
"""Answers that are being generated wait this long at most."""


class EmbeddingRequest(Body):
    """Texts to embed."""

    model: Text
    input: Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    """Only the width that the model has: its vectors are not made to be cut."""
    user: str | None = None


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str
    """Numbers, or the base64 text of the same as little-endian float32."""


class EmbeddingUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


@router.post("/embeddings", response_model=EmbeddingList)
async def create_embeddings(body: EmbeddingRequest, request: Request) -> Response:
    """The mean of the last layer's outputs over a text's tokens, of length 1."""
    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        return await answering.unless_gone(request, _answer(body, model, worker))


async def _answer(body: EmbeddingRequest, model: str, worker: Worker) -> Response:
    engine = await answering.loaded_to_embed(worker, model)
    texts = await asyncio.to_thread(token_ids, listed(body.input), engine.tokenizer)
    check_tokens(texts, engine, "input")
    total = sum(map(len, texts))
    if total > MAX_TOKENS:
        message = f"The inputs take {total} tokens together, and at most {MAX_TOKENS} may be asked for at once."
        raise bad_request(message, code="invalid_value", param="input")
    vectors: list[NDArray[np.float32]] = []
    while len(vectors) < len(texts):
        vectors += await _embed(worker, _some(texts, len(vectors)))
        width = len(vectors[0])
        if body.dimensions not in (None, width):
            message = f"'dimensions': only {width}, the width of this model, is supported."
            raise bad_request(message, code="unsupported_value", param="dimensions")
    content = EmbeddingList(
        data=[Embedding(index=i, embedding=_written(v, body.encoding_format)) for i, v in enumerate(vectors)],
        model=model,
        usage=EmbeddingUsage(prompt_tokens=total, total_tokens=total),
    )
    return JSONResponse(content.model_dump())


def _some(texts: list[list[int]], start: int) -> list[list[int]]:
    """The next texts that go together, one at least."""
    stop, tokens = start + 1, len(texts[start])
    while stop < len(texts) and tokens + len(texts[stop]) <= TOKENS_AT_ONCE:
        tokens += len(texts[stop])
        stop += 1
    return texts[start:stop]


async def _embed(worker: Worker, texts: list[list[int]]) -> list[NDArray[np.float32]]:
    def work(engine: Any) -> list[NDArray[np.float32]]:
        return list(engine.embed(texts).numpy())

    return await answering.called(worker, work)


def _written(vector: NDArray[np.float32], encoding: str) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(number) for number in vector]
