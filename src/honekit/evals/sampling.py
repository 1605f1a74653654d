"""One item's request to the model, and its answer as graders and output items have it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from honekit.evals.endpoint import Endpoint, answer_key
from honekit.evals.sources_schema import DEFAULT_SEED, Completions, ItemReference, Responses
from honekit.graders.faults import GradingFault
from honekit.graders.schema import InputMessage
from honekit.graders.templates import Sample, render
from honekit.store import eval_items

ATTEMPT = "hone_attempt"
"""Key of an item that says which asking of the same question it is: each is asked and kept for itself."""


@dataclass(frozen=True)
class Sampled:
    """An answer. `cached`: an earlier run's, so that nobody was asked."""

    messages: list[dict[str, str]]
    text: str
    calls: list[dict[str, Any]]
    finish_reason: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cached: bool = False

    def for_graders(self) -> Sample:
        """What templates call `sample`."""
        more = {"output_tools": self.calls, "model": self.model, "finish_reason": self.finish_reason}
        return Sample(self.text, more)


def messages_of(source: Completions | Responses, item: Mapping[str, Any]) -> list[dict[str, str]]:
    """The prompt of one item. Raises: GradingFault when the item lacks what the messages name, or holds no messages there."""
    wanted = source.input_messages
    if isinstance(wanted, ItemReference):
        return _listed(render("{{" + wanted.item_reference + "}}", item, Sample("")), wanted.item_reference)
    if wanted is None:
        return _listed(render("{{item.input}}", item, Sample("")), "item.input")
    return [
        {"role": message.role, "content": "\n".join(render(text, item, Sample("")) for text in message.texts())}
        for message in wanted.template
    ]


def _listed(text: str, place: str) -> list[dict[str, str]]:
    try:
        given = json.loads(text)
        if isinstance(given, list) and given:
            parsed = [InputMessage.model_validate(message) for message in given]
            return [{"role": message.role, "content": "\n".join(message.texts())} for message in parsed]
    except ValueError:
        if text.strip() and not text.lstrip().startswith(("[", "{")):
            return [{"role": "user", "content": text}]
    raise GradingFault("invalid_variable_error", f"{place} is no list of messages with role and content")


def request_of(source: Completions | Responses, messages: list[dict[str, str]]) -> tuple[str, dict[str, Any]]:
    """Path and body of the request."""
    asked = source.sampling_params
    values: dict[str, Any] = asked.model_dump(exclude_none=True) if asked else {}
    values.pop("reasoning_effort", None)
    values.setdefault("temperature", 1.0)
    values.setdefault("top_p", 1.0)
    if isinstance(source, Responses):
        values.pop("seed", None)
        if "max_completion_tokens" in values:
            values["max_output_tokens"] = values.pop("max_completion_tokens")
        return "/responses", {"model": source.model, "input": messages, "store": False, **values}
    values.setdefault("seed", DEFAULT_SEED)
    return "/chat/completions", {"model": source.model, "messages": messages, **values}


async def sample(
    endpoint: Endpoint, source: Completions | Responses, item: Mapping[str, Any], owner: str, version: str
) -> Sampled:
    """Ask, unless the same was asked of the same version before.

    Raises: GradingFault as `messages_of`; Refused, EvalError as `Endpoint.post`; StoreError.
    """
    messages = messages_of(source, item)
    path, body = request_of(source, messages)
    attempt = item.get(ATTEMPT)
    key = answer_key(owner, version, path, body if attempt is None else {**body, ATTEMPT: str(attempt)})
    kept = await asyncio.to_thread(eval_items.kept_answer, key)
    if kept is not None:
        return Sampled(**kept, cached=True)
    answer = await endpoint.post(path, body)
    try:
        made = (_of_response if path == "/responses" else _of_completion)(messages, answer)
    except (AttributeError, KeyError, IndexError, TypeError) as fault:
        said = json.dumps(answer, ensure_ascii=False)[:200]
        raise endpoint.gone(f"its answer is none of this API: {said}") from fault
    made = made if made.model else replace(made, model=str(source.model))
    content = {name: getattr(made, name) for name in Sampled.__dataclass_fields__ if name != "cached"}
    await asyncio.to_thread(eval_items.keep_answer, key, content)
    return made


def _of_completion(messages: list[dict[str, str]], answer: dict[str, Any]) -> Sampled:
    choice, usage = answer["choices"][0], answer.get("usage") or {}
    message = choice["message"]
    return Sampled(
        messages,
        _text(message.get("content")) or _text(message.get("refusal")),
        _listed_calls(message.get("tool_calls")),
        choice.get("finish_reason") or "stop",
        answer.get("model") or "",
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def _of_response(messages: list[dict[str, str]], answer: dict[str, Any]) -> Sampled:
    usage, output = answer.get("usage") or {}, answer["output"]
    text = "".join(_text(one["content"]) for one in output if one["type"] == "message")
    calls = [{"name": one["name"], "arguments": one["arguments"]} for one in output if one["type"] == "function_call"]
    reason = "length" if answer.get("status") == "incomplete" else "tool_calls" if calls else "stop"
    tokens = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    return Sampled(messages, text, calls, reason, answer.get("model") or "", *tokens)


def _text(content: Any) -> str:
    """A text, or the texts of its parts, refusals among them. Raises: TypeError for anything else."""
    if isinstance(content, list):
        return "".join(_text(part.get("text", part.get("refusal"))) for part in content)
    if content is not None and not isinstance(content, str):
        raise TypeError("content that is no text")
    return content or ""


def _listed_calls(given: Any) -> list[dict[str, Any]]:
    if given is not None and not isinstance(given, list):
        raise TypeError("calls that are no list")
    return given or []


def _count(usage: dict[str, Any], name: str) -> int:
    """Tokens; 0 where a server counts none."""
    given = usage.get(name)
    return given if isinstance(given, int) else 0
