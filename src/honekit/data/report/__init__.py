"""The report on a data file: one HTML file that needs no network and no other file. `page.css` is the look of all reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_REORDERS = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Embeddings, overrides and isolates, which would show the page's own words, or an answer's, in another order than they have."""


def visible(text: Any) -> Any:
    """A text with marks in place of characters that reorder what stands around them; other values as they are. Arabic and
    Hebrew need none of these characters to be read."""
    return text.translate(_REORDERS) if isinstance(text, str) else text


def page_environment(package: str) -> Environment:
    """Templates of `package` with what all pages share; everything that they are given is escaped and `visible`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates"), PackageLoader("honekit.data.report", "templates")]),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
