"""What a shell is offered behind a command, in this process and as bash, zsh and fish ask for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from honekit import deploy, fine_tuning, jobs, registry
from honekit.cli.main import main
from honekit.fine_tuning import Start, checkpoint_name
from honekit.jobs import Model, queue
from honekit.store import evals, files
from honekit.store.evals import Entry

Offered = Callable[..., list[str]]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offered:
    """What bash is offered for the last of these words, each taken apart as bash does it."""

    def ask(*words: str) -> list[str]:
        monkeypatch.setenv("_HONE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["hone", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        assert main([]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out.splitlines()

    return ask


@pytest.fixture
def version() -> str:
    made = registry.create_version("tickets", "ftjob-1", "tiny", "x", Path("/a"), "y").name
    deploy.promote("tickets@production", made, "test")
    return made


def test_a_model_is_an_alias_a_version_or_a_base(offered: Offered, version: str) -> None:
    found = offered("chat", "")
    assert found[:3] == ["tickets@production", version, "smollm2-135m"]
    assert offered("chat", "smol") == ["smollm2-135m"]
    assert offered("chat", "smollm2-135m", "tick") == ["tickets@production"]
    assert offered("iot", "diagnose", "--model", "t") == ["tickets@production"]
    assert offered("models", "rollback", "") == ["tickets@production"]
    assert offered("models", "delete", "") == [version]
    assert offered("run", "--base", "smol") == ["smollm2-135m"]


@pytest.mark.parametrize(
    ("before", "words", "kept"),
    [
        (["models", "show"], ["ft", ":", "tin"], "ft:"),
        (["models", "show"], ["ft", ":"], "ft:"),
        (["chat", "smollm2-135m"], ["ft", ":", "tiny", ":", "lo"], "ft:tiny:"),
        (["iot", "diagnose", "--model"], ["ft", ":", "t"], "ft:"),
        (["iot", "diagnose"], ["--model", "=", "ft", ":", "t"], "ft:"),
    ],
)
def test_bash_is_offered_what_stands_behind_its_last_break(
    offered: Offered, version: str, before: list[str], words: list[str], kept: str
) -> None:
    assert offered(*before, *words) == [version.removeprefix(kept)]


def test_an_alias_is_completed_behind_its_mark(offered: Offered, version: str) -> None:
    assert offered("chat", "tickets", "@", "pr") == ["production"]


def test_checkpoints_are_offered_where_a_model_is_asked_and_not_where_one_is_promoted(offered: Offered, tmp_path: Path) -> None:
    line = b'{"messages": [{"role": "user", "content": "a%d"}, {"role": "assistant", "content": "b"}]}\n'
    file = files.create("default", "a.jsonl", "fine-tune", [line % number for number in range(10)])
    job, asked = fine_tuning.create("default", Start("tiny", "tiny"), file.id)
    queue.add_checkpoint(job.id, 4, str(tmp_path), {}, model=Model(tmp_path, "f"))
    queue.add_checkpoint(job.id, 5, str(tmp_path), {})
    for command in (["chat"], ["iot", "diagnose", "--model"], ["eval", "guard", "--model"]):
        assert offered(*command, "ft") == [checkpoint_name(asked.model_name, 4)]
    assert offered("models", "show", "ft") == []


def test_runs_are_offered_by_their_ids(offered: Offered) -> None:
    source = {"type": "jsonl", "source": {"type": "file_content", "content": []}}
    found = evals.create_eval("default", "e", {}, [])
    run = evals.create_run(found, "r", "m", source, [Entry({"a": "1"})]).id
    for command in ("show", "compare", "report"):
        assert offered("eval", command, "") == ["last", run]
    assert offered("eval", "compare", "last", "evalrun") == [run]
    assert offered("eval", "run", "--resume", "") == [run]


def test_jobs_and_files_are_offered_by_their_ids(offered: Offered) -> None:
    job = jobs.create_job("selftest", {}).id
    file = files.create("default", "a.jsonl", "fine-tune", [b"a"]).id
    for command in ("show", "cancel", "watch"):
        assert offered("jobs", command, "") == [job]
    assert offered("jobs", "list", "--after", "") == [job]
    assert offered("files", "show", "") == [file]
    assert offered("jobs", "create", "file-") == offered("jobs", "create", "x", "--validation", "file-") == [file]
    assert offered("jobs", "create", "") == []  # so that bash offers paths


def test_of_a_servers_data_nothing_is_offered(offered: Offered, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.create_job("selftest", {})
    monkeypatch.setenv("HONE_BASE_URL", "http://192.0.2.1:1")
    assert offered("jobs", "show", "") == offered("models", "show", "") == []
    assert offered("chat", "tick") == ["tickets@production"]


@pytest.mark.parametrize("words", [["nonsense", ""], ["jobs", "nonsense", ""], ["run", "--nonsense", ""], ["chat", "'", ""]])
def test_what_cannot_be_completed_is_no_error(offered: Offered, words: list[str]) -> None:
    assert all("error" not in line for line in offered(*words))


def test_a_damaged_database_is_no_error(offered: Offered, hone_home: Path) -> None:
    hone_home.mkdir()
    (hone_home / "hone.db").write_text("no database " * 100)
    assert offered("jobs", "show", "") == []
    assert offered("chat", "smol") == ["smollm2-135m"]


def test_zsh_and_fish_are_told_what_a_name_stands_for(
    version: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for shell in ("zsh", "fish"):
        monkeypatch.setenv("_HONE_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "hone models rollback tickets@p")
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        assert main([]) == 0
        told = capsys.readouterr().out
        assert "tickets@production" in told and "ft" in told


@pytest.mark.parametrize("command", ["chat ", "jobs show ", "files show ", "models show ", "run --base "])
def test_no_library_of_models_or_databases_is_loaded(command: str, hone_home: Path, version: str) -> None:
    code = (
        "import os, sys\nfrom honekit.cli.main import main\n"
        f"os.environ.update(_HONE_COMPLETE='complete_bash', COMP_WORDS='hone {command}', COMP_CWORD='{command.count(' ')}')\n"
        "main([])\nprint(sorted({'torch', 'transformers', 'sqlalchemy', 'openai', 'fastapi', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
