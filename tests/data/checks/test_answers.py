"""All checks of answers together: whatever stands in a conversation, they neither fail nor remember without bound."""

from __future__ import annotations

import json
import re
from importlib.resources import files

from hypothesis import given, settings
from hypothesis import strategies as st

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.near_duplicates import NearDuplicates
from honekit.data.checks.turn import read_turn
from honekit.data.lines import Finding

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
TEXTS = st.text(max_size=200) | JSON.map(json.dumps) | st.sampled_from(["- a\n- b", "3.5 °C", "{{name}}", "&nbsp;", "2026-01-02"])
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), TEXTS)


def check(conversations: list[list[Message]]) -> list[Finding]:
    checks = AnswerChecks()
    near = NearDuplicates()
    turns = [turn for line, m in enumerate(conversations, 1) if (turn := read_turn(ChatExample(m, None, line)))]
    checks.see(turns)
    found = [finding for turn in turns for finding in near.see(turn)]
    return [*checks.finish([*found, *near.finish()])]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(MESSAGES, max_size=5), max_size=14))
def test_any_conversations_pass_without_a_fault_of_the_checks(conversations: list[list[Message]]) -> None:
    for finding in check(conversations):
        assert 0 <= finding.line <= len(conversations)
        place = re.match(r"messages\[(\d+)\]", finding.field)
        if place:
            assert int(place[1]) < len(conversations[finding.line - 1])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(MESSAGES, min_size=1, max_size=4), min_size=1, max_size=8))
def test_the_same_file_gives_the_same_findings_twice(conversations: list[list[Message]]) -> None:
    assert check(conversations) == check(conversations)


def test_every_code_of_the_checks_has_a_section_in_the_findings() -> None:
    sources = files("honekit.data.checks")
    code = re.compile(r'"(data\.(?:answers|format|inputs|labels|language|style|system|text|near_duplicate)[a-z_.]*)"')
    codes = {found for path in sources.iterdir() if path.name.endswith(".py") for found in code.findall(path.read_text())}
    pages = "".join((files("honekit.data") / "findings" / name).read_text() for name in ("consistency.md", "quality.md"))
    assert codes and codes <= set(re.findall(r"^## (\S+)$", pages, re.MULTILINE))
