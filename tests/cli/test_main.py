from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from honekit import __version__, registry, settings
from honekit.cli import faults
from honekit.cli.commands import COMMANDS, Command
from honekit.cli.main import main
from honekit.errors import DataError, SettingsError
from honekit.project import Project

Install = Callable[[Callable[..., Any]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a function the command `hone probe`."""

    def add(function: Callable[..., Any]) -> None:
        module = ModuleType("probe_command")
        module.probe = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(COMMANDS, "probe", Command("probe_command:probe", "Probe.", "Test"))

    return add


def _raising(fault: BaseException) -> Callable[..., None]:
    def probe(as_json: bool = typer.Option(False, "--json")) -> None:
        raise fault

    return probe


def test_without_arguments_it_shows_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_it_prints_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hone {__version__}\n"


def test_a_command_runs_with_its_arguments_and_its_exit_code_is_kept(install: Install) -> None:
    def probe(count: int) -> None:
        raise typer.Exit(count)

    install(probe)
    assert main(["probe", "7"]) == 7


def test_a_misspelt_command_gets_the_nearest_name_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jbos"]) == 2
    assert "did you mean `hone jobs`?" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error_that_names_the_commands_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bases", "list", "--colour"]) == 2
    shown = capsys.readouterr().err
    assert "--colour" in shown
    assert "`hone bases list --help`" in shown


def test_an_error_is_three_aligned_lines_on_stderr(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install(_raising(DataError("data.probe", what="line is broken\nin two places", where="a[0].jsonl:7", mend="mend [it]")))
    assert main(["probe"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("error  line is broken\n       in two places [data.probe]\nwhere  a[0].jsonl:7\nmend   mend [it]\n")


def test_with_json_an_error_is_one_document_on_stdout(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install(_raising(DataError("data.probe", what="broken", where="a:7", mend="mend it")))
    assert main(["probe", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": {"code": "data.probe", "what": "broken", "where": "a:7", "mend": "mend it"}}
    assert captured.err == ""


def test_wrong_settings_exit_with_2(install: Install) -> None:
    install(_raising(SettingsError("settings.probe", what="wrong")))
    assert main(["probe"]) == 2


def test_a_bug_gets_an_id_and_a_log_with_the_traceback_but_shows_none(
    install: Install, capsys: pytest.CaptureFixture[str], hone_home: Path
) -> None:
    install(_raising(ZeroDivisionError("by nothing")))
    assert main(["probe"]) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in shown
    assert "Traceback" not in shown
    (log,) = (hone_home / "logs").glob("error-*.log")
    assert str(log) in shown
    assert log.stem.removeprefix("error-") in shown
    assert "Traceback" in log.read_text()


def test_a_bug_is_reported_even_where_no_log_can_be_written(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    monkeypatch.setenv("HONE_HOME", str(occupied / "below"))
    monkeypatch.setattr(faults.tempfile, "gettempdir", lambda: str(tmp_path / "absent"))
    install(_raising(ZeroDivisionError()))
    assert main(["probe"]) == 1
    assert "this is a bug in Hone" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--debug", "probe"], ["probe", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("HONE_DEBUG", "0")
    install(_raising(DataError("data.probe", what="broken")))
    assert main(arguments) == 1
    assert "Traceback" in capsys.readouterr().err


def test_debug_behind_a_double_dash_is_an_argument(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    def probe(text: str) -> None:
        print(text)

    install(probe)
    assert main(["probe", "--", "--debug"]) == 0
    assert capsys.readouterr().out == "--debug\n"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "store.disk_full"),
        (MemoryError(), "system.out_of_memory"),
    ],
)
def test_a_full_disk_and_a_full_memory_are_no_bugs(
    install: Install, capsys: pytest.CaptureFixture[str], fault: Exception, code: str
) -> None:
    install(_raising(fault))
    assert main(["probe", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_a_text_in_the_place_of_a_path_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "text " * 100, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "cli.path_too_long"


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_says_how_to_go_on(
    install: Install, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
) -> None:
    install(_raising(raised))
    assert main(["probe"]) == code
    assert "run the same command again to go on" in capsys.readouterr().err


def test_a_command_whose_package_is_missing_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "probe", Command("honekit.absent:probe", "Probe.", "Test"))
    assert main(["probe"]) == 2
    assert "honekit.absent" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert main(["bases", "--help"]) == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; from honekit.cli.main import main; sys.exit(main(['--help']))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    shown = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert shown == b""


def test_completion_offers_the_commands_without_loading_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from honekit.cli.main import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        env={"_HONE_COMPLETE": "complete_bash", "COMP_WORDS": "hone d", "COMP_CWORD": "1", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.split() == ["demo", "decide", "doctor", "data"]


@pytest.mark.parametrize(
    ("option", "named", "near"),
    [
        (["--base", "smollm2-135"], "--base: smollm2-135", "did you mean smollm2-135m or HuggingFaceTB/SmolLM2-135M-Instruct?"),
        (["--base", "./absent"], "--base: {here}/absent", "config.json"),
        (["--base", ""], "--base", "leave --base out"),
        ([], "{project}/hone.toml, [train] base: qwen2.5", "did you mean Qwen/Qwen2.5-0.5B-Instruct?"),
    ],
)
def test_a_base_that_there_is_not_is_refused_first_of_all_with_what_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str], named: str, near: str
) -> None:
    project = shutil.copytree(settings.examples_dir() / "support-routing", tmp_path / "project")
    file = project / "hone.toml"
    file.write_text(file.read_text().replace("smollm2-135m", "qwen2.5"))
    (project / "train.jsonl").unlink()  # never missed
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(project), *option, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["where"] == named.format(here=tmp_path, project=project)
    assert near in told["mend"]


def test_a_tuned_model_in_place_of_a_base_is_sent_to_where_it_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    made = registry.create_version("iot", "ftjob-1", "tiny", "x", Path("/a"), "y").name
    assert main(["run", str(settings.examples_dir() / "support-routing"), "--base", made]) == 2
    assert f"`hone jobs create TRAINING --model {made}`" in capsys.readouterr().err


@pytest.mark.parametrize("base", ["base", "./base"])
def test_the_base_of_a_run_is_a_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    import honekit.pipeline

    asked: list[str] = []

    def stop(project: Project, *_: object, **__: object) -> None:
        asked.append(project.train.base)
        raise DataError("data.record", what="the test ends here", mend="nothing")

    monkeypatch.setattr(honekit.pipeline, "run_project", stop)
    project = shutil.copytree(settings.examples_dir() / "support-routing", tmp_path / "project")
    file = project / "hone.toml"
    file.write_text(file.read_text().replace("smollm2-135m", base))
    for folder in (project, tmp_path):
        (folder / "base").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [main(["run", "project"]), main(["run", "project", "--base", base])] == [1, 1]
    assert asked == [str(project / "base"), str(tmp_path / "base")]


def test_a_run_without_deployment_says_so_to_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    import honekit.pipeline
    from honekit.errors import DataError
    from honekit.settings import examples_dir

    asked: list[bool] = []

    def stop(*_: object, deploy: bool, **__: object) -> None:
        asked.append(deploy)
        raise DataError("data.record", what="the test ends here", mend="nothing")

    monkeypatch.setattr(honekit.pipeline, "run_project", stop)
    project = str(examples_dir() / "support-routing")
    assert [main(["run", project]), main(["run", project, "--no-deploy"])] == [1, 1]
    assert asked == [True, False]
