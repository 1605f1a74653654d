"""All dialects by name, and by which keys a record shows that it is of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from honekit.data.formats.alpaca import ALPACA
from honekit.data.formats.bedrock import CLAUDE, NOVA
from honekit.data.formats.chosen_rejected import NAME as CHOSEN_REJECTED
from honekit.data.formats.chosen_rejected import is_chosen_rejected
from honekit.data.formats.completion import COMPLETION, pair_of
from honekit.data.formats.dialect import Dialect
from honekit.data.formats.gemini import GEMINI
from honekit.data.formats.mistral import MISTRAL
from honekit.data.formats.openai import CHAT, OPENAI
from honekit.data.formats.sharegpt import SHAREGPT
from honekit.data.formats.together import TOGETHER
from honekit.data.preference_faults import PREFERRED, REJECTED

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (CHAT, OPENAI, MISTRAL, TOGETHER, GEMINI, CLAUDE, NOVA, ALPACA, SHAREGPT, COMPLETION)
}
OTHER_KINDS = ("preference", "reinforcement", CHOSEN_REJECTED)
"""Formats whose records are no conversations to learn: OpenAI's two, which have checkers of their own, and one that is read as
the first of them."""
_PREFERENCE_KEYS = frozenset((*PREFERRED, *REJECTED))
_CHAT_KEYS = frozenset(("messages", "tools", "parallel_tool_calls", "functions"))


def recognise(rows: Sequence[dict[str, Any]]) -> str | None:
    """The dialect or kind that most of these records show, or None."""
    shown = Counter(name for row in rows if (name := _of(row)))
    return shown.most_common(1)[0][0] if shown else None


def _of(row: dict[str, Any]) -> str | None:
    keys = row.keys()
    if keys & _PREFERENCE_KEYS:
        return "preference"
    if is_chosen_rejected(row):
        return CHOSEN_REJECTED
    if "contents" in keys:
        return "gemini"
    if "conversations" in keys:
        return "sharegpt"
    if "schemaVersion" in keys or ("messages" in keys and isinstance(row.get("system"), list)):
        return "bedrock-nova"
    if "messages" in keys:
        if isinstance(row.get("system"), str):
            return "bedrock-claude"
        return "reinforcement" if _is_prompt(row) else "chat"
    if "instruction" in keys and keys & {"input", "output"}:
        return "alpaca"
    return "prompt-completion" if pair_of(keys) else None


def _is_prompt(row: dict[str, Any]) -> bool:
    """A conversation that ends with the user, and further keys by which a grader judges the answer."""
    messages = row["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") == "user" and bool(row.keys() - _CHAT_KEYS)
