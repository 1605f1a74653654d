from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from honekit.data.blocks import MAX_LINE_BYTES, is_packed
from honekit.data.checks.run import check_file
from honekit.data.mending import record as mend_record
from honekit.data.mending.fix import Fixed, FixOptions, fix_file, fixed_path
from honekit.data.private.pseudonyms import Pseudonyms
from honekit.errors import DataError


def _record(user: str = "What is up?", answer: str = "Nothing.", **more: Any) -> str:
    messages = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **more}, ensure_ascii=False)


def _fix(folder: Path, content: bytes | str, **options: Any) -> Fixed:
    source = folder / "train.jsonl"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    return fix_file(source, folder / "out.jsonl", FixOptions(**options))


def _log(result: Fixed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.log.read_text().splitlines()]


def test_mark_line_ends_blank_lines_duplicates_and_unknown_keys_are_mended_and_logged(tmp_path: Path) -> None:
    source = b"\xef\xbb\xbf" + f"{_record('a')}\r\n\r\n{_record('b', scratch=7)}\n{_record('a')}\r\n".encode()
    result = _fix(tmp_path, source)
    assert result.target.read_text() == f"{_record('a')}\n{_record('b')}\n"
    assert _log(result) == [
        {"line": 3, "code": "data.key_unknown", "field": "scratch", "before": "scratch", "after": ""},
        {"line": 4, "code": "data.duplicate", "action": "dropped", "same_as": 1},
        {"line": 1, "code": "data.text.byte_order_mark", "lines": 1},
        {"line": 1, "code": "data.fix.line_end", "lines": 3},
        {"line": 2, "code": "data.blank_line", "lines": 1},
    ]
    assert result.source.read_bytes() == source
    assert result.is_good


def test_a_record_without_a_fault_is_copied_byte_for_byte(tmp_path: Path) -> None:
    odd = '{ "messages":[{"content":"\\u00e9 \\/","role":"user"},{"role":"assistant","content":"1e400","weight":1}]}'
    assert _fix(tmp_path, odd + "\n").target.read_text() == odd + "\n"


def test_notes_and_keys_that_most_records_have_are_kept(tmp_path: Path) -> None:
    lines = [_record(f"Where is door {n}?", site="north", customer_id=n) for n in range(5)]
    content = "\n".join([*lines, _record(site="south", scratch=1)]) + "\n"
    assert _fix(tmp_path, content).target.read_text() == content.replace(', "scratch": 1', "")


def test_a_misspelt_key_is_not_dropped(tmp_path: Path) -> None:
    content = _record(tool=[{"type": "function"}]) + "\n"
    assert _fix(tmp_path, content).target.read_text() == content


def test_records_that_are_equal_as_json_are_duplicates(tmp_path: Path) -> None:
    turned = '{"messages": [{"content": "What is up?", "role": "user"}, {"content": "Nothing.", "role": "assistant"}]}'
    result = _fix(tmp_path, f"{_record()}\n{turned}\n")
    assert result.target.read_text() == _record() + "\n"


def test_what_cannot_be_mended_is_copied_and_listed(tmp_path: Path) -> None:
    content = f'{_record()}\n{{"messages": \n{_record(answer="")}\n'.encode() + b"\xff\xfe\n"
    result = _fix(tmp_path, content)
    assert result.target.read_bytes() == content
    assert not result.is_good
    assert [(f.code, f.line) for f in result.left] == [("data.json_syntax", 2), ("data.assistant.empty", 3), ("data.not_utf8", 4)]


def test_every_error_of_structure_that_the_check_finds_is_listed_as_left(tmp_path: Path) -> None:
    twice = '{"messages": [], "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'
    call = {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{bad"}}
    tools = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]})
    result = _fix(tmp_path, f"{_record()}\n{twice}\n{tools}\n".encode())
    assert {(one.line, one.code) for one in result.left} == {(2, "data.key_repeated"), (3, "data.tool.arguments_json")}
    assert result.broken == 2
    assert not result.is_good
    assert result.target.read_text().splitlines()[1:] == [twice, tools]


def test_broken_records_go_into_a_side_file_when_asked(tmp_path: Path) -> None:
    result = _fix(tmp_path, f'{_record()}\n{{"messages": \n'.encode() + b"\xff\n", drop_broken=True)
    assert result.target.read_text() == _record() + "\n"
    assert result.rejected
    rejected = [json.loads(line) for line in result.rejected.read_text().splitlines()]
    assert [(entry["line"], entry["code"], entry["text"]) for entry in rejected] == [
        (2, "data.json_syntax", '{"messages": '),
        (3, "data.not_utf8", "\\xff"),
    ]
    assert result.is_good


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_above_the_limit_is_copied_or_left_out_whole(tmp_path: Path, end: bytes) -> None:
    long = b"x" * (2 * MAX_LINE_BYTES + 17)
    content = f"{_record()}\n".encode() + long + end
    result = _fix(tmp_path, content)
    assert result.target.read_bytes() == f"{_record()}\n".encode() + long + b"\n"
    assert [(f.code, f.line) for f in result.left] == [("data.line_too_long", 2)]
    result.target.unlink()
    result.log.unlink()
    assert _fix(tmp_path, content, drop_broken=True).target.read_text() == _record() + "\n"


def test_only_limits_the_mends_and_refuses_what_is_none(tmp_path: Path) -> None:
    content = f"{_record(id=1)}\r\n{_record(id=1)}\r\n"
    result = _fix(tmp_path, content, only=frozenset({"data.duplicate"}))
    assert result.target.read_bytes() == f"{_record(id=1)}\r\n".encode()
    for code in ("data.leak.exact", "data.privacy.email"):
        with pytest.raises(DataError, match=re.escape("data.fix.code_unknown")):
            fix_file(result.source, tmp_path / "other.jsonl", FixOptions(only=frozenset({code})))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    result = _fix(tmp_path, _record())
    with pytest.raises(DataError, match=re.escape("data.fix.exists")):
        fix_file(result.source, result.target)
    result.target.unlink()
    with pytest.raises(DataError, match=re.escape("data.fix.exists")):
        fix_file(result.source, result.target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.changes.jsonl", "train.jsonl"]
    assert fixed_path(result.source).name == "train.fixed.jsonl"


def test_redaction_gives_one_value_one_pseudonym_in_all_files(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms()
    outputs = []
    for name, text in (("train", "jane.doe@gmail.com met tom@gmx.de"), ("test", "Ask Jane.Doe@gmail.com, phone 07700 900123")):
        source = tmp_path / f"{name}.jsonl"
        source.write_text(_record(text) + "\n")
        result = fix_file(source, fixed_path(source), FixOptions(pseudonyms=pseudonyms))
        outputs.append(json.loads(result.target.read_text())["messages"][0]["content"])
        assert "jane" not in result.log.read_text().lower()
    assert outputs == ["person1@example.com met person2@example.com", "Ask person1@example.com, phone +1 201-555-0101"]


def test_pseudonyms_keep_the_form_and_are_nobodys(tmp_path: Path) -> None:
    text = (
        "card 4539 5787 6362 1486, DE89 3704 0044 0532 0130 00, my address 84.23.11.7, SSN 078-05-1120, "
        "mysql://store:Oak47x@db.acme.io/x, password: Pa55w0rd!x"
    )
    result = _fix(tmp_path, _record(text) + "\n", pseudonyms=Pseudonyms())
    assert json.loads(result.target.read_text())["messages"][0]["content"] == (
        "card 4000 0000 0000 0015, DE00 0000 0000 0000 0000 01, my address 192.0.2.1, SSN 900-00-0001, "
        "mysql://store:REDACTED-1@db.acme.io/x, password: REDACTED-1"
    )


def test_addresses_of_devices_are_replaced_when_they_are_named(tmp_path: Path) -> None:
    only = frozenset({"data.privacy.mac"})
    result = _fix(tmp_path, _record("a4:c1:38:5e:10:2b at 10.0.4.9") + "\n", only=only, pseudonyms=Pseudonyms(None, only))
    assert json.loads(result.target.read_text())["messages"][0]["content"] == "02:00:00:00:00:01 at 10.0.4.9"


def test_an_address_in_fours_keeps_its_form_and_is_not_found_again() -> None:
    pseudonyms = Pseudonyms(None, frozenset({"data.privacy.mac"}))
    found = [pseudonyms.redact(f"port 3c37.128a.f{number:03x} down") for number in range(1, 13)]
    assert found[0] == ("port 0200.0000.0001 down", ["data.privacy.mac"])
    assert found[11] == ("port 0200.0000.000c down", ["data.privacy.mac"])


def test_a_mend_that_uncovers_private_data_does_not_write_it_to_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mend_record, "TEXT_MENDS", {"data.text.html": html.unescape})
    result = _fix(tmp_path, _record("a &lt; b", "jane.doe&#64;gmail.com") + "\n", pseudonyms=Pseudonyms())
    messages = json.loads(result.target.read_text())["messages"]
    assert [message["content"] for message in messages] == ["a < b", "person1@example.com"]
    assert [entry.get("before") for entry in _log(result)] == ["a &lt; b", None, None]
    assert "jane" not in result.log.read_text()


TEXTS = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from(
            [
                "jane.doe@gmail.com",
                "+44 20 7946 0958",
                "2",
                " ",
                ":",
                "-",
                "555",
                "4539 5787 6362 1486",
                "84.23.11.7",
                "his",
                "phone",
                "DE89 3704 0044 0532 0130 00",
                "password: Pa55w0rd!x",
                "AKIA" + "Q7RZX3PLMD2K9TBV",
                "://u:pa55word@h",
                "&amp;lt;",
                "078-05-1120",
            ]
        ),
        max_size=6,
    ).map("".join),
)
LINES = st.lists(
    st.one_of(
        st.builds(lambda user, answer: _record(user, answer).encode(errors="replace"), TEXTS, TEXTS),
        st.builds(lambda key: _record(**{key: 1}).encode(errors="replace"), st.text(min_size=1, max_size=9)),
        st.binary(max_size=12),
        st.sampled_from([b"", b"\xef\xbb\xbf", b"\r", b'{"messages": []}', b'{"messages": [{"content": [{"text": "a@b.de"}]}]}']),
    ),
    max_size=6,
)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fixed_file_fixed_again_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], end: bytes, drop: bool, redact: bool
) -> None:
    monkeypatch.setattr(
        mend_record, "TEXT_MENDS", {"data.text.html": lambda text: text.replace("&amp;", "&").replace("&lt;", "<")}
    )
    for path in tmp_path.iterdir():
        path.unlink()

    def options() -> FixOptions:
        return FixOptions(pseudonyms=Pseudonyms(b"key") if redact else None, drop_broken=drop)

    source = tmp_path / "a.jsonl"
    source.write_bytes(end.join(lines))
    assume(not is_packed(source))
    first = fix_file(source, tmp_path / "b.jsonl", options())
    again = fix_file(source, tmp_path / "c.jsonl", options())
    second = fix_file(first.target, tmp_path / "d.jsonl", options())
    assert again.target.read_bytes() == first.target.read_bytes()
    assert second.target.read_bytes() == first.target.read_bytes()
    assert not second.changes
    if drop:
        assert not [
            f
            for f in check_file(first.target).errors
            if f.code not in ("data.too_few", "data.empty") and not f.code.startswith("data.secrets")
        ]


def test_a_packed_file_is_mended_into_a_plain_one(tmp_path: Path) -> None:
    lines = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n' * 2
    source = tmp_path / "train.jsonl.gz"
    source.write_bytes(gzip.compress(lines))
    result = fix_file(source, fixed_path(source))
    assert result.target.name == "train.fixed.jsonl"
    assert result.target.read_bytes() == lines[: len(lines) // 2]
