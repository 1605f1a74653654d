"""Every command tells what it does and shows an example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from honekit.cli.commands import COMMANDS, load_command
from honekit.cli.help_text import reflowed
from honekit.cli.main import main


def _leaves(name: str) -> Iterator[tuple[str, Any]]:
    command = load_command(name)
    children = getattr(command, "commands", None)
    if not children:
        yield name, command
    for child, leaf in (children or {}).items():
        yield f"{name} {child}", leaf


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    leaves = list(_leaves(name))
    assert leaves
    for path, command in leaves:
        text = command.help or ""
        assert "Example" in text, f"hone {path} shows no example"
        assert f"hone {path}" in text, f"the example of hone {path} does not call it"
        for line in text.splitlines():
            assert not line.startswith(" ") or len(line) <= 78, f"80 columns break this example of hone {path}: {line.strip()}"
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"hone {path}: {parameter.name} has no help"
        assert main([*path.split(), "--help"]) == 0
        assert "Usage: hone" in capsys.readouterr().out


def test_paragraphs_flow_and_examples_keep_their_lines() -> None:
    text = reflowed("First line\nsecond.\n\nMore\nwords.\n\n    hone x \\\n        --y")
    assert text == "First line second.\n\nMore words.\n\n    hone x \\\n        --y"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_overview_fits_on_it(name: str) -> None:
    assert COMMANDS[name].help.endswith(".")
    assert len(COMMANDS[name].help) <= 70
