"""System prompts with other words in one place, or in another language."""

from __future__ import annotations

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.consistency.system_prompts import SystemPrompts

USUAL = "You are the help desk of Norrvik Ferries. Be polite and brief."
OTHER = "You are the help desk of Baltic Star Cruises. Be polite and brief."


def found(prompts: list[str]) -> list[tuple[str, int]]:
    turns = [conversation(line, f"question {line}?", "An answer.", prompt) for line, prompt in enumerate(prompts, 1)]
    return [(one.severity, one.line) for one in findings(SystemPrompts(), turns)]


def test_one_prompt_of_another_firm_is_advised_about() -> None:
    assert found([*[USUAL] * 11, OTHER]) == [("advice", 12)]


def test_two_tasks_and_quite_another_prompt_are_meant() -> None:
    assert found([*[USUAL] * 8, *[OTHER] * 3]) == []
    assert found([*[USUAL] * 11, "Translate the sentence into French."]) == []


def test_a_prompt_in_another_language_is_advised_about() -> None:
    german = "Du bist der Kundendienst der Norrvik-Fähren. Antworte höflich und kurz."
    assert found([*[USUAL] * 11, german]) == [("advice", 12)]
    assert found([*[USUAL] * 8, *[german] * 8]) == []
