"""`hone iot diagnose` in all its forms, over a model whose answers are known."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.iot.test_diagnose import ANSWER, Engine, assistant

from honekit.cli import render
from honekit.cli.main import main
from honekit.inference import Completion
from honekit.inference.engine import Token
from honekit.iot import Assistant

FIELDS = {*ANSWER, "confidence"}


@pytest.fixture(autouse=True)
def known_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Assistant, "load", classmethod(lambda cls, project, model=None: assistant()))


def test_a_text_gives_one_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["iot", "diagnose", "gw-7 \x1b[31mlost \udcff", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == FIELDS
    assert main(["iot", "diagnose", "\n gw-7 \x1b[31mlost"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("gw-7  [31mlost\n")
    assert "Connectivity" in shown


def test_a_file_with_faulty_lines_gives_a_line_for_each_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"log": "a"}\r\n\nplain text\n{"log": "b"}\n')
    assert main(["iot", "diagnose", "--file", str(file), "--json"]) == 1
    out, err = capsys.readouterr()
    first, faulty, last = map(json.loads, out.splitlines())
    assert (first["device"], last["device"]) == ("gw-1", "gw-2")
    assert set(faulty) == FIELDS | {"error"}
    assert faulty["category"] is None
    assert faulty["error"]["where"] == f"{file}:3"
    assert "1 of 3 logs" in err

    assert main(["iot", "diagnose", "--file", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out.count("Connectivity") == 2
    assert f"{file}:3" in err


def test_answers_that_miss_the_schema_are_shown_with_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = cycle(["gw-1 is offline", json.dumps(ANSWER | {"device": "\x1b[31mgw-2", "actions": [1]}), json.dumps(ANSWER)])

    def answer(self: Engine) -> Completion:
        text = next(answers)
        return Completion([0], text, "stop", [Token(0, text, b"", -0.5, [], None)], 0.0)

    monkeypatch.setattr(Engine, "_answer", answer)
    file = tmp_path / "logs.jsonl"
    file.write_text('{"log": "a"}\n{"log": "b"}\n{"log": "c"}\n')
    assert main(["iot", "diagnose", "--file", str(file), "--json"]) == 1
    none, wrong, fits = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(none) == set(wrong) == FIELDS | {"error"} and set(fits) == FIELDS
    assert (none["category"], wrong["category"]) == (None, "Connectivity")
    assert none["error"]["where"] == f"{file}:1" and wrong["error"]["where"] == f"{file}:2"

    assert main(["iot", "diagnose", "--file", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out.count("Connectivity") == 2 and "\x1b" not in out
    assert err.count("[iot.answer_unusable]") == 2 and "1 of 3 logs" in err


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Writes to what the command reads."""
    reads, writes = os.pipe()
    with open(reads) as given, open(writes, "wb", buffering=0) as giving:
        monkeypatch.setattr("sys.stdin", given)
        yield giving


def test_stdin_is_read_like_a_file(stdin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stdin.write(b'\xef\xbb\xbf{"log": "a"}\n\nno log\n{"log": "b"}')
    stdin.close()
    assert main(["iot", "diagnose", "-", "--json"]) == 1
    first, fault, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [first["device"], last["device"]] == ["gw-1", "gw-2"]
    assert fault["error"]["where"] == "stdin:3"


def test_a_line_of_stdin_is_answered_before_the_next_one_comes(stdin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []

    def tell(document: dict[str, Any]) -> None:
        devices.append(document["device"])
        if len(devices) == 1:
            stdin.write(b'": "b"}\n')
        else:
            stdin.close()

    monkeypatch.setattr(render, "print_json", tell)
    stdin.write(b'{"log": "a"}\n{"log')
    assert main(["iot", "diagnose", "-", "--json"]) == 0
    assert devices == ["gw-1", "gw-2"]


def test_nothing_to_diagnose_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_text("\n \n")
    assert main(["iot", "diagnose", "--file", str(file)]) == 1
    assert "[iot.empty_log]" in capsys.readouterr().err
    assert main(["iot", "diagnose", " "]) == 1
    assert "[iot.empty_log]" in capsys.readouterr().err
    assert main(["iot", "diagnose", str(file)]) == 2
    assert (
        f"is a file, not a log's text [iot.no_input]\nwhere  TEXT\nmend   give it with --file {file}" in capsys.readouterr().err
    )
    assert main(["iot", "diagnose", str(tmp_path)]) == 2
    assert f"{tmp_path} is a folder, not a log's text [iot.no_input]" in capsys.readouterr().err
    assert main(["iot", "diagnose", "z" * 300_000]) == 1
    assert "[iot.log_too_long]" in capsys.readouterr().err


def test_a_log_that_begins_with_a_dash_gets_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    for log in ("-- MARK -- gw-5", "-97 dBm at gw-5"):
        assert main(["iot", "diagnose", log]) == 2
        assert "write -- before a text that begins with a dash" in capsys.readouterr().err
        assert main(["iot", "diagnose", "--json", "--", log]) == 0
        assert set(json.loads(capsys.readouterr().out)) == FIELDS
    assert main(["iot", "diagnose", "--jsn", "gw-5"]) == 2
    assert "dash" not in capsys.readouterr().err
