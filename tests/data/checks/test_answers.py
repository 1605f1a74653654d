"""All checks of answers together: whatever stands in a conversation, they neither fail nor remember without bound."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import honekit.data.checks
from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks import ranges
from honekit.data.checks.answers import AnswerChecks
from honekit.data.checks.quality.near_duplicates import NearDuplicates
from honekit.data.checks.read_turns import read_turn
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


NAMES = ["Orbis", "Keller", "Anwar", "Lindt", "Bosco", "Meyer", "Ivanov", "Okafor"]
ODD = {
    "data.answers.unfounded": ('{"who": "Kelker", "at": "09:15", "code": "J18.9"}', "42.5 °C, see (3).\nAnswer: 7719"),
    "data.format.pattern": ('{"who": "%s", "at": "9 am", "code": "J18.9"}', "42.5 °C, see (3).\nAnswer: %d"),
    "data.format.closing": ('{"who": "%s", "at": "09:15", "code": "J18.9"}', "42.5 °C, see (3).\nIt is %d"),
    "data.style.units": ('{"who": "%s", "at": "09:15", "code": "J18.9"}', "42.5 °F, see (3).\nAnswer: %d"),
    "data.answer.breaks_off": ('{"who": "%s", "at": "09:15", "code": "J18.9"}', "42.5 °C, see (3.\nAnswer: %d"),
}


def odd_records() -> list[list[Message]]:
    """Two tasks, with one record of each kind that differs."""
    usual = ('{"who": "%s", "at": "09:15", "code": "J18.9"}', "42.5 °C, see (3).\nAnswer: %d")
    conversations = []
    for number, forms in enumerate([*[usual] * 17, *ODD.values(), *[usual] * 20]):
        name, value = NAMES[number % len(NAMES)], 1300 + 7 * number
        for form, system, one in zip(forms, ("Read the form.", "Work it out."), (name, value), strict=True):
            question = f"Form {value + 5} of {name} at 09:15, with J18.9: {value} and 42.5 °C?"
            answer = form % one if "%" in form else form
            conversations.append([Message("system", system), Message("user", question), Message("assistant", answer)])
    return conversations


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 84))
def test_parts_that_were_sent_and_joined_find_what_the_whole_finds(cut: int) -> None:
    conversations = odd_records()
    turns = [turn for line, one in enumerate(conversations, 1) if (turn := read_turn(ChatExample(one, None, line)))]
    whole = AnswerChecks()
    whole.see(turns)
    joined = AnswerChecks()
    for begin, part in ((0, turns[:cut]), (cut, turns[cut:])):
        checks = AnswerChecks()
        checks.see(msgspec.structs.replace(turn, line=turn.line - begin) for turn in part)
        sent = msgspec.msgpack.encode(checks, enc_hook=ranges._sendable)
        joined.join(msgspec.msgpack.decode(sent, type=AnswerChecks, dec_hook=ranges._restored), begin)
    found = list(whole.finish())
    assert found == list(joined.finish())
    assert ODD.keys() <= {finding.code for finding in found}


PHRASES = st.sampled_from([
    "I'm sorry, but I can't help with that.", "As an AI model, I know.", "TODO", "{{name}}", "&nbsp;", "<br>", "cafÃ©",
    "a?b c?d", "```python\nx\n```", "5 km, 3 kg", "€5", "7:30 pm", "2 + 2 = 5", "\nAnswer: 9", "(see [1].", "<|im_end|>",
    "I hope this helps!", "as shown above", "a\\nb", "ORD-48213", "label: payment", "e" * 48, "—" * 48, "12345678" * 8,
    "1 2 3 " * 12, "word" * 120, "du und Sie", "です。", "**bold**", "- a\n- b", "ALL OF IT", "n/a", "billing", "  two  blanks ",
    "a, b", "years: 9", "\x7f", "ß",
])  # fmt: skip
SAID = st.lists(PHRASES | TEXTS | st.just("The pump is not what you have in the third line."), min_size=1, max_size=4)
SYSTEMS = st.sampled_from(["", "Write code.", "Say billing, login or delivery."])


@st.composite
def asked(draw: st.DrawFn) -> list[Message]:
    """A question and its answer, made of what the checks look for."""
    system, question, answer = draw(SYSTEMS), " ".join(draw(SAID)), " ".join(draw(SAID))
    return [*[Message("system", system)] * bool(system), Message("user", question), Message("assistant", answer)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(MESSAGES, max_size=5) | asked(), min_size=1, max_size=14), st.integers(1, 4))
def test_what_is_looked_at_together_is_what_is_looked_at_one_by_one(conversations: list[list[Message]], times: int) -> None:
    examples = [ChatExample(messages, None, line) for line, messages in enumerate(conversations * times, 1)]
    together, one_by_one = AnswerChecks(), AnswerChecks()
    together.see(turn for example in examples if (turn := read_turn(example)))
    for example in examples:
        one_by_one.see(turn for turn in [read_turn(example)] if turn)
    assert together == one_by_one
    assert [*together.finish()] == [*one_by_one.finish()]


def test_every_code_of_the_checks_has_a_section_in_the_findings() -> None:
    sources = Path(honekit.data.checks.__file__).parent.rglob("*.py")
    code = re.compile(r'"(data\.(?:answers|format|inputs|labels|language|style|system|text|near_duplicate)[a-z_.]*)"')
    codes = {found for path in sources for found in code.findall(path.read_text())}
    pages = "".join((files("honekit.data") / "findings" / name).read_text() for name in ("consistency.md", "quality.md"))
    assert codes and codes <= set(re.findall(r"^## (\S+)$", pages, re.MULTILINE))
