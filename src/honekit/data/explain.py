"""What each code means: the sections of `findings/*.md`, one for every code that `hone data check` may report."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources

from honekit.errors import DataError


@cache
def sections() -> dict[str, tuple[str, str]]:
    """Group and text of each code's section."""
    found: dict[str, tuple[str, str]] = {}
    for page in sorted(resources.files("honekit.data").joinpath("findings").iterdir(), key=lambda one: one.name):
        if not page.name.endswith(".md"):
            continue
        for text in page.read_text(encoding="utf-8").split("\n## ")[1:]:
            code, _, body = text.partition("\n")
            found[code.strip()] = (page.name.removesuffix(".md"), body.strip())
    return found


def groups() -> dict[str, str]:
    """The group of each documented code: the name of its page."""
    return {code: group for code, (group, _) in sections().items()}


def explain(code: str) -> str:
    """The section of a code. Raises: DataError[data.unknown_code], with the nearest known one."""
    known = sections()
    if code not in known:
        near = difflib.get_close_matches(code, known, n=1, cutoff=0.7)
        raise DataError(
            "data.unknown_code",
            what=f"there is no finding of the code {code!r}",
            mend=f"run `hone data explain {near[0]}`" if near else "take a code that `hone data check` prints",
        )
    return known[code][1]
