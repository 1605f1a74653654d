"""Alpaca: `{"instruction": ..., "input": ..., "output": ...}`, with `system` and `history` where there are any.

Source: github.com/tatsu-lab/stanford_alpaca (the three keys); LLaMA-Factory's data/README.md (`system`, `history` as pairs of
instruction and answer; instruction and input are joined by a line end).
"""

from __future__ import annotations

from typing import Any

from honekit.data.formats.dialect import ChatRecord, Dialect, Lose, conversation, keep_only, system_and_turns, text_of
from honekit.data.lines import AddFinding

_CODE = "data.alpaca"


def read(row: dict[str, Any], add: AddFinding) -> ChatRecord | None:
    """One conversation: the pairs of `history`, then instruction and input as the question, and the output."""
    instruction = text_of(row, "instruction", f"{_CODE}.instruction", add)
    output = text_of(row, "output", f"{_CODE}.output", add)
    given = text_of(row, "input", f"{_CODE}.input", add, is_needed=False)
    system = text_of(row, "system", f"{_CODE}.system", add, is_needed=False)
    history = _history(row.get("history"), add)
    if instruction is None or output is None or history is None:
        return None
    asked = f"{instruction}\n{given}" if given else instruction
    return conversation(system, [*history, (asked, output)])


def _history(history: Any, add: AddFinding) -> list[tuple[str, str]] | None:
    if history is None:
        return []
    turns: list[tuple[str, str]] = []
    for index, pair in enumerate(history if isinstance(history, list) else [history]):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            add(f"{_CODE}.history", f"history[{index}]", "this is no pair of texts", 'write ["question", "answer"]')
            return None
        turns.append((pair[0], pair[1]))
    return turns


def write(record: ChatRecord, lose: Lose) -> dict[str, Any] | None:
    """The last question as the instruction, with an empty input; earlier turns as `history`."""
    kept = keep_only(record, lose)
    parts = system_and_turns(kept, lose) if kept else None
    if parts is None:
        return None
    system, turns = parts
    texts = [turn["content"] for turn in turns]
    written: dict[str, Any] = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if system is not None:
        written["system"] = system
    if len(texts) > 2:
        written["history"] = [list(pair) for pair in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    return written


ALPACA = Dialect("alpaca", "Alpaca", read, write)
