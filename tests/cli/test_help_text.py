"""Help in any width, with nothing lost of it."""

from __future__ import annotations

import pytest

from honekit.cli.help_text import escaped, reflowed
from honekit.cli.main import main


def test_paragraphs_flow_and_examples_stay() -> None:
    assert (
        reflowed("One\ntwo.\n\nExamples:\n\n    hone run\n    hone demo")
        == "One two.\n\nExamples:\n\n    hone run\n    hone demo"
    )


def test_only_what_the_terminal_would_take_for_markup_is_escaped() -> None:
    assert escaped("under [gate] of [decide.measure]") == r"under \[gate] of \[decide.measure]"
    assert escaped('{"a": [1, 2]} and [FILE] and [] stay') == '{"a": [1, 2]} and [FILE] and [] stay'


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        (["eval", "cost"], ["[cost]", "[PROJECT|RESULT]"]),
        (["eval", "guard"], ["[gate]"]),
        (["decide", "measure"], ["[decide.measure]"]),
        (["decide", "curve"], ["[decide.measure]"]),
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
