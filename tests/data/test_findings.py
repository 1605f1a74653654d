"""Every code has its page, and every page its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import honekit.data
from honekit.cli.main import main
from honekit.data.explain import explain, groups, sections
from honekit.errors import DataError

SOURCES = Path(honekit.data.__file__).parent
FINDING = re.compile(r'(?:Finding|add|note|one|say|warner|adviser)\(\s*"(data\.[a-z0-9_.]+)"')
"""How findings are made in the checks of chat files."""
CHAT_FILES = ("lines.py", "records.py", "chat.py", "chat_faults.py", "preference.py", "preference_faults.py", "reinforcement.py")


def codes_of_the_checks() -> set[str]:
    files = [SOURCES / name for name in CHAT_FILES] + sorted((SOURCES / "checks").glob("*.py"))
    return {code for file in files for code in FINDING.findall(file.read_text(encoding="utf-8"))}


def test_every_code_of_the_checks_has_a_section() -> None:
    missing = codes_of_the_checks() - set(sections())
    assert not missing


def test_no_section_is_without_a_code() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py"))
    # Some checks put the last part of a code together with the rest; those of formats are held to their codes in test_dialects.
    named = {code for code, group in groups().items() if group != "formats"}
    orphaned = {code for code in named if f'"{code}"' not in text and f'"{code.rpartition(".")[0]}.{{' not in text}
    assert not orphaned


def test_every_section_says_how_grave_it_is() -> None:
    for code, (_, text) in sections().items():
        assert text.startswith(("**error**", "**warning**", "**advice**")), code
        assert len(text.split()) > 5, code


def test_a_code_is_explained_and_a_misspelt_one_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "explain", "data.roles.unusual"]) == 0
    assert "system message in the middle" in capsys.readouterr().out
    assert groups()["data.roles.order"] == "structure"
    with pytest.raises(DataError) as caught:
        explain("data.roles.ordr")
    assert "data.roles.order" in (caught.value.mend or "")
