"""Short ways to write conversations and to hold checks against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.near_duplicates import MAX_RECORDS, NearDuplicates
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import TurnCheck, Turns
from honekit.data.lines import Finding


def conversation(line: int, question: str, answer: str, system: str = "", tools: list[dict[str, Any]] | None = None) -> Turn:
    first = [Message("system", system)] if system else []
    turn = read_turn(ChatExample([*first, Message("user", question), Message("assistant", answer)], tools, line))
    assert turn is not None
    return turn


def findings(check: TurnCheck, turns: Iterable[Turn]) -> list[Finding]:
    check.see(Turns(turns))
    return [*check.finish()]


def near_findings(turns: Iterable[Turn], max_records: int = MAX_RECORDS) -> list[Finding]:
    near = NearDuplicates(max_records)
    return [*[finding for turn in turns for finding in near.see(turn)], *near.finish()]


def answers(texts: Sequence[str], system: str = "") -> list[Turn]:
    """One conversation for each answer, on questions of their own."""
    return [conversation(line, f"question {line}?", text, system) for line, text in enumerate(texts, 1)]
