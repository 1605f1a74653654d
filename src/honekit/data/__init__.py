"""Data: raw examples and chat files read and checked, prompts built, splits kept apart."""

from honekit.data.chat import ChatExample, check_chat_file, read_chat_file
from honekit.data.completions import CompletionExample, check_completion_file, holds_completions, read_completion_file
from honekit.data.examples import Example, read_examples
from honekit.data.lines import Finding
from honekit.data.near.rule import near_duplicates, overlap_report
from honekit.data.preference import PreferenceExample, check_preference_file, read_preference_file
from honekit.data.prompts import ParsedAnswer, answer_schema, build_messages, parse_answer, serialise_answer
from honekit.data.records import CheckResult
from honekit.data.reinforcement import ReinforcementExample, check_reinforcement_file, read_reinforcement_file

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
