"""Talking to a tiny random model: from a pipe, and in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from honekit.cli.chat import chat
from honekit.errors import ServeError

HONE = [sys.executable, "-m", "honekit.cli.main"]


def pipe(text: str, *arguments: str, code: int = 0) -> str:
    """What the models say to the lines of `text`; sampled, since random weights say the likeliest token for ever."""
    app = typer.Typer()
    app.command()(chat)
    sampled = ["--temperature", "1", "--seed", "3", "--max-tokens", "6", "--device", "cpu"]
    done = CliRunner().invoke(app, [*arguments, *sampled], input=text, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine was asked, as text."""
    from honekit.inference.session import Session

    asked: list[str] = []
    add = Session.add

    def noted(self: Session, request: Any) -> int:
        asked.append(self._engine.tokenizer.decode(request.prompt_ids, skip_special_tokens=False))
        return add(self, request)

    monkeypatch.setattr(Session, "add", noted)
    return asked


def test_each_line_of_a_pipe_is_a_turn_of_one_conversation(tiny_base_dir: Path, prompts: list[str]) -> None:
    lines = "pump 7\n\npump 8\n/reset\n/system be brief\npump 9\n/system\n/exit\nnever read\n"
    answers = pipe(lines, str(tiny_base_dir)).splitlines()
    assert len(prompts) == 3
    assert all(answers)
    assert answers[0] in prompts[1]
    assert "pump 7" in prompts[1]
    assert "be brief" not in prompts[1]
    assert "pump 8" not in prompts[2]
    assert "be brief" in prompts[2]


def test_two_models_are_told_apart(tiny_base_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(tiny_base_dir)
    said = pipe("pump 7\n", str(tiny_base_dir), str(other))
    one = pipe("pump 7\n", str(tiny_base_dir))
    assert said == f"[{tiny_base_dir}]\n{one}[{other}]\n{one}"


def test_an_unknown_model_is_named_before_any_is_loaded(tiny_base_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honekit.inference.engine.load_engine", lambda *_args, **_options: pytest.fail("a model was loaded"))
    with pytest.raises(ServeError) as caught:
        pipe("x\n", str(tiny_base_dir), "nothing@production")
    assert caught.value.code == "serve.unknown_model"


def test_a_conversation_that_does_not_fit_says_how_to_go_on(tiny_base_dir: Path) -> None:
    said = pipe("word " * 3000 + "\n/reset\nshort\n", str(tiny_base_dir), code=1)
    assert said.strip()  # the next line was answered
    assert said == pipe("short\n", str(tiny_base_dir))


class Terminal:
    def __init__(self, handle: int) -> None:
        self.handle, self.seen = handle, ""

    def until(self, text: str, timeout_s: float = 90) -> None:
        """Read until `text` comes; forgets what came up to there."""
        os.set_blocking(self.handle, False)
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            try:
                self.seen += os.read(self.handle, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:  # the other end is closed
                assert text in self.seen, self.seen
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())


def _take_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A suite that a shell started in the background inherits an ignored Ctrl-C; a person's terminal does not.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def terminal(*arguments: str) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*HONE, "chat", *arguments, "--device", "cpu"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_the_terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(theirs)
    try:
        yield Terminal(ours), process
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize("models", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_stops_an_answer_and_ctrl_d_leaves(tiny_base_dir: Path, tmp_path: Path, models: int) -> None:
    other = tmp_path / "other"
    other.symlink_to(tiny_base_dir)
    names = [str(tiny_base_dir), str(other)][:models]
    with terminal(*names, "--max-tokens", "2000", "--temperature", "1", "--seed", "3") as (screen, process):
        screen.until("> ")
        screen.type("tell me a long story\n")
        screen.until("story")
        time.sleep(1)
        screen.type("\x03")
        screen.until("> ")
        screen.type("/reset\n")
        screen.until("forgotten")
        screen.until("> ")
        screen.type("\x03")
        screen.until("Ctrl-D")
        screen.until("> ")
        screen.type("\x04")
        assert process.wait(20) == 0
