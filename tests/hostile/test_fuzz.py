"""Readers of what others have written, under drawn input: chat rules, adapters, `hone.toml`, tool calls in answers.

The reader of JSONL files is in `tests/data/test_bombs.py`. Hone reads no event streams: what it reads as it comes are the calls
in a model's answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from tests import tiny
from tests.fuzzing import fuzz
from tests.tiers import seconds

from honekit.chat import parse_messages
from honekit.chat.call_reader import CallReader
from honekit.chat.tools import GENERIC
from honekit.data.chat import chat_reader, line_faults
from honekit.data.lines import Line
from honekit.errors import HoneError
from honekit.models.adapters import CONFIG, ORIGIN, WEIGHTS, check_adapter, read_adapter, save_adapter
from honekit.project import load_project

EXAMPLE = Path(__file__).parents[2] / "examples" / "iot-diagnostics" / "hone.toml"
Note = Callable[[str, object], None]
T = TypeVar("T")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def outcome(call: Callable[[], T]) -> T | HoneError:
    try:
        return call()
    except HoneError as fault:
        return fault


def often(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value of the right kind, or now and then any other."""
    return st.integers(0, 15).flatmap(lambda drawn: likely if drawn else JSON)


def record(needed: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({k: often(v) for k, v in needed.items()}, optional={k: often(v) for k, v in optional.items()})


TEXT = st.text(max_size=12) | st.sampled_from(["", " ", *tiny.SPECIAL, "{{ 7 * 7 }}", "\x00", "\u202e"])
CALL = record({"id": TEXT, "type": st.just("function"), "function": record({"name": TEXT, "arguments": TEXT}, {})}, {})
MESSAGE = record(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "assistant", "tool"])},
    {
        "content": TEXT | st.lists(record({"type": st.just("text"), "text": TEXT}, {}), max_size=2),
        "weight": st.sampled_from([0, 1]),
        "name": TEXT,
        "tool_calls": st.lists(CALL, max_size=2),
        "tool_call_id": TEXT,
        "refusal": TEXT,
    },
)
TOOL = record({"type": st.just("function"), "function": record({"name": TEXT, "parameters": JSON}, {})}, {})
CONVERSATION = record(
    {"messages": st.lists(MESSAGE, max_size=5)},
    {"tools": st.lists(TOOL, max_size=2), "parallel_tool_calls": st.booleans(), "group": JSON},
)


@seconds(6, 600, 86_400)
def test_what_the_chat_rules_pass_can_be_read_and_rendered(seconds: int, record_property: Note) -> None:
    template = tiny.template()

    def check(conversation: Any) -> None:
        text = json.dumps(conversation)
        faults = line_faults(Line(1, text))
        assert all(fault.line == 1 and fault.code.startswith("data.") and fault.message and fault.fix for fault in faults)
        read: list[Any] = []
        chat_reader(lambda example, _report: read.append(example))(Line(1, text), lambda _finding: None, _Ignored())
        if any(fault.severity == "error" for fault in faults):
            return
        (example,) = read
        assert parse_messages(example.messages) == example.messages
        ids = outcome(lambda: template.training_ids(example.messages, example.tools))
        if isinstance(ids, HoneError):
            assert ids.code in ("chat.template_refused", "chat.template_unsupported") and ids.mend
        else:
            assert len(ids.token_ids) == len(ids.weights) and any(ids.weights)

    record_property("n", fuzz(seconds, often(CONVERSATION), check))


class _Ignored(dict[str, int]):
    """Totals that nobody reads."""

    def __missing__(self, key: str) -> int:
        return 0


EDIT = st.tuples(st.integers(0, 1 << 20), st.integers(0, 12), st.binary(max_size=12))
"""Where, how many bytes go, and what comes in their place."""


def edited(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, gone, new in edits:
        at %= len(content) + 1
        content = content[:at] + new + content[at + gone :]
    return content


ADAPTER = st.tuples(
    st.lists(EDIT, max_size=3),
    st.dictionaries(
        st.sampled_from(["r", "lora_alpha", "peft_type", "use_dora", "use_rslora", "bias", "rank_pattern", "target_modules"]),
        JSON,
    ),
    st.lists(EDIT, max_size=2),
)


@seconds(6, 600, 86_400)
def test_any_adapter_is_read_or_refused(seconds: int, record_property: Note, tmp_path: Path) -> None:
    import torch

    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    tensors = {f"{layer}.lora_A.weight": torch.ones(4, 8), f"{layer}.lora_B.weight": torch.ones(8, 4)}
    folder = save_adapter(tmp_path / "adapter", tensors, {"r": 4, "lora_alpha": 8}, "tiny", "f" * 16)
    good = {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG, ORIGIN)}
    read_adapter(folder)  # what it imports counts for no input

    def check(drawn: tuple[Any, dict[str, Any], Any]) -> None:
        in_weights, fields, in_config = drawn
        (folder / WEIGHTS).write_bytes(edited(good[WEIGHTS], in_weights))
        config = json.dumps({**json.loads(good[CONFIG]), **fields}).encode()
        (folder / CONFIG).write_bytes(edited(config, in_config))
        (folder / ORIGIN).write_bytes(edited(good[ORIGIN], in_config))
        origin, adapter = outcome(lambda: check_adapter(folder, "f" * 16)), outcome(lambda: read_adapter(folder))
        for fault in [one for one in (origin, adapter) if isinstance(one, HoneError)]:
            assert fault.code.startswith("model.") and fault.mend
        if isinstance(adapter, HoneError):
            return
        assert adapter.rank >= 1 and math.isfinite(adapter.scale)
        assert all(torch.isfinite(side).all() for pair in adapter.pairs.values() for side in pair)

    record_property("n", fuzz(seconds, ADAPTER, check))


VALUE = st.sampled_from(
    ["1", "-1", "0.5", "1e400", "nan", "true", '""', "'x'", "[]", "[1]", '["a", "b"]', "{}", "{a = 1}", "1979-05-27", "99" * 200]
) | st.text(max_size=6)
LINES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["value", "drop", "twice", "section", "key", "bytes"]), VALUE), max_size=4
)


def changed(lines: list[str], at: int, how: str, value: str) -> list[str]:
    at %= len(lines)
    key = lines[at].partition("=")[0]
    new = {
        "value": [f"{key}= {value}"],
        "drop": [],
        "twice": [lines[at]] * 2,
        "section": [lines[at], f"[{value}]"],
        "key": [lines[at], f"{value.strip() or 'x'} = 1"],
        "bytes": [lines[at][: len(lines[at]) // 2] + value],
    }
    return [*lines[:at], *new[how], *lines[at + 1 :]]


@seconds(6, 600, 86_400)
def test_any_hone_toml_is_a_project_or_told_what_is_wrong(seconds: int, record_property: Note, tmp_path: Path) -> None:
    file, good = tmp_path / "hone.toml", EXAMPLE.read_text(encoding="utf-8").splitlines()
    load_project(EXAMPLE)

    def check(drawn: list[tuple[int, str, str]]) -> None:
        lines = good
        for at, how, value in drawn:
            lines = changed(lines, at, how, value) or good
        file.write_text("\n".join(lines), encoding="utf-8")
        loaded = outcome(lambda: load_project(file))
        if isinstance(loaded, HoneError):
            assert loaded.code in ("settings.toml_syntax", "settings.project_invalid") and loaded.what and loaded.mend

    record_property("n", fuzz(seconds, LINES, check))


ANSWER = st.lists(
    st.sampled_from(
        [GENERIC.opener, GENERIC.closer, GENERIC.write("f", '{"a": [1, "}"]}'), '{"name": "', '"', "{", "}", "\\", "\n"]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@seconds(6, 600, 86_400)
def test_calls_in_an_answer_do_not_depend_on_how_it_comes(seconds: int, record_property: Note) -> None:
    def pieces(parts: list[str], only_first: bool) -> list[tuple[str, str]]:
        reader = CallReader(GENERIC, only_first=only_first)
        joined: list[tuple[str, str]] = []
        for piece in [piece for part in parts for piece in reader.push(part)] + reader.end():
            if joined and joined[-1][0] == piece.kind != "call":
                joined[-1] = (piece.kind, joined[-1][1] + piece.text)
            else:
                joined.append((piece.kind, piece.text))
        return joined

    def check(drawn: tuple[str, list[int], bool]) -> None:
        text, sizes, only_first = drawn
        parts, at = [], 0
        while at < len(text):
            size = sizes[len(parts) % len(sizes)]
            parts.append(text[at : at + size])
            at += size
        assert pieces(parts, only_first) == pieces([text], only_first)

    record_property("n", fuzz(seconds, st.tuples(ANSWER, CUTS, st.booleans()), check))
