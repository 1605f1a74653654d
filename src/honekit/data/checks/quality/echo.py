"""Answers that say the question once more."""

from __future__ import annotations

from itertools import pairwise

from honekit.data.checks.quality.scripts import is_unspaced
from honekit.data.checks.turn import NO_JSON, Turn, bare

_LEAST_ECHO = 12
_ECHO_BEGINNING = 32
_LEAST_REPEATED, _LEAST_ASKED = 40, 20
_LEAST_UNSPACED = 8


def is_echo(answer: str, question: str) -> bool:
    """Whether an answer that is no JSON is the question once more, the text at the end of it, or begins with all of it."""
    size, asked = len(answer), len(question)
    says_enough = size >= _LEAST_UNSPACED and is_unspaced(answer)
    if not asked or not (says_enough or (size >= _LEAST_ECHO and " " in answer)):
        return False
    if size < asked and question.endswith(answer.strip()):
        # `Translate: …`, and the text to be translated again.
        before = question[: -len(answer.strip())].rstrip(" ")
        return before.endswith((":", "\n"))
    if asked >= _LEAST_REPEATED and size >= _LEAST_REPEATED:
        # `Summarise: …`, and the text itself before the summary.
        begun = answer.lstrip()
        begins = question.find(begun[:_LEAST_REPEATED])
        if begins >= 0 and begun.startswith(question[begins:].rstrip()):
            return asked - begins >= _LEAST_REPEATED
    if _LEAST_ASKED <= asked < size and _has_words(question):
        return answer.startswith(question)
    if abs(size - asked) > 0.2 * asked:
        return False
    one, other = answer[0], question[0]
    if one.isascii() and other.isascii() and one.isalnum() and other.isalnum() and one.lower() != other.lower():
        return False
    first, second = bare(answer[:_ECHO_BEGINNING]), bare(question[:_ECHO_BEGINNING])
    return (first.startswith(second) or second.startswith(first)) and bare(answer) == bare(question)


def _has_words(text: str) -> bool:
    """Whether it has three blanks: the beginning nearly always tells."""
    return text.count(" ", 0, _ECHO_BEGINNING) >= 3 or text.count(" ") >= 3


def is_edit(turn: Turn) -> bool:
    """Whether an answer is the question with some words changed."""
    if turn.value is not NO_JSON or abs(len(turn.answer) - len(turn.question)) > 0.4 * len(turn.question):
        return False
    if turn.answer and is_unspaced(turn.answer):
        pairs, others = set(pairwise(turn.answer)), set(pairwise(turn.question))
        return len(pairs & others) >= 0.5 * max(len(pairs), len(others))
    own, other = set(turn.answer.casefold().split()), set(turn.question.casefold().split())
    return len(own & other) >= 0.5 * max(len(own), len(other))
