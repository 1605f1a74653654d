"""Answers that say the question once more."""

from __future__ import annotations

from honekit.data.checks.turn import NO_JSON, Turn, bare

_LEAST_ECHO = 12
_ECHO_BEGINNING = 32
_LEAST_REPEATED, _LEAST_ASKED = 40, 20


def is_echo(turn: Turn) -> bool:
    """Whether an answer that is no JSON is the question once more, the text at the end of it, or begins with all of it."""
    if len(turn.answer) < _LEAST_ECHO or " " not in turn.answer:
        return False
    if len(turn.answer) < len(turn.question) and turn.question.endswith(turn.answer.strip()):
        # `Translate: …`, and the text to be translated again.
        before = turn.question[: -len(turn.answer.strip())].rstrip(" ")
        return before.endswith((":", "\n"))
    if len(turn.question) >= _LEAST_REPEATED and len(turn.answer) >= _LEAST_REPEATED:
        # `Summarise: …`, and the text itself before the summary.
        answer = turn.answer.lstrip()
        begins = turn.question.find(answer[:_LEAST_REPEATED])
        if begins >= 0 and answer.startswith(turn.question[begins:].rstrip()):
            return len(turn.question) - begins >= _LEAST_REPEATED
    if _LEAST_ASKED <= len(turn.question) < len(turn.answer) and _has_words(turn.question):
        return turn.answer.startswith(turn.question)
    if not turn.question or abs(len(turn.answer) - len(turn.question)) > 0.2 * len(turn.question):
        return False
    one, other = turn.answer[0], turn.question[0]
    if one.isascii() and other.isascii() and one.isalnum() and other.isalnum() and one.lower() != other.lower():
        return False
    first, second = bare(turn.answer[:_ECHO_BEGINNING]), bare(turn.question[:_ECHO_BEGINNING])
    return (first.startswith(second) or second.startswith(first)) and bare(turn.answer) == bare(turn.question)


def _has_words(text: str) -> bool:
    """Whether it has three blanks: the beginning nearly always tells."""
    return text.count(" ", 0, _ECHO_BEGINNING) >= 3 or text.count(" ") >= 3


def is_edit(turn: Turn) -> bool:
    """Whether an answer is the question with some words changed."""
    if turn.value is not NO_JSON or abs(len(turn.answer) - len(turn.question)) > 0.4 * len(turn.question):
        return False
    own, other = set(turn.answer.casefold().split()), set(turn.question.casefold().split())
    return len(own & other) >= 0.5 * max(len(own), len(other))
