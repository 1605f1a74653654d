"""Help that reads well in any width: the terminal breaks the lines of a docstring's paragraphs, not its author."""

from __future__ import annotations

import re
from typing import Any

_LIKE_MARKUP = re.compile(r"(\[[a-z#/@][^\[\]]*\])")


def tidy(command: Any) -> Any:
    """The command, and all below it, with flowing paragraphs; options that take no value show none, and [brackets] stay."""
    command.help = escaped(reflowed(command.help or ""))
    for option in command.params:
        if getattr(option, "help", None):
            option.help = escaped(option.help)
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        tidy(inner)
    return command


def reflowed(text: str) -> str:
    """Paragraphs on one line each; indented ones, such as examples, stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(one if one.startswith(" ") else " ".join(one.split("\n")) for one in paragraphs)


def escaped(text: str) -> str:
    """Sections of hone.toml, such as [gate], would be taken for markup of the terminal's library and vanish."""
    return _LIKE_MARKUP.sub(r"\\\1", text)
