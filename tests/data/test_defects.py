"""Small files with one kind of defect each: exactly the findings expected, and no other.

A case is a folder of `tests/assets/defects`: `train.*`, where needed `validation.*` and `test.*`, and `expected.json`,
which lists for each severity `[code, line, field]` of every finding in order of line.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.data.checks import CheckOptions
from honekit.data.formats.check import check_any

DEFECTS = Path(__file__).parents[1] / "assets" / "defects"
CASES = sorted(folder.name for folder in DEFECTS.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_a_seeded_file_gives_exactly_its_findings(case: str) -> None:
    files = {file.stem: file for file in (DEFECTS / case).iterdir()}
    expected = json.loads(files["expected"].read_text())
    result = check_any(files["train"], CheckOptions(validation=files.get("validation"), test=files.get("test")))
    found = {
        name: sorted([f.code, f.line, f.field] for f in findings)
        for name, findings in (("errors", result.errors), ("warnings", result.warnings), ("advice", result.advice))
        if findings
    }
    assert found == {name: sorted(findings) for name, findings in expected.items()}
