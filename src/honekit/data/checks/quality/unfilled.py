"""Slots of a template that nobody filled, as opposed to the expressions of a string in code."""

from __future__ import annotations

import re

_UNFILLED = re.compile(
    r"(?<![{$\w])\{[a-z]+(?:_[a-z]+)+\}(?!\})|\{\{\s*[A-Za-z_][\w.]{0,40}\s*\}\}"
    r"|(?i:<insert\b[^<>\n]{0,60}>|\[insert\b[^\[\]\n]{0,60}\])"
)
_IN_CODE = re.compile(r"""(?:\b(?:[fF][rR]?|[rR][fF])|\$@?)(["'])(?:(?!\1)[^\n])*$|(["'])/(?:(?!\2)\S)*$""")
"""Behind the first quotation mark of a string with expressions, or of a route."""
_LONG_STRING = re.compile(r"""\b[fF](?:\"{3}|'{3})""")


def unfilled_slot(text: str) -> str | None:
    """The first such slot of a text."""
    return next((found[0] for found in _UNFILLED.finditer(text) if not is_in_code(text, found.start())), None)


def is_in_code(text: str, at: int) -> bool:
    """Whether the brace at this place is part of a string in code: `f"… {order_id}"`, `"/orders/{order_id}"`, `"…".format(…)`."""
    if text[at] != "{":
        return False
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return bool(_IN_CODE.search(line)) or ".format(" in text or bool(_LONG_STRING.search(text, 0, at))
