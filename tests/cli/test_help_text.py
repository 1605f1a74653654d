"""Help in any width, with nothing lost of it."""

from __future__ import annotations

import pytest

from honekit.cli.main import main


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        (["eval", "cost"], ["[cost]", "[PROJECT|RESULT]"]),
        (["eval", "guard"], ["[gate]"]),
        (["decide", "measure"], ["[decide.measure]"]),
        (["decide", "curve"], ["[decide.measure]"]),
        (["data", "diff"], ["[default: id, metadata.id]"]),
        (["decide"], ["hone decide --save answers.json"]),
        (["eval"], ["hone eval compare last"]),
    ],
)
def test_sections_of_the_project_file_are_named_in_the_help(
    command: list[str], texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in texts) and "[[" not in shown


@pytest.mark.parametrize("command", [[], ["run"], ["jobs"], ["jobs", "list"]])
def test_options_without_a_value_show_none(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--help" in shown and "<bool>" not in shown
