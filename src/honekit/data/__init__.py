"""Data: raw examples and chat files read and checked, prompts built, splits kept apart.

The names below load their modules on first use: a worker that checks part of a chat file needs few of them, and is started anew
for every file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from honekit.data.chat import ChatExample, check_chat_file, read_chat_file
    from honekit.data.completions import CompletionExample, check_completion_file, holds_completions, read_completion_file
    from honekit.data.examples import Example, read_examples
    from honekit.data.lines import Finding
    from honekit.data.near.rule import near_duplicates, overlap_report
    from honekit.data.preference import PreferenceExample, check_preference_file, read_preference_file
    from honekit.data.prompts import ParsedAnswer, answer_schema, build_messages, parse_answer, serialise_answer
    from honekit.data.records import CheckResult
    from honekit.data.reinforcement import ReinforcementExample, check_reinforcement_file, read_reinforcement_file

_MODULES = {
    "ChatExample": "chat",
    "CheckResult": "records",
    "CompletionExample": "completions",
    "Example": "examples",
    "Finding": "lines",
    "ParsedAnswer": "prompts",
    "PreferenceExample": "preference",
    "ReinforcementExample": "reinforcement",
    "answer_schema": "prompts",
    "build_messages": "prompts",
    "check_chat_file": "chat",
    "check_completion_file": "completions",
    "check_preference_file": "preference",
    "check_reinforcement_file": "reinforcement",
    "holds_completions": "completions",
    "near_duplicates": "near.rule",
    "overlap_report": "near.rule",
    "parse_answer": "prompts",
    "read_chat_file": "chat",
    "read_completion_file": "completions",
    "read_examples": "examples",
    "read_preference_file": "preference",
    "read_reinforcement_file": "reinforcement",
    "serialise_answer": "prompts",
}

__all__ = [
    "ChatExample",
    "CheckResult",
    "CompletionExample",
    "Example",
    "Finding",
    "ParsedAnswer",
    "PreferenceExample",
    "ReinforcementExample",
    "answer_schema",
    "build_messages",
    "check_chat_file",
    "check_completion_file",
    "check_preference_file",
    "check_reinforcement_file",
    "holds_completions",
    "near_duplicates",
    "overlap_report",
    "parse_answer",
    "read_chat_file",
    "read_completion_file",
    "read_examples",
    "read_preference_file",
    "read_reinforcement_file",
    "serialise_answer",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
