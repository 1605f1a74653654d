"""`hone data` and `hone init` through the command line's own entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from honekit.cli.main import main
from honekit.project import Project

TICKETS = Path(__file__).parents[1] / "assets" / "data" / "tickets.csv"
GOOD = '{"messages": [{"role": "user", "content": "%d"}, {"role": "assistant", "content": "a"}]}\n'


def test_a_good_chat_file_exits_0_and_a_bad_one_1_with_each_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text("".join(GOOD % n for n in range(10)))
    assert main(["data", "check", str(file)]) == 0
    file.write_text(file.read_text() + "{\n")
    capsys.readouterr()
    assert main(["data", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert "line 11 column 2: not JSON" in out
    assert "error    data.json_syntax" in out


def test_a_code_is_counted_at_each_severity_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"{name}.jsonl" for name in ("train", "validation", "test")}
    files["train"].write_text("".join(GOOD % n for n in range(10)))
    files["validation"].write_text("".join(GOOD % n for n in range(7)))
    files["test"].write_text(GOOD % 8)
    named = ["--validation", str(files["validation"]), "--test", str(files["test"])]
    assert main(["data", "check", str(files["train"]), *named]) == 1
    out = capsys.readouterr().out.splitlines()
    assert "error    data.leak.exact" in out
    assert "warning  data.leak.exact  × 7" in out
    assert [line.strip() for line in out if " more" in line] == ["and 2 more: lines 6, 7"]


@pytest.mark.parametrize("command", ["stats", "fix", "suspects", "report"])
def test_a_table_is_sent_to_convert_instead_of_being_called_broken_json(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "tickets.csv"
    table.write_text("text,label\n" + "".join(f"question {n},a\n" for n in range(12)))
    assert main(["data", command, str(table)]) == 1
    told = capsys.readouterr()
    assert "[data.not_jsonl]" in told.err
    assert f"hone data convert {table} --to chat" in told.err.replace("\n", " ")
    assert [file.name for file in tmp_path.iterdir()] == ["tickets.csv"]


@pytest.mark.parametrize(
    ("command", "record", "target"),
    [
        ("stats", '{"conversations": [{"from": "human", "value": "Who %d?"}, {"from": "gpt", "value": "Me."}]}', "chat"),
        ("stats", '{"prompt": "Who %d?", "chosen": "Me.", "rejected": "Go."}', "preference"),
        ("fix", '{"instruction": "Name the animal.", "input": "It barks %d times.", "output": "dog"}', "chat"),
        ("fix", '{"prompt": "Who %d?", "completion": "Me."}', "chat"),
    ],
)
def test_records_of_another_format_are_sent_to_convert(
    command: str, record: str, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(record % n + "\n" for n in range(12)))
    assert main(["data", command, str(file)]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert f"hone data convert {file} --to {target} --out {tmp_path / f'train.{target}.jsonl'}" in told


def test_pairs_are_not_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.jsonl"
    answer = '[{"role": "assistant", "content": "%s"}]'
    pair = '{"input": {"messages": [{"role": "user", "content": "Who %d?"}]}, "preferred_output": ' + answer % "Me."
    file.write_text("".join(pair % n + f', "non_preferred_output": {answer % "Go."}}}\n' for n in range(12)))
    assert main(["data", "fix", str(file)]) == 1
    assert "this is preference [data.not_jsonl]" in capsys.readouterr().err


def test_what_was_not_looked_at_has_no_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text("".join(GOOD % n for n in range(10)))
    marks = []
    for options in ((), ("--only", "structure"), ("--test", str(file))):
        main(["data", "check", str(file), "--json", *options])
        marks.append({group for group, mark in json.loads(capsys.readouterr().out)["score"].items() if mark is None})
    assert marks == [{"leakage"}, {"consistency", "quality", "leakage", "privacy"}, set()]


def test_check_json_is_one_document_with_the_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text("[]\n" * 10)
    assert main(["data", "check", str(file), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["records"] == 10
    assert document["errors"][0]["code"] == "data.record"
    assert document["errors"][0]["line"] == 1


def test_check_says_what_another_format_was_read_as_and_how_jobs_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text("body,queue\n" + "".join(f"The {n}th printer jams,{'ab'[n % 2]}\n" for n in range(12)))
    assert main(["data", "check", str(file), "--map", "input=body", "--map", "answer=queue"]) == 0
    out = capsys.readouterr().out
    assert "columns in csv" in out
    assert f"hone data convert {file} --map input=body --map answer=queue --to chat --out FILE" in out
    assert main(["data", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "columns in csv"
    assert main(["data", "check", str(file), "--map", "input=boddy", "--map", "answer=queue"]) != 0
    assert "data.column_unknown" in capsys.readouterr().err


def test_prepare_prints_balance_and_overlap_or_one_json_document(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "prepare", str(project.root)]) == 0
    assert "10 training, 4 validation, 2 test examples" in capsys.readouterr().out
    assert main(["data", "prepare", str(project.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["train"] == 10


def test_init_from_a_csv_prints_what_it_inferred_and_what_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "p"), "--from", str(TICKETS)]) == 0
    out = capsys.readouterr().out
    assert "input     message" in out
    assert "queue: one of 5" in out
    assert "Check next" in out
    assert main(["data", "prepare", str(tmp_path / "p")]) == 0


def test_init_from_an_unlabelled_log_exits_1_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.log").write_text("pump stopped\nfan runs\n")
    assert main(["init", str(tmp_path / "p"), "--from", str(tmp_path / "a.log")]) == 1
    assert "to-label.jsonl" in capsys.readouterr().out
    assert main(["init", str(tmp_path / "q"), "--from", str(tmp_path / "a.log"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["labelled"] is False


def test_init_example_prints_a_toml_or_copies_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--example"]) == 0
    assert 'name = "support-routing"' in capsys.readouterr().out
    assert main(["init", str(tmp_path / "p"), "--example"]) == 0
    assert (tmp_path / "p" / "hone.toml").exists()


@pytest.mark.parametrize("args", [["init"], ["init", "--example", "--from", "x.csv"]])
def test_init_needs_exactly_one_source(args: list[str]) -> None:
    assert main(args) == 2


def test_data_check_loads_no_heavy_library(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text("".join(GOOD % n for n in range(10)))
    code = (
        "import sys; from honekit.cli.main import main; code = main(['data', 'check', sys.argv[1]]);"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'sklearn', 'bm25s', 'sqlalchemy', 'fastapi'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_units_of_the_others_are_named_with_their_larger_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def line(number: int, unit: str) -> str:
        asked, answer = f"What does crate {number} weigh?", f"It has {number + 3} {unit}."
        return json.dumps({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}) + "\n"

    file = tmp_path / "chat.jsonl"
    file.write_text("".join(line(number, "kg") for number in range(40)) + line(41, "lb"))
    assert main(["data", "check", str(file)]) == 0
    assert '"grams and kilograms"' in capsys.readouterr().out
