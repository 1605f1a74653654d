"""The interview in a terminal: forth, back, interrupted, gone on with."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from honekit.cli.decide_interview import interview
from honekit.cli.main import main
from honekit.decide import load_questions
from honekit.settings import home

QUESTIONS = [question.id for question in load_questions()]


class Typing:
    """A terminal on which lines are typed; what is not a terminal would be refused."""

    def __init__(self, *lines: str, then: str = "") -> None:
        self.lines, self.then = [*lines], then

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        if self.lines:
            return self.lines.pop(0) + "\n"
        if self.then == "interrupt":
            raise KeyboardInterrupt
        return "\n" if self.then == "enter" else ""


def types(monkeypatch: pytest.MonkeyPatch, *lines: str, then: str = "enter") -> None:
    monkeypatch.setattr(sys, "stdin", Typing(*lines, then=then))


def test_answers_are_numbers_or_words_and_enter_leaves_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    types(monkeypatch, "Grade essays", "1", "label", "", "6, 8")
    found = interview(tmp_path / "answers.json")
    assert found == {"task": "Grade essays", "input": "text", "output": "label", "missing": ["format", "skill"]}
    assert json.loads((tmp_path / "answers.json").read_text()) == found
    assert not (home() / "interview.json").exists()


def test_one_goes_back_to_change_or_take_away_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    types(monkeypatch, "b", "Essays", "1", "2", "b", "b", "4", "", "b", "b", "b", "-")
    assert interview(None) == {"input": "sound", "output": "number"}


@pytest.mark.parametrize("stop", ["interrupt", "end of input"])
def test_an_interrupted_interview_goes_on_at_the_same_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stop: str
) -> None:
    types(monkeypatch, "Essays", "1", then=stop)
    with pytest.raises(KeyboardInterrupt):
        interview(None)
    assert "Your answers are kept" in capsys.readouterr().err
    types(monkeypatch, "1")
    assert interview(None) == {"task": "Essays", "input": "text", "output": "label"}
    assert "Going on at question 3" in capsys.readouterr().err


def test_restart_begins_anew_and_a_broken_file_is_no_interview(monkeypatch: pytest.MonkeyPatch) -> None:
    types(monkeypatch, "Essays", then="interrupt")
    with pytest.raises(KeyboardInterrupt):
        interview(None)
    types(monkeypatch)
    assert interview(None, restart=True) == {}
    for broken in ("[", '{"at": 0, "answers": {"gone": 1, "output": "gone"}}'):
        (home() / "interview.json").write_text(broken)
        types(monkeypatch, "Letters")
        assert interview(None) == {"task": "Letters"}


def test_what_does_not_fit_is_asked_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at = QUESTIONS.index("missing")
    types(monkeypatch, *[""] * (at - 2), "9", "1 2", "1", "", "1 7", "7")
    found = interview(None)
    assert (found["output"], found["missing"]) == ("label", ["style"])
    said = capsys.readouterr().err
    assert said.count("please type 1 to 7") == 2 and "contradict" in said


@pytest.fixture
def terminal(hone_home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`hone decide` in a real terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "honekit.cli.main", "decide"], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    yield process, ours
    process.kill()
    process.wait()
    os.close(ours)


def test_ctrl_c_in_a_terminal_keeps_the_answers(terminal: tuple[subprocess.Popen[bytes], int]) -> None:
    process, screen = terminal
    read_until(screen, b"> ")
    os.write(screen, "Sätze\n".encode("latin-1"))
    assert b"not UTF-8" in read_until(screen, b"UTF-8\r\n")
    os.write(screen, b"Grade essays\n")
    read_until(screen, b"2/")
    os.write(screen, b"1\n")
    read_until(screen, b"3/")
    process.send_signal(signal.SIGINT)
    assert b"Your answers are kept" in read_until(screen, b"goes on here")
    assert process.wait(20) == 130
    assert json.loads((home() / "interview.json").read_text()) == {"at": 2, "answers": {"task": "Grade essays", "input": "text"}}


def read_until(screen: int, wanted: bytes) -> bytes:
    found, until = b"", time.monotonic() + 60
    while wanted not in found and time.monotonic() < until:
        found += os.read(screen, 4096)
    return found


def test_a_text_that_no_file_takes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answers.json"
    file.write_text('{"task": "half a pair: \\ud800"}')
    assert main(["decide", "record", "--answers", str(file), "--json"]) == 2
    assert "task: has characters that are not UTF-8" in json.loads(capsys.readouterr().out)["error"]["what"]
    file.write_text('{"task": "sort"}')
    assert main(["decide", "record", "--answers", str(file), "--argument", "\udcff", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"] == "--argument"


def test_what_is_asked_of_an_interview_does_not_go_with_a_file_of_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answers.json").write_text('{"missing": ["style"]}')
    kept = tmp_path / "kept.json"
    assert main(["decide", "--answers", str(tmp_path / "answers.json"), "--save", str(kept), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "cli.usage"
    assert not kept.exists()
