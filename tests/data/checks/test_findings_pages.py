"""Every code of leaks, personal data and secrets has its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import honekit.data

DATA = Path(honekit.data.__file__).parent
CODES = sorted(
    {code for path in DATA.rglob("*.py") for code in re.findall(r'"(data\.(?:privacy|secrets)\.[a-z_]+)"', path.read_text())}
    | {"data.leak.exact", "data.leak.near_duplicate", "data.leak.group"}
)


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_section_with_its_severity(code: str) -> None:
    pages = "".join(page.read_text() for page in (DATA / "findings").glob("*.md"))
    section = pages.partition(f"\n## {code}\n")[2]
    assert re.match(r"\n\*\*(?:error|warning|advice)\*\*", section)
