"""`hone data convert`, through the command line's own entry point."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from honekit.cli.main import main
from honekit.data.blocks import open_unpacked
from honekit.data.formats.convert import TARGETS
from honekit.data.formats.detect import FORMATS

from .conftest import WORDS, chat, write_json_lines


def table(path: Path) -> Path:
    lines = [f'{number},"The {word}, please",{"ab"[number % 2]}\n' for number, word in enumerate(WORDS)]
    path.write_text("id,body,queue\n" + "".join(lines))
    return path


def test_a_table_becomes_chat_on_stdout_with_a_map_and_a_system_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--map", "input=body", "--map", "answer=queue", "--map", "answer=id", "--system", "Route it."]
    assert main(["data", "convert", str(table(tmp_path / "a.csv")), "--to", "chat", *options]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first == chat(("system", "Route it."), ("user", "The kettle, please"), ("assistant", '{"queue": "a", "id": "0"}'))


def test_json_tells_what_was_read_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new.json"
    assert main(["data", "convert", str(table(tmp_path / "a.csv")), "--to", "alpaca", "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["container"], document["records"], document["written"]) == ("columns", "csv", 12, 12)
    assert document["map"] == {"input": "body", "answer": ["queue"]}
    assert json.loads(out.read_text())[0] == {"instruction": "The kettle, please", "input": "", "output": "a"}


@pytest.mark.parametrize("name", ["new.jsonl.gz", "new.jsonl.zst", "new.json.gz", "new.csv.zst", "new.TSV.GZ"])
def test_a_new_file_is_packed_as_its_name_says(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    to = "csv" if "sv" in name.lower() else "chat"
    assert main(["data", "convert", str(table(tmp_path / "a.csv")), "--to", to, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x1f\x8b" if name.lower().endswith("gz") else b"\x28\xb5\x2f\xfd")
    with open_unpacked(out) as file:
        text = file.read().decode()
    assert text.startswith({"jsonl": "{", "json": "[", "csv": '"system","prompt"', "TSV": '"system"\t'}[name.split(".")[1]])
    assert len(text.splitlines()) >= 12


def test_what_cannot_be_expressed_is_an_error_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = chat(("developer", "s"), ("user", "a"), ("assistant", "b"))
    file, out = write_json_lines(tmp_path / "a.jsonl", [chat(("user", "a"), ("assistant", "b")), record]), tmp_path / "b.jsonl"
    assert main(["data", "convert", str(file), "--to", "mistral", "--out", str(out)]) != 0
    told = capsys.readouterr().err
    assert "a.jsonl:2 messages[0].role" in told
    assert "[data.convert.role]" in told
    assert not out.exists()
    assert main(["data", "convert", str(file), "--to", "mistral", "--out", str(out), "--lossy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lost"] == {"role": 1}
    assert json.loads(out.read_text().splitlines()[1])["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--to", "mistrl"], "data.convert.target"),
        (["--to", "chat", "--from", "csw"], "data.format_unknown"),
        (["--to", "chat", "--map", "input=bodi"], "data.column_unknown"),
        (["--to", "chat", "--map", "body"], "data.columns.map"),
        (["--to", "chat", "--map", "input=body"], "data.columns.map"),
    ],
)
def test_a_wrong_option_says_how_to_mend_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: str
) -> None:
    assert main(["data", "convert", str(table(tmp_path / "a.csv")), *options]) != 0
    assert f"[{code}]" in capsys.readouterr().err


def test_the_file_that_is_read_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = table(tmp_path / "a.csv")
    before = file.read_bytes()
    assert main(["data", "convert", str(file), "--to", "csv", "--out", str(file)]) != 0
    assert "[data.convert.same_file]" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_preference_files_are_not_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = [{"role": "assistant", "content": "b"}]
    record = {"input": {"messages": []}, "preferred_output": answer, "non_preferred_output": answer}
    assert main(["data", "convert", str(write_json_lines(tmp_path / "a.jsonl", [record])), "--to", "chat"]) != 0
    assert "[data.convert.kind]" in capsys.readouterr().err


def test_packed_files_are_read_as_what_is_in_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(table(tmp_path / "a.csv").read_bytes()))
    assert main(["data", "convert", str(packed), "--to", "prompt-completion"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"prompt": "The kettle, please", "completion": "a"}


def test_help_and_guide_name_every_format() -> None:
    from honekit.cli.data_convert import TARGETS as SHOWN

    guide = (Path(__file__).parents[3] / "docs" / "guide" / "data-formats.md").read_text()
    assert SHOWN.split(", ") == list(TARGETS)
    assert [name for name in FORMATS if f"`{name}`" not in guide] == []
