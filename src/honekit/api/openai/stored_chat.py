"""/v1/chat/completions/{id}: the chat completions that were stored, and the messages that they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from honekit.api.openai import stored
from honekit.api.openai.chat_schema import (
    AnsweredCall,
    AnsweredFunction,
    Body,
    ChatCompletion,
    Message,
    Metadata,
    TextPart,
    as_plain,
)
from honekit.api.openai.pages import Page, behind, last_seen, metadata_filter, page
from honekit.api.routes import JsonRoute
from honekit.store import answers

router = APIRouter(prefix="/v1/chat/completions", tags=["chat"], route_class=JsonRoute)

Limit = Annotated[int, Query(ge=1, le=100)]
Order = Literal["asc", "desc"]


class StoredMessage(BaseModel):
    """A message of a stored conversation; what concerns calls is absent where there are none."""

    id: str
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | None
    """The text; of a content in parts all of it."""
    refusal: None = None
    name: str | None = None
    content_parts: list[TextPart] | None = None
    tool_calls: list[AnsweredCall] | None = None
    tool_call_id: str | None = None
    function_call: AnsweredFunction | None = None


class MetadataUpdate(Body):
    metadata: Metadata | None


class ChatCompletionDeleted(BaseModel):
    id: str
    object: Literal["chat.completion.deleted"] = "chat.completion.deleted"
    deleted: bool = True


@router.get("", response_model_exclude_unset=True)
async def list_chat_completions(
    request: Request, model: str | None = None, after: str | None = None, limit: Limit = 20, order: Order = "asc"
) -> Page[ChatCompletion]:
    """The project's stored chat completions, oldest first unless `order` says otherwise; `metadata[key]=value` narrows them."""
    last = await last_seen(
        request, "chat.completion", after, partial(stored.find, request, "chat.completion", after or "", "after")
    )
    found = await asyncio.to_thread(
        answers.list_answers,
        stored.owner_of(request),
        "chat.completion",
        model=model,
        metadata=metadata_filter(request),
        after=last,
        limit=limit + 1,
        newest_first=order == "desc",
    )
    return page([_completion(one) for one in found], limit)


@router.get("/{completion_id}", response_model_exclude_unset=True)
async def retrieve_chat_completion(completion_id: str, request: Request) -> ChatCompletion:
    """One stored chat completion."""
    return _completion(await stored.find(request, "chat.completion", completion_id))


@router.post("/{completion_id}", response_model_exclude_unset=True)
async def update_chat_completion(completion_id: str, body: MetadataUpdate, request: Request) -> ChatCompletion:
    """Give it other metadata; null takes them away."""
    changed = await asyncio.to_thread(
        answers.update_metadata, stored.owner_of(request), "chat.completion", completion_id, body.metadata
    )
    if changed is None:
        raise stored.unknown("chat.completion", completion_id)
    return _completion(changed)


@router.delete("/{completion_id}")
async def delete_chat_completion(completion_id: str, request: Request) -> ChatCompletionDeleted:
    """Delete it, with its messages."""
    await stored.remove(request, "chat.completion", completion_id)
    return ChatCompletionDeleted(id=completion_id)


@router.get("/{completion_id}/messages", response_model_exclude_unset=True)
async def list_messages(
    completion_id: str, request: Request, after: str | None = None, limit: Limit = 20, order: Order = "asc"
) -> Page[StoredMessage]:
    """The messages that were answered, without the answer."""
    found = await stored.find(request, "chat.completion", completion_id)
    messages = [StoredMessage.model_validate(one) for one in found.input]
    return page(behind(messages if order == "asc" else messages[::-1], after), limit)


def to_store(completion_id: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of a request as they are kept."""
    kept = []
    for index, message in enumerate(messages):
        one = as_plain(message)
        parts = one.get("content")
        if isinstance(parts, list):
            one |= {"content": "".join(part["text"] for part in parts), "content_parts": parts}
        kept.append(
            {"content": None, "refusal": None, "name": None, "content_parts": None, **one, "id": f"{completion_id}-{index}"}
        )
    return kept


def _completion(answer: answers.Answer) -> ChatCompletion:
    return ChatCompletion.model_validate(stored.content(answer))
