"""Pairs of a chosen and a rejected answer, as public sets of preferences hold them, as records of OpenAI's preference format.

Source: huggingface.co/docs/trl/dataset_formats (preference, with an explicit prompt as text or as messages, or with the prompt
at the beginning of both conversations). Other names of the prompt are those of public sets.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from honekit.data.lines import AddFinding
from honekit.data.preference_faults import PREFERRED, REJECTED

NAME = "chosen-rejected"
_KEYS = ("chosen", "rejected")
_PROMPTS = ("prompt", "question", "instruction", "input")


def is_chosen_rejected(row: dict[str, Any]) -> bool:
    return row.keys() >= set(_KEYS)


def as_preference(row: dict[str, Any], add: AddFinding) -> dict[str, Any] | None:
    """The record, or None after a fault that was reported. What its messages lack is left to the checks of the format."""
    answers: list[Any] = [row.get(key) for key in _KEYS]
    for key, answer in zip(_KEYS, answers, strict=True):
        if answer is None:
            add("data.preference.missing", key, f"the key `{key}` is missing", "write the answer, or delete the record")
    if None in answers:
        return None
    prompt = next((row[key] for key in _PROMPTS if row.get(key)), None)
    if prompt is None and all(isinstance(answer, list) for answer in answers):
        prompt = _common(*answers)
    if not prompt:
        fix = "write what the two answers answer, as `prompt`"
        add("data.preference.input", "prompt", "there is no prompt before the two answers", fix)
        return None
    asked = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    if isinstance(row.get("system"), str) and row["system"]:
        asked = [{"role": "system", "content": row["system"]}, *asked]
    preferred, rejected = (_answer(answer, prompt) for answer in answers)
    tools = {"tools": row["tools"]} if row.get("tools") else {}
    return {"input": {"messages": asked, **tools}, PREFERRED[0]: preferred, REJECTED[0]: rejected}


def field_of(field: str, row_has_messages: bool) -> str:
    """The field of such a row that a finding about its preference record names."""
    for name, key in ((REJECTED[0], "rejected"), (PREFERRED[0], "chosen"), ("input.messages", "prompt")):
        if field.startswith(name):
            return key + field.removeprefix(name) if row_has_messages else key
    return field


def _common(chosen: list[Any], rejected: list[Any]) -> list[Any]:
    """The messages that both conversations begin with, but for their last ones."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(chosen[:-1], rejected[:-1], strict=False))
    return [message for message, _ in pairs]


def _answer(answer: Any, prompt: Any) -> Any:
    """The answer as a list of messages, without the prompt where it stands before it once more."""
    if not isinstance(answer, list):
        return [{"role": "assistant", "content": answer}]
    if isinstance(prompt, list):
        return answer[len(prompt) :] if answer[: len(prompt)] == prompt else answer
    first = answer[0] if answer else None
    return answer[1:] if len(answer) > 1 and isinstance(first, dict) and first.get("content") == prompt else answer
