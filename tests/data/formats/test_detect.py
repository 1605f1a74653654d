from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.formats.check import check_any
from honekit.data.formats.detect import Given, detect
from honekit.errors import DataError

from .conftest import WORDS, chat, write_json_lines

ANSWER = [{"role": "assistant", "content": "b"}]
GOOD = chat(("user", "a"), ("assistant", "b"))


@pytest.mark.parametrize(
    ("records", "name"),
    [
        ([GOOD], "chat"),
        ([{"input": {"messages": []}, "preferred_output": ANSWER, "non_preferred_output": ANSWER}], "preference"),
        ([chat(("user", "a"), reference="b")] * 3 + [{**GOOD, "reference": "b"}], "reinforcement"),
        ([chat(("user", "a"))] * 3, "chat"),
        ([{**GOOD, "tools": []}] * 2 + [chat(("user", "a"), note="x")], "chat"),
        ([{"instruction": "a", "output": "b"}, {"instruction": "a"}, {"instruction": "c", "output": "d"}], "alpaca"),
        ([{"text": "a", "label": "b"}], "columns"),
        ([{"id": "1", "text": "a", "answer": "b"}], "chat"),
        ([{"anything": "else"}], "chat"),
    ],
)
def test_json_lines_are_told_by_what_most_of_them_show(tmp_path: Path, records: list[Any], name: str) -> None:
    assert detect(write_json_lines(tmp_path / "a.jsonl", records)).format == name


def test_a_name_counts_only_where_the_content_leaves_it_open(tmp_path: Path) -> None:
    array = tmp_path / "a.txt"
    array.write_text(json.dumps([GOOD]))
    assert (detect(array).container, detect(array).format) == ("json", "chat")
    log = tmp_path / "b.txt"
    log.write_text("[12:01] pump on\n[12:02] pump off\n")
    with pytest.raises(DataError) as caught:
        detect(log)
    assert caught.value.code == "data.format_unknown"
    binary = tmp_path / "c.bin"
    binary.write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(DataError) as caught:
        detect(binary)
    assert caught.value.code == "data.format_unknown"


def test_what_the_user_says_overrules_the_guess(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "a.jsonl", [{"prompt": "a", "completion": "b", "question": "c", "answer": "d"}])
    assert detect(path).format == "prompt-completion"
    said = detect(path, Given(columns=("input=question", "answer=answer")))
    assert [record for _, record in said.records(lambda finding: None)] == [chat(("user", "c"), ("assistant", "d"))]
    assert detect(path, Given(format="mistral")).format == "mistral"
    assert detect(path, Given(format="log", pattern="(?P<text>.+)(?P<label>.)")).container == "log"


def test_a_column_may_lie_within_objects(tmp_path: Path) -> None:
    record = {"ticket": {"subject": "a", "by": {"name": "n"}}, "meta": {"queue": "b"}}
    path = write_json_lines(tmp_path / "a.jsonl", [record])
    said = detect(path, Given(columns=("input=ticket.subject", "answer=meta.queue")))
    assert [record for _, record in said.records(lambda finding: None)] == [chat(("user", "a"), ("assistant", "b"))]
    with pytest.raises(DataError) as caught:
        detect(path, Given(columns=("input=ticket.subjct", "answer=meta.queue")))
    assert caught.value.mend == 'did you mean "ticket.subject"?'


def test_records_of_unknown_keys_are_told_how_to_name_them(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "a.jsonl", [{"ticket": {"subject": "a"}, "meta": {"queue": "b"}}])
    fix = next(one for one in check_any(path).errors if one.code == "data.messages.missing").fix
    assert '"ticket.subject", "meta.queue"' in fix
    assert "--map input=KEY --map answer=KEY" in fix


@pytest.mark.parametrize(
    ("header", "row", "roles"),
    [
        ("text,label", "a {n},b", ("text", ("label",))),
        ("Question,Answer,source", "why {n},so,x", None),
        ("instruction,input,output", "do {n},,done", None),
        ("id,note,team", "{n},the {word} is broken,{team}", ("note", ("team",))),
        ("body,team,urgency", "the {word} broke,{team},{team}", ("body", ("team", "urgency"))),
        ("system,prompt,completion", "s,a {n},b", None),
    ],
)
def test_columns_are_told_by_names_then_by_contents(
    tmp_path: Path, header: str, row: str, roles: tuple[str, tuple[str, ...]] | None
) -> None:
    path = tmp_path / "a.csv"
    rows = [row.format(n=number, word=word, team=("red", "blue")[number % 2]) for number, word in enumerate(WORDS)]
    path.write_text("\n".join([header, *rows]) + "\n")
    columns = detect(path).columns
    if roles is None:
        assert columns is None or header.startswith("Question")
    else:
        assert columns is not None
        assert (columns.input, columns.answers) == roles


def test_a_table_in_which_nothing_looks_like_an_answer_is_refused_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,note\n" + "".join(f"{number},the {word} is broken\n" for number, word in enumerate(WORDS)))
    with pytest.raises(DataError) as caught:
        detect(path)
    assert caught.value.code == "data.columns.unknown"
    assert "--map input=text" in str(caught.value)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=120) | st.text('{}[]",:;\n\t ab-', max_size=60).map(str.encode),
    name=st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.log", "a.txt", "a", "a.xlsx", "a.parquet", "a.jsonl.gz"]),
)
def test_any_bytes_under_any_name_are_checked_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with contextlib.suppress(DataError):
        result = check_any(path)
        assert result.path == path
        assert all(finding.line <= data.count(b"\n") + data.count(b",") + 2 for finding in result.errors)
