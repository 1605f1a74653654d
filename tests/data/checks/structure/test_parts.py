"""The structural scan: the fast way and the slow way say the same, in one process and in several."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.conftest import codes, write_lines

from honekit.cli.main import main
from honekit.data.blank_lines import MOST
from honekit.data.checks import CheckOptions, passes, ranges
from honekit.data.checks.privacy.personal_data import PrivacyCheck
from honekit.data.checks.run import check_file
from honekit.data.checks.structure import parts
from honekit.data.checks.structure.endings import Endings
from honekit.data.checks.structure.orders import Orders
from honekit.data.checks.structure.parts import repeated_key
from honekit.data.records import CheckResult


def record(number: int, answer: str = "") -> dict[str, Any]:
    answer = answer or f"The valve of pump {number} closes at {number % 9} bar."
    return {
        "messages": [{"role": "user", "content": f"When does pump {number} close?"}, {"role": "assistant", "content": answer}]
    }


def mixed(count: int) -> list[Any]:
    """Mostly good lines, with faults, blank lines and a repeated line among them."""
    lines: list[Any] = [record(n) for n in range(count)]
    for place in range(7, count, 50):
        lines[place] = ["{", "", {"messages": []}, {**record(place), "extra": 1}, record(3), record(place, "Close the")][
            place // 50 % 6
        ]
    return lines


def same(result: CheckResult) -> dict[str, Any]:
    document = result.as_dict()
    del document["seconds"]
    return document


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "many.jsonl"
    write_lines(file, mixed(4000))
    alone = check_file(file, checks=(), processes=1)
    assert codes(alone.errors) == {"data.json_syntax", "data.messages.empty"}
    assert codes(alone.warnings) >= {"data.duplicate", "data.key_unknown"}
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges, "PART_BYTES", 50_000)
    monkeypatch.setattr(ranges, "structure_parts", lambda *_: pytest.fail("the parent had to read a range itself"))
    assert same(check_file(file, checks=(), processes=2)) == same(alone)


def test_a_record_that_is_written_otherwise_in_json_is_a_duplicate(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    lines = [json.dumps(record(number)) for number in range(12)]
    respaced = json.dumps(json.loads(lines[4]), separators=(",", ":"))
    file.write_text("\n".join([*lines, lines[2], respaced]) + "\n")
    repeated = [(one.line, one.message) for one in check_file(file).warnings if one.code == "data.duplicate"]
    assert repeated == [
        (13, "the same conversation as on line 3"),
        (14, "the same conversation as on line 5, written in another way in JSON"),
    ]


def test_a_key_that_stands_twice_is_seen_beside_lines_with_too_few_quotation_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.jsonl"
    twice = '{"messages": [{"role": "user", "role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
    escaped = (
        '{"messages": [{"role": "user", "content": "\\u0022 \\u0022"}, {"role": "assistant", "content": "\\u0022 \\u0022"}]}'
    )
    for others in (["{", "{"], [escaped]):
        write_lines(file, [*map(record, range(12)), *others, twice])
        for least in (1 << 30, 0):  # of bytes from which on the marks of several lines are counted together
            monkeypatch.setattr(parts, "_BIG_BYTES", least)
            found = check_file(file, checks=()).errors
            assert [one.line for one in found if one.code == "data.key_repeated"] == [13 + len(others)]


def test_several_processes_compare_answers_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "many.jsonl"
    lines = mixed(3000)
    for place in range(3, 3000, 211):
        text = [
            "As an AI language model I cannot help.",
            '{"a": 1}',
            "Das weiß ich leider nicht, weil es nirgendwo steht, und das ist so.",
        ]
        lines[place] = record(place, answer=text[place % 3])
    write_lines(file, lines)
    alone = same(check_file(file, checks=(), answers=True))
    assert {"data.answers.refusal", "data.answers.contradict"} <= alone["counts"].keys()
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges, "PART_BYTES", 50_000)
    one = same(check_file(file, checks=(), answers=True, processes=1))
    assert one["counts"] == alone["counts"]
    assert same(check_file(file, checks=(), answers=True, processes=3)) == one


def test_several_processes_find_the_private_data_that_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "many.jsonl"
    lines = mixed(3000)
    for place in range(3, 3000, 97):
        text = ["Write to jane.doe@gmail.com about it.", "gw-2 is at 10.0.4.9 now.", "My card is 4111 1111 1111 1111."]
        lines[place] = record(place, answer=text[place % 3])
    write_lines(file, lines)
    alone = same(check_file(file, checks=(PrivacyCheck,), answers=False))
    assert {"data.privacy.email", "data.privacy.private_ip", "data.privacy.card"} <= alone["counts"].keys()
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges, "PART_BYTES", 50_000)
    told: list[str] = []
    monkeypatch.setattr(passes, "_TOLD_FROM_S", 0.0)
    result = check_file(file, checks=(PrivacyCheck,), answers=False, processes=3, tell=told.append)
    assert same(result) == alone
    assert told and told[0].startswith("the check for secrets and personal data will take about")
    assert result.seconds.keys() == {"structure", "secrets and personal data"}


def test_a_worker_for_the_structure_loads_nothing_that_it_does_not_need() -> None:
    heavy = ["jinja2", "tokenizers", "numpy", "rapidfuzz", "re2", "honekit.data.checks.answers"]
    heavy += [f"honekit.data.{one}" for one in ("completions", "examples", "near.rule", "preference", "prompts", "reinforcement")]
    code = f"import sys, honekit.data.checks.ranges; print([one for one in {heavy} if one in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_worker_that_dies_is_replaced_by_the_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "many.jsonl"
    write_lines(file, mixed(2000))
    alone = check_file(file, checks=(), processes=1)
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges.sys, "executable", "/bin/false")
    assert same(check_file(file, checks=(), processes=2)) == same(alone)


def test_the_fast_way_and_the_slow_way_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.jsonl"
    write_lines(file, mixed(600))
    fast = same(check_file(file, checks=()))
    monkeypatch.setattr(Orders, "__missing__", _none_is_plain)
    assert same(check_file(file, checks=())) == fast


def _none_is_plain(self: object, roles: tuple[str, ...]) -> None:
    """As though no order of roles were good: every line goes the slow way."""


_TEXTS = st.sampled_from(
    ["", " ", "\t", "Close it.", 'say "no"', "a\nb", "größe", "\u2028", "{", '{"a": 1}', "```\nx", "As an AI", "12 °C or 3 m"]
)
_ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "robot", ""])
_CONVERSATIONS = st.lists(st.tuples(_ROLES, _TEXTS), max_size=4) | st.just([("user", "why?"), ("assistant", "So.")])


@st.composite
def _lines(draw: st.DrawFn) -> str:
    """A record as many programs write it: with or without blanks, with escapes, with a key twice or under another name."""
    content, role = draw(st.sampled_from([("content", "role"), ("content", "role"), ("text", "role"), ("content", "from")]))
    messages = []
    for who, text in draw(_CONVERSATIONS):
        value = json.dumps(text, ensure_ascii=draw(st.booleans()))
        value = value.replace('\\"', "\\u0022") if draw(st.booleans()) else value
        pairs = [f'"{role}":{draw(st.sampled_from(["", " "]))}{json.dumps(who)}', f'"{content}": {value}']
        pairs += draw(st.sampled_from([[], [], [], ['"role": "user"'], ['"content": ""'], ['"weight": 0'], ['"x": 1']]))
        messages.append("{" + draw(st.sampled_from([",", ", "])).join(pairs) + "}")
    line = f'{{"messages": [{", ".join(messages)}]}}'
    return draw(st.sampled_from([line, line, line, line, "", " ", line[:-1], f"{line} ", f"{line}\r"]))


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(_lines(), min_size=1, max_size=30))
def test_any_lines_give_the_same_findings_on_the_fast_way_and_the_slow_way(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder) / "some.jsonl"
        file.write_bytes("\n".join(lines).encode())
        fast = same(check_file(file, checks=(), answers=True))
        patch.setattr(parts, "_BIG_BYTES", 0)
        assert same(check_file(file, checks=(), answers=True)) == fast
        patch.setattr(Orders, "__missing__", _none_is_plain)
        assert same(check_file(file, checks=(), answers=True)) == fast


def test_parts_of_a_big_file_join_to_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.jsonl"
    write_lines(file, mixed(9000))
    whole = same(check_file(file, checks=()))
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    assert same(check_file(file, checks=())) == whole


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "b": {"a": 2}}', None),
        ('{"a": 1, "a": 2}', "a"),
        ('{"m": [{"x": 1}, {"x": 1, "\\u0078": 2}]}', "m[1].x"),
        ('{"m": "\\u0022"}', None),
        ("{", None),
    ],
)
def test_a_repeated_key_is_named_with_its_place(text: str, place: str | None) -> None:
    assert repeated_key(text) == place


def endings(*answers: str) -> list[str]:
    seen = Endings()
    certain = [one for number, answer in enumerate(answers, 1) if (one := seen.look(answer, number, 1))]
    return [f"{one.line}: {one.message}" for one in [*certain, *seen.findings()]]


FULL = [f"Pump {n} is checked by hand before the valve is opened." for n in range(12)]


def test_labels_lists_numbers_and_code_are_not_taken_for_broken_answers() -> None:
    assert not endings(*["Power supply"] * 9, "billing", "4.2 bar", "Sensor-Fault")
    assert not endings(*FULL, "- close the valve\n- write the pressure down in the log book", "42", "See pump 4", "pump")
    assert not endings(*FULL, '{"a": [1, 2]}', "```\nx = 1\n```", "[1] is the first source that I know of", "Use `a`, then `b`")
    assert not endings(*[one.removesuffix(".") for one in FULL])
    assert not endings(*FULL, 'As she said: "Nothing that is worth doing is done in a day." - Anna Berg')
    assert not endings(*FULL, "Kind regards from everybody at the pump house,\nAnna")


@pytest.mark.parametrize(
    "answer",
    [
        "Close the valve, wait for the pressure to fall and then open the",
        "Close the valve, wait for the pressure to fall and then op",
        '{"cause": "valve", "steps": ["close the valve", "wa',
        "Run this:\n```python\nvalve.close()\n",
    ],
)
def test_an_answer_that_stops_in_the_middle_is_told(answer: str) -> None:
    (told,) = endings(*FULL, answer)
    assert told.startswith("13: the answer breaks off")


def test_lengths_are_counted_by_the_tokenizer_of_the_base(tmp_path: Path, tiny_base_dir: Path) -> None:
    file = tmp_path / "train.jsonl"
    write_lines(file, [*(record(n) for n in range(10)), record(10, "word " * 3000 + "."), record(11)])
    long_question = record(12)
    long_question["messages"][0]["content"] = "why " * 3000
    with file.open("a") as more:
        more.write(json.dumps(long_question) + "\n")
    result = check_file(file, CheckOptions(base=str(tiny_base_dir)))
    assert [(one.code, one.line) for one in result.warnings if one.code.startswith("data.base")] == [("data.base.too_long", 11)]
    assert [(one.code, one.line) for one in result.errors] == [("data.base.no_answer", 13)]


def test_a_score_falls_with_the_share_of_bad_records(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    write_lines(file, [*(record(n) for n in range(18)), {"messages": []}, "{"])
    result = check_file(file, checks=())
    assert result.score["structure"] == 90.0
    assert result.score["overall"] == 90.0
    assert result.counts == {"data.messages.empty": 1, "data.json_syntax": 1}


def test_the_terminal_groups_by_code_and_ends_with_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "train.jsonl"
    write_lines(file, [*(record(n) for n in range(10)), *["{"] * 30])
    assert main(["data", "check", str(file), "--only", "structure"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "error    data.json_syntax  × 30"
    assert "and 25 more: lines 16, 17" in out[6]
    assert sum("mend:" in line for line in out) == 1
    assert out[-1].endswith("not usable yet; 30 errors, 0 warnings, 0 advice")


def test_blank_lines_are_told_wherever_a_part_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "chat.jsonl"
    record = '{"messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"Fine."}]}'
    blank = {1, 5, 6, 20, 21, 22, 40}
    text = [" " if number == 6 else "" if number in blank else record % number for number in range(1, 60)]
    file.write_text("\n".join([*text, "", " ", "", ""]), encoding="utf-8")
    for size in (64, 200, 1000, 1 << 20):
        monkeypatch.setattr(ranges, "PART_BYTES", size)
        monkeypatch.setattr(parts, "PART_BYTES", size)
        found = [one.line for one in check_file(file, checks=()).warnings if one.code == "data.blank_line"]
        assert found == sorted(blank), size


def test_of_very_many_blank_lines_the_first_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text("\n" * (MOST + 500) + '{"messages":[]}\n\n', encoding="utf-8")
    result = check_file(file, checks=())
    assert result.counts["data.blank_line"] == result.stats["warnings"] == MOST + 500
    assert len(result.warnings) == MOST


def test_arguments_that_are_encoded_twice_are_held_to_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    calls = [
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": arguments}}]},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}],
        }
        for arguments in (json.dumps(json.dumps({"a": 1})), json.dumps(json.dumps({"a": "b"})))
    ]
    file.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
    result = check_file(file, checks=())
    assert [(one.line, one.code) for one in result.warnings] == [
        (1, "data.tool.arguments_twice"),
        (2, "data.tool.arguments_twice"),
    ]
    assert [(one.line, one.code) for one in result.errors if one.line] == [(2, "data.tool.arguments_schema")]
